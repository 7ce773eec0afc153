"""Where the code chooses between two readings, a case has both; a limit is tried on both sides.

What is exchanged or done a second time has the same answer.
"""

import os
import signal

import numpy as np
import pytest

import compare
from compare.cli import main
from compare.forms import Case, CaseResult
from compare.implementations import read_target
from compare.mistakes import list_layer_mistakes
from compare.parity import largest_difference_in_ulps
from scratch_rnn import RNN
from scratch_rnn.text.opening import read_file
from tests.compare.runs.runs import HANG_UP


@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 3), 0), ((3, 4), 1), ((4, 4), None), ((3, 3), None)]
)
def test_the_axis_of_time_is_the_one_of_its_length(shape, axis):
    assert Case({"T": 4, "B": 3}, {}, {}).find_time_axis("output", shape) == axis


@pytest.mark.parametrize(
    ("errors", "differs"),
    [
        ((RuntimeError(), None), True),
        ((None, RuntimeError()), True),
        ((RuntimeError(), RuntimeError()), False),
    ],
)
def test_forms_differ_if_one_alone_raises_an_exception(errors, differs):
    assert CaseResult(Case({}, {}, {}), errors=errors).differs == differs


@pytest.mark.skipif(os.name == "nt", reason="no file has such a name")
def test_a_file_with_a_colon_in_its_name_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_target("mine.py:RNN").name == "RNN"
    (tmp_path / "mine.py:RNN").touch()
    assert (read_target("mine.py:RNN").place, read_target("mine.py:RNN").name) == (
        "mine.py:RNN",
        "",
    )


def test_a_file_is_read_that_is_as_large_as_the_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_file(tmp_path / "file", 10) == b"0123456789"
    with pytest.raises(OSError, match="10 bytes, more than 9"):
        read_file(tmp_path / "file", 9)


@pytest.mark.parametrize(("a", "b", "number"), [(1.5, 0.75, 2**51 * 1.5), (1.0, 1.0, 0)])
def test_a_difference_in_ulps_is_one_in_those_of_the_larger_number(a, b, number):
    for first, second in ((a, b), (b, a)):
        assert largest_difference_in_ulps(np.array([first]), np.array([second])) == number


def test_a_layer_of_equal_sizes_has_the_options_of_the_last_weights():
    x, weights = np.full((2, 1, 3), -1.0), RNN(3, 4, dtype=np.float64).parameters
    weights = {name: np.ones_like(array) for name, array in weights.items()}
    with compare.implementation("scratch", "rnn") as it:
        lows = []
        for nonlinearity in ("tanh", "relu", "tanh"):
            it.load(weights, nonlinearity=nonlinearity)
            lows.append(float(it.forward(x)[0].min()))
    assert [low < 0 for low in lows] == [True, False, True]


def test_a_process_that_ignores_a_signal_is_not_ended_by_it(monkeypatch):
    """As under nohup."""
    monkeypatch.setattr("tyro.cli", lambda *_, **__: signal.raise_signal(HANG_UP) or exit_well())
    before = signal.signal(HANG_UP, signal.SIG_IGN)
    try:
        assert main(["run"]) == 0
    finally:
        signal.signal(HANG_UP, before)


def exit_well():
    raise SystemExit(0)


def test_a_mistake_of_the_reverse_direction_has_the_words_of_turned_weights():
    def words(**options):
        mistakes = list_layer_mistakes("rnn", is_forward=True, copies=False, **options)
        return {mistake.words for mistake in mistakes}

    as_is, turned = words(bidirectional=True), words(bidirectional=True, transposed=True)
    one_way = words(transposed=True) - words()
    assert one_way
    assert {f"{each} Only the reverse direction has this mistake." for each in one_way} <= turned
    assert not one_way & as_is
