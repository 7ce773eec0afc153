"""The parts of a step, its memory, and the description of the machine."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from compare.bench.measure import machine, memory, parts
from compare.bench.results.result import duration
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import Shape
from compare.parity import CELLS
from tests.compare.bench.bench_help import MODEL


def test_parts_add_up_to_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {parts.LOOKUP: 1.0, parts.PRODUCTS: 10.0, parts.WEIGHTS: 5.0, parts.RECURRENCE: 20.0}
    seconds |= {parts.OUTPUT: 3.0, parts.LOSS: 2.0, parts.UPDATE: 1.0, parts.STEP: 30.0}
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
    assert states < memory.peak_of_step(Scratch(), shape, threads=1) < 30 * states


def test_no_memory_is_reported_of_a_row_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "peak_of_step", lambda row, shape, threads: len(row.name))
    assert [m.bytes for m in memory.measure_memory(1)] == [len("scratch"), len("torch")]
    monkeypatch.setattr(memory.Gate, "objection", lambda self, *_, **__: "the loss is wrong")
    found = memory.measure_memory(1)
    assert [m.bytes for m in found] == [None, None]
    assert found[0].reason == "the loss is wrong (against PyTorch CPU)"


def test_a_failed_step_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(returncode=1, stdout="", stderr="Traceback:\nValueError: no memory\n")
    monkeypatch.setattr(memory.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(MemoryError, match=r"a step of scratch at memory: .* failed: .*no memory"):
        memory.peak_of_step(Scratch(), memory.SHAPE, threads=1)


@pytest.mark.parametrize(("locked", "words"), [(True, "with its"), (False, "without its")])
def test_the_global_lock_of_python_is_recorded(
    monkeypatch: pytest.MonkeyPatch, locked: bool, words: str
) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: locked, raising=False)
    assert f"{words} global lock" in machine.thread_notes()[1]
    assert machine.describe_machine()["python_lock"] is locked
    monkeypatch.delattr(sys, "_is_gil_enabled")  # as in an older Python
    assert machine.has_lock()


def test_a_forced_kernel_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = {"user_api": "blas", "internal_api": "openblas", "architecture": "Haswell"}
    monkeypatch.setattr(machine, "blas_pools", lambda: [pool])
    monkeypatch.setattr(machine, "kernels_left_free", lambda: "SkylakeX")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert machine.forced_kernel_notes() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    (line,) = machine.forced_kernel_notes()
    assert re.match("OPENBLAS_CORETYPE=Haswell makes NumPy's BLAS .* would use SkylakeX", line)
    monkeypatch.setattr(machine, "kernels_left_free", lambda: "Haswell")
    assert machine.forced_kernel_notes() == []


def test_variables_that_matter_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("HOME_OF_NOBODY", "x")
    variables = machine.describe_machine()["variables"]
    assert variables["OMP_WAIT_POLICY"] == "passive"
    assert "HOME_OF_NOBODY" not in variables


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (0.1234, "123 ms"), (1.5e-3, "1.5 ms"), (4.28e-6, "4.28 µs"), (3e-8, "30 ns")],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
