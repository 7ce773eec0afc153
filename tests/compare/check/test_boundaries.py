"""Faults that only some sizes, values or arguments show are found (students/boundaries.toml)."""

import ast
from functools import partial

import pytest

from compare.check import CheckConfig
from compare.check.subjects import diagnosis
from compare.check.subjects.examination import examine_class, examine_functions
from compare.terminal import Terminal
from tests.compare.check.corpus import (
    Layer,
    plain_source,
    replaced,
    right_source,
    styles,
    table,
)
from tests.in_process import loader, submission_of

FUNCTIONS = {
    "right": right_source(),
    "plain rnn": plain_source("rnn"),
    "plain gru": plain_source("gru"),
    "CS231n": next(s.source for s in styles()[0] if s.name == "cs231n: rnn as in the assignment"),
}
FAULTS = table("boundaries")["fault"]

pytestmark = pytest.mark.usefixtures("quietly")


@pytest.fixture(autouse=True)
def _no_diagnosis(monkeypatch):
    """Do not search for the likely mistake, which takes many seconds."""
    monkeypatch.setattr(diagnosis, "find_mistake", lambda *_: "")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_is_in_a_file_that_python_can_read(fault):
    """A syntax error would be found, too, but would say nothing about the boundary."""
    base, changes = fault["base"], [fault["change"]]
    if base in FUNCTIONS:
        ast.parse(replaced(FUNCTIONS[base], changes))
    else:
        ast.parse(Layer(base, base, changes).source)


def is_right(base, changes, folder):
    """Return whether `check` calls a base of the corpus right, with changes."""
    terminal = Terminal(quiet=True)
    if base in FUNCTIONS:
        load = loader(folder, replaced(FUNCTIONS[base], changes))
        config = CheckConfig(target="student.py", no_train=True)
        return examine_functions(config, load, terminal).ok
    layer = Layer(base, base, changes)
    target = layer.write(folder)
    config = CheckConfig(target=target, cell=layer.cell)
    return examine_class(config, partial(submission_of, target), terminal).ok


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_at_a_boundary_is_found(fault, tmp_path):
    assert not is_right(fault["base"], [fault["change"]], tmp_path)


@pytest.mark.parametrize("base", sorted({fault["base"] for fault in FAULTS}))
def test_without_the_fault_it_is_right(base, tmp_path):
    assert is_right(base, [], tmp_path)
