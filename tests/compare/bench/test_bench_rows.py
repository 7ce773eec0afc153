"""Which rows there are, and which are left out; a cell that only some rows have."""

from dataclasses import replace

import pytest

import scratch_rnn
from compare.bench.rows import LABELS
from compare.bench.rows.choice import all_rows, choose_rows
from compare.bench.rows.torch_rows import TorchCompiled
from compare.implementations import CELLS
from compare.parity import limited_threads
from tests.compare.bench.bench_help import CARD

RNN = CELLS["rnn"]


def test_a_row_without_the_cell_is_left_out_with_one_line():
    fourth = replace(CELLS["gru"], name="mgu")
    rows, notes = choose_rows([], "float32", fourth, CARD)
    names = ["plain", "scratch", "torch", "torch-page", "cuda-graph"]
    assert [row.name for row in rows] == names
    assert len(notes) == len(all_rows(CARD)) - len(rows)
    assert "Card 9000, cuDNN, left out: it has no GRU" in notes
    reasons = [note.partition(", left out: ")[2] for note in notes]
    assert set(reasons) == {"it has no GRU", "--threads is 1"}


def test_the_rows_are_those_that_the_help_names():
    found = {row.name: row.label for row in all_rows(CARD)}
    assert found == {name: label.replace("GPU", CARD.name) for name, label in LABELS.items()}


def test_the_kernels_are_left_out_for_float64():
    pytest.importorskip("triton")
    rows, notes = choose_rows(["scratch", "kernel"], "float64", RNN, CARD)
    assert [row.name for row in rows] == ["scratch"]
    why = "the kernels need dtype float32, and this is float64"
    assert notes == [f"Card 9000, kernel by hand, left out: {why}"]


def test_without_a_compiler_nothing_is_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "c++3000")
    reason = TorchCompiled().missing("float32", RNN)
    assert reason == "it needs a C++ compiler, but neither c++3000 nor clang++ was found"
    (tmp_path / "c++3000").touch(0o700)
    assert TorchCompiled().missing("float32", RNN) is None


def test_on_several_threads_scratch_is_measured_on_one_too():
    (one,) = [row for row in all_rows(None) if row.name == "scratch-1"]
    assert one.missing("float32", CELLS["rnn"]) == "--threads is 1"
    with limited_threads(3):
        assert one.missing("float32", CELLS["rnn"]) is None
        with one.settings(3):
            assert scratch_rnn.get_num_threads() == 1
        assert scratch_rnn.get_num_threads() == 3
