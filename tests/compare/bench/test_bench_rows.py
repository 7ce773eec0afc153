"""Which rows there are, and which are left out; a cell that only some rows have."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch

import scratch_rnn
from compare.bench.config import BenchConfig
from compare.bench.rows import all_labels, cuda_rows
from compare.bench.rows.jax_row import Jax
from compare.bench.rows.onnx_row import Onnx
from compare.bench.rows.row import Device, all_rows, choose_rows
from compare.bench.rows.torch_rows import TorchCompiled
from compare.bench.workload.shapes import SCRATCH, TIMED, choose
from compare.implementations import CELLS, Cell
from compare.parity import limited_threads
from compare.terminal import UsageError
from scratch_rnn.plain import gru
from tests.compare.bench.bench_help import CARD, LAYER, MODEL, bench_of

RNN = CELLS["rnn"]


class CopyOfGRU(torch.nn.GRU):
    """The module for PyTorch of a cell that PyTorch does not have."""


@pytest.fixture
def fourth_cell(tmp_path, monkeypatch):
    """Add a cell that is a GRU under another name: no row's file knows it."""
    source = Path(gru.__file__).read_text(encoding="utf-8").replace("gru", "mgu")
    (tmp_path / "plain_of_mgu.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    cell = Cell("mgu", "an MGU", "GRU", "plain_of_mgu", gates=("r", "z", "n"))
    monkeypatch.setitem(CELLS, "mgu", cell)
    monkeypatch.setitem(BenchConfig.__annotations__, "cell", str)
    monkeypatch.setattr(Cell, "torch_layer", CopyOfGRU)
    return cell


@pytest.mark.usefixtures("hasty", "fourth_cell")
@pytest.mark.parametrize("shape", [LAYER, MODEL], ids=lambda shape: shape.kind)
def test_a_fourth_cell_is_measured_by_the_rows_that_have_it(shape, tmp_path):
    document = bench_of(tmp_path, shape, cell="mgu", rows=())
    others = {"torch-page"} if shape.kind == "layer" else set()
    assert {t.row for t in document.timings} == {"plain", "scratch", "torch"} | others
    assert {t.outcome for t in document.timings} == {TIMED}


def test_a_row_without_the_cell_is_left_out_with_one_line(fourth_cell, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    rows, notes = choose_rows([], "float32", fourth_cell, CARD)
    by_hand = [f"cuda-{how}{tf32}" for how in ("page", "graph") for tf32 in ("", "-tf32")]
    assert [row.name for row in rows] == ["plain", "scratch", "torch", "torch-page", *by_hand]
    assert len(notes) == len(all_rows(CARD)) - len(rows)
    assert "JAX, jit(scan), left out: it has no GRU" in notes
    reasons = [note.partition(", left out: ")[2] for note in notes]
    assert set(reasons) == {"it has no GRU", "--threads is 1"}
    with pytest.raises(UsageError, match="expected --cell rnn, gru, lstm for deepbench, got mgu"):
        choose("deepbench", cell="mgu")


def test_the_labels_that_the_help_reads_are_those_of_the_rows():
    rows = {row.name: row.label for row in all_rows(Device("GPU", "cpu"))}
    assert all_labels().items() <= rows.items()
    assert {name.removesuffix("-tf32") for name in rows} == set(all_labels())


def test_each_row_has_a_style_of_its_own():
    styles = [tuple(row.style.items()) for row in all_rows(CARD)]
    assert all(style[:2] for style in styles)
    assert len(set(styles)) == len(styles)


def test_a_gpu_brings_twelve_rows(monkeypatch):
    without = [row.name for row in all_rows(None)]
    assert without[:4] == ["plain", SCRATCH, "scratch-1", "torch"]
    rows = all_rows(CARD)
    labels = cuda_rows.LABELS
    names = [f"{name}{tf32}" for name in labels for tf32 in ("", "-tf32")]
    assert [row.name for row in rows] == [*without, *names]
    assert [row.label for row in rows[-12:]] == [
        label.replace("GPU", "Card 9000") + tf32
        for label in labels.values()
        for tf32 in ("", ", TF32")
    ]
    assert [row.gaps for row in rows[-12:]] == [1, 2**13] * 6
    kernels = [row for row in rows if isinstance(row, cuda_rows.Kernel)]
    assert [row.input_precision for row in kernels] == ["ieee", "tf32"] * 2
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    (interpreted,) = [row for row in all_rows(None) if row.name not in without]
    assert (interpreted.name, bool(interpreted.untimed)) == ("kernel", True)
    assert not any(row.untimed for row in rows)


def test_tf32_is_left_out_for_float64():
    rows, notes = choose_rows(["cuda", "cuda-tf32", "cudnn", "cudnn-tf32"], "float64", RNN, CARD)
    assert [row.name for row in rows] == ["cuda", "cudnn"]
    assert notes == [
        f"Card 9000, {kind}, TF32, left out: TF32 needs dtype float32, and this is float64"
        for kind in ("no cuDNN", "cuDNN")
    ]


def test_without_a_compiler_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("CXX", "c++3000")
    reason = TorchCompiled().missing("float32", RNN)
    assert reason == "it needs a C++ compiler, but neither c++3000 nor clang++ was found"
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert TorchCompiled().missing("float32", RNN) is None


@pytest.mark.parametrize("row", [Jax(), Onnx()], ids=lambda row: row.name)
def test_a_row_that_is_not_installed_says_what_to_install(row, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    advice = f"it is not installed (pip install 'rnn-parity[{row.name}]')"
    message = f"expected at least one row that is available, got .*: {re.escape(advice)}"
    with pytest.raises(UsageError, match=message):
        choose_rows([row.name], "float32", RNN, None)
    _, notes = choose_rows(["scratch", row.name], "float32", RNN, None)
    assert notes == [f"{row.label}, left out: {advice}"]


def test_on_several_threads_scratch_is_measured_on_one_too():
    (one,) = [row for row in all_rows(None) if row.name == "scratch-1"]
    assert one.missing("float32", CELLS["rnn"]) == "--threads is 1"
    with limited_threads(3):
        assert one.missing("float32", CELLS["rnn"]) is None
        with one.settings(3):
            assert scratch_rnn.get_num_threads() == 1
        assert scratch_rnn.get_num_threads() == 3
