"""Faults that only some sizes, values or arguments show are found.

They are in the tables `boundaries.toml` and `subtle.toml` of the folder `students`.
"""

import ast
import re
from functools import partial
from pathlib import Path

import pytest

from compare.check import CheckConfig, list_trials
from compare.check.layers.examine import examine_class
from compare.check.layers.layer import LayerSubject, find_layout, list_surface
from compare.check.layers.properties import try_property
from compare.check.properties import of_modules
from compare.check.trying import diagnosis
from compare.implementations import UserLayerFactory
from compare.terminal import Terminal
from tests.compare.check.corpus import (
    Layer,
    plain_source,
    replaced,
    right_source,
    styles,
    table,
)
from tests.counts import number
from tests.in_process import examine_text, submission_of

FUNCTIONS = {
    "right": right_source(),
    "plain rnn": plain_source("rnn"),
    "plain gru": plain_source("gru"),
    "plain lstm": plain_source("lstm"),
    "CS231n": next(s.source for s in styles()[0] if s.name == "cs231n: rnn as in the assignment"),
}
FAULTS = table("boundaries")["fault"]
SUBTLE = [
    pytest.param(base, change, id=f"{base}: {words}")
    for base, by_words in table("subtle")["found"].items()
    for words, change in by_words.items()
]

pytestmark = pytest.mark.usefixtures("quietly")


@pytest.fixture(autouse=True)
def _no_diagnosis(monkeypatch):
    """Do not search for the likely mistake, which takes many seconds."""
    monkeypatch.setattr(diagnosis, "find_mistake", lambda *_: None)


def is_right(base, changes, folder):
    """Return whether `check` calls a base right, with changes that Python can read."""
    terminal = Terminal(quiet=True)
    if base in FUNCTIONS:
        ast.parse(source := replaced(FUNCTIONS[base], changes))
        return examine_text(folder, source).ok
    layer = Layer(base, base, changes)
    ast.parse(layer.source)
    target = layer.write(folder)
    config = CheckConfig(target=target, cell=layer.cell)
    return examine_class(config, partial(submission_of, target), terminal).ok


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_at_a_boundary_is_found(fault, tmp_path):
    assert not is_right(fault["base"], [fault["change"]], tmp_path)


@pytest.mark.parametrize(("base", "change"), SUBTLE[:: number(5, 1)])
def test_a_subtle_fault_is_found(base, change, tmp_path, count):
    changes = [change] if isinstance(change[0], str) else change
    assert not is_right(base, changes, tmp_path)
    count("subtle faults found")


def test_two_features_that_are_wrong_together_are_reported_and_the_rest_is_tried(tmp_path):
    change = table("subtle")["found"]["deep"]["lengths with two layers"]
    target = Layer("deep", "deep", [change]).write(tmp_path)
    config = CheckConfig(target=target, cell="rnn")
    report = examine_class(config, partial(submission_of, target), Terminal(quiet=True))
    wrong = [entry.name for entry in report.features if entry.verdict == "wrong"]
    assert len(wrong) == 1
    assert re.fullmatch(r"features combined \(T .*, [23] layers, .*lengths .*\)", wrong[0])
    assert report.failed == ""
    assert report.properties


@pytest.mark.parametrize("base", FUNCTIONS)
def test_without_the_fault_it_is_right(base, tmp_path):
    assert is_right(base, [], tmp_path)


WRONG_DROPOUT = {
    "Right": [],
    "InEvaluation": ["dropout in evaluation"],
    "AfterTheLast": ["dropout in training"],
    "Unscaled": ["dropout in training"],
    "WithoutDropout": [],
}


@pytest.mark.parametrize("name", WRONG_DROPOUT)
def test_dropout_is_that_of_pytorch(name):
    with submission_of(f"{Path(__file__).parent}/students/dropout.py:{name}") as submission:
        layers = UserLayerFactory(submission, "gru")
        find_layout(LayerSubject(layers, 0, list_trials()[:1]))
        surface = list_surface(layers, [{"bias": False}])
        tried = (of_modules.dropout_in_evaluation, of_modules.dropout_in_training)
        results = [try_property(each, layers, surface, 0, 0) for each in tried]
    verdicts = {"not tried"} if name == "WithoutDropout" else {"right", "wrong"}
    assert {result.verdict for result in results} <= verdicts
    assert [result.name for result in results if result.verdict == "wrong"] == WRONG_DROPOUT[name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ["h @ W_hh.T + b_hh", "h @ W_hh.T + np.where(b_hh == b_ih, 0, b_hh)"],
            "with b_hh as b_ih",
        ),
        (["h_t: Array = ", "h_t: Array = (1 + (len(h) > 60)) * "], "with B at least 63"),
        (["h_t: Array = ", "h_t: Array = (1 + (len(x_t) < 2)) * "], "with B 1"),
        (["h_t: Array = ", "h_t: Array = (1 + (len(W_ih) == len(W_ih.T))) * "], "V equal to H"),
        (["h_t: Array = ", "h_t: Array = (1 + (h.dtype != float)) * "], "with float32"),
        (["h_t: Array = ", "h_t: Array = (1 + (len(h) > 128)) * "], "wrong in this one alone"),
    ],
)
def test_a_report_says_what_the_wrong_cases_have_in_common(change, words, tmp_path):
    text = replaced(FUNCTIONS["plain rnn"], [change])
    [result] = examine_text(tmp_path, text, stage="rnn_step").stages
    assert re.match(r"right in \d+ cases, wrong in ", result.where)
    assert words in result.where
