"""What a benchmark tells of a step's parts, of memory and of the machine."""

import importlib.util
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from compare.bench.measure import machine, memory, parts
from compare.bench.results.table import duration
from compare.bench.rows.all_rows import choose_rows
from compare.bench.rows.torch_rows import TorchCompiled
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import Shape
from compare.parity import CELLS
from compare.terminal import UsageError
from tests.compare.bench.bench_help import MODEL


def test_parts_add_up_to_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {
        parts.LOOKUP: 1.0,
        parts.PRODUCTS: 10.0,
        parts.WEIGHTS: 5.0,
        parts.RECURRENCE: 20.0,
        parts.OUTPUT: 3.0,
        parts.LOSS: 2.0,
        parts.UPDATE: 1.0,
        parts.STEP: 30.0,
    }
    monkeypatch.setattr(parts, "_medians", lambda pieces: {name: seconds[name] for name in pieces})
    found = {part.name: part for part in parts.measure_parts(MODEL, "float32")}
    assert found[parts.ELEMENTS].seconds == 20 - 1 - 10 - 5
    assert found[parts.REST].seconds == 30 - 20 - 3 - 2 - 1
    assert sum(part.seconds for part in found.values()) == 30
    T, B, V, H = MODEL.T, MODEL.B, MODEL.V, MODEL.H
    products = sum(part.flops for part in found.values())
    assert products == 3 * 2 * T * B * H * H + 3 * 2 * T * B * H * V


@pytest.mark.parametrize("cell", CELLS)
def test_each_piece_of_a_step_can_be_called(cell: str) -> None:
    case = make_case(replace(MODEL, cell=cell))
    for piece in parts.pieces_of_step(case).values():  # type: ignore[arg-type]
        piece()


def test_a_step_needs_at_least_the_memory_of_its_states() -> None:
    shape = Shape("memory", "model", T=128, B=32, V=8, H=256)
    states = 4 * (shape.T + 1) * shape.B * shape.H
    scratch = next(row for row in memory.checkers() if row.name == "scratch")
    peak = memory.peak_of_step(scratch, shape, threads=1)
    assert states < peak < 30 * states


def test_memory_of_a_row_that_is_wrong_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "peak_of_step", lambda row, shape, threads: len(row.name))
    assert [m.bytes for m in memory.measure_memory(1)] == [len("scratch"), len("torch")]
    monkeypatch.setattr(memory.Gate, "objection", lambda self, *_, **__: "the loss is wrong")
    found = memory.measure_memory(1)
    assert [m.bytes for m in found] == [None, None]
    assert found[0].reason == "the loss is wrong (against PyTorch CPU)"


def test_a_failed_step_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(returncode=1, stdout="", stderr="Traceback:\nValueError: no room\n")
    monkeypatch.setattr(memory.subprocess, "run", lambda *_, **__: answer)
    scratch = next(row for row in memory.checkers() if row.name == "scratch")
    with pytest.raises(MemoryError, match=r"a step of scratch at memory: .* failed: .*no room"):
        memory.peak_of_step(scratch, memory.SHAPE, threads=1)


@pytest.mark.parametrize(("locked", "words"), [(True, "with its"), (False, "without its")])
def test_whether_threads_take_turns_at_python_is_told(
    monkeypatch: pytest.MonkeyPatch, locked: bool, words: str
) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: locked, raising=False)
    assert f"{words} global lock" in machine.thread_notes()[1]
    assert machine.describe_machine()["python_lock"] is locked


def test_a_python_that_knows_no_other_way_has_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "_is_gil_enabled", raising=False)
    assert machine.has_lock()


def test_a_forced_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = {"user_api": "blas", "internal_api": "openblas", "architecture": "Haswell"}
    monkeypatch.setattr(machine, "blas_pools", lambda: [pool])
    monkeypatch.setattr(machine, "kernels_left_free", lambda: "SkylakeX")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert machine.forced_kernel_notes() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    (line,) = machine.forced_kernel_notes()
    assert line.startswith("OPENBLAS_CORETYPE=Haswell makes NumPy's BLAS use the kernels")
    assert "it would use SkylakeX" in line
    monkeypatch.setattr(machine, "kernels_left_free", lambda: "Haswell")
    assert machine.forced_kernel_notes() == []


def test_variables_that_matter_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("HOME_OF_NOBODY", "x")
    variables = machine.describe_machine()["variables"]
    assert variables["OMP_WAIT_POLICY"] == "passive"
    assert "HOME_OF_NOBODY" not in variables


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("CXX", "c++3000")
    reason = TorchCompiled().missing("float32", CELLS["rnn"])
    assert reason == "it needs a C++ compiler, but neither c++3000 nor clang++ was found"
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert TorchCompiled().missing("float32", CELLS["rnn"]) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (0.1234, "123 ms"), (1.5e-3, "1.5 ms"), (4.28e-6, "4.28 µs"), (3e-8, "30 ns")],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("row", "extra"), [("jax", "jax"), ("onnx", "onnx")])
def test_a_row_that_is_not_installed_says_what_to_install(
    row: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    advice = f"it is not installed (pip install 'rnn-parity[{extra}]')"
    told = f"expected at least one row that is available, got .*: {re.escape(advice)}"
    with pytest.raises(UsageError, match=told):
        choose_rows([row], "float32", CELLS["rnn"], None)
    _, [note] = choose_rows(["scratch", row], "float32", CELLS["rnn"], None)
    assert note.endswith(f", left out: {advice}")
