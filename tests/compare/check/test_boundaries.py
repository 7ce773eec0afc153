"""Faults that only some sizes, values or arguments show are found.

They are in the tables `boundaries.toml` and `subtle.toml` of the folder `students`.
"""

import ast
import re
from functools import partial

import pytest

from compare.check import CheckConfig
from compare.check.exercise.examine import examine_functions
from compare.check.layers.examine import examine_class
from compare.check.trying import diagnosis
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
from tests.in_process import loader, submission_of

FUNCTIONS = {
    "right": right_source(),
    "plain rnn": plain_source("rnn"),
    "plain gru": plain_source("gru"),
    "plain lstm": plain_source("lstm"),
    "CS231n": next(s.source for s in styles()[0] if s.name == "cs231n: rnn as in the assignment"),
}
FAULTS = table("boundaries")["fault"]
SUBTLE = [
    pytest.param(base, change, kind == "strict", id=f"{base}: {words}")
    for kind, by_base in table("subtle").items()
    for base, by_words in by_base.items()
    for words, change in by_words.items()
]

pytestmark = pytest.mark.usefixtures("quietly")


@pytest.fixture(autouse=True)
def _no_diagnosis(monkeypatch):
    """Do not search for the likely mistake, which takes many seconds."""
    monkeypatch.setattr(diagnosis, "find_mistake", lambda *_: None)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_is_in_a_file_that_python_can_read(fault):
    """A syntax error would be found, too, but would say nothing about the boundary."""
    base, changes = fault["base"], [fault["change"]]
    if base in FUNCTIONS:
        ast.parse(replaced(FUNCTIONS[base], changes))
    else:
        ast.parse(Layer(base, base, changes).source)


def is_right(base, changes, folder, **options):
    """Return whether `check` calls a base of the corpus right, with changes."""
    terminal = Terminal(quiet=True)
    if base in FUNCTIONS:
        load = loader(folder, replaced(FUNCTIONS[base], changes))
        config = CheckConfig(target="student.py", no_train=True)
        return examine_functions(config, load, terminal).ok
    layer = Layer(base, base, changes)
    target = layer.write(folder)
    config = CheckConfig(target=target, cell=layer.cell, **options)
    return examine_class(config, partial(submission_of, target), terminal).ok


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_at_a_boundary_is_found(fault, tmp_path):
    assert not is_right(fault["base"], [fault["change"]], tmp_path)


@pytest.mark.parametrize(("base", "change", "strict"), SUBTLE[:: number(5, 1)])
def test_a_subtle_fault_is_found(base, change, strict, tmp_path, count):
    changes = [change] if isinstance(change[0], str) else change
    options = {"strict": True} if strict else {}
    assert not is_right(base, changes, tmp_path, **options)
    count("subtle faults found")
    if strict:
        assert is_right(base, changes, tmp_path)


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


@pytest.mark.parametrize("base", sorted({fault["base"] for fault in FAULTS}))
def test_without_the_fault_it_is_right(base, tmp_path):
    assert is_right(base, [], tmp_path)
