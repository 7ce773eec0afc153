"""Faults of functions that only some sizes, values or arguments show are found.

They are in the table `subtle.toml` of the folder `students`.
"""

import ast
import re

import pytest

from compare.check import STAGES as ALL
from compare.check.core import likely_mistake
from compare.check.exercise.cs231n import CS231N_STAGES
from tests.compare.check.corpus import (
    plain_source,
    replaced,
    right_source,
    styles,
    table,
)
from tests.in_process import examine_text

FUNCTIONS = {
    "right": right_source(),
    "plain rnn": plain_source("rnn"),
    "plain gru": plain_source("gru"),
    "plain lstm": plain_source("lstm"),
    "CS231n": next(s.source for s in styles()[0] if s.name == "cs231n: rnn as in the assignment"),
}
SUBTLE = [
    pytest.param(base, change, id=f"{base}: {words}")
    for base, by_words in table("subtle")["found"].items()
    for words, change in by_words.items()
]

pytestmark = pytest.mark.usefixtures("quietly")


@pytest.fixture(autouse=True)
def _no_diagnosis(monkeypatch):
    """Do not search for the likely mistake, which takes many seconds."""
    monkeypatch.setattr(likely_mistake, "find_mistake", lambda *_: None)


STAGES = {stage.name for stages in (*ALL.values(), *CS231N_STAGES.values()) for stage in stages}


def find_function(source, text):
    """Return the name of the function in which a text is; None if it is not one of the exercise."""
    *_, name = re.findall(r"^def (\w+)\(", source.partition(text)[0] + text, re.MULTILINE)
    return name if name in STAGES else None


def is_right(base, changes, folder):
    """Return whether `check` calls a base right, the changed function alone and then all."""
    ast.parse(source := replaced(FUNCTIONS[base], changes))
    changed = find_function(FUNCTIONS[base], changes[0][0])
    return all(examine_text(folder, source, stage=stage).ok for stage in (changed, None))


@pytest.mark.parametrize(("base", "change"), SUBTLE)
def test_a_subtle_fault_is_found(base, change, tmp_path):
    changes = [change] if isinstance(change[0], str) else change
    assert not is_right(base, changes, tmp_path)


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
