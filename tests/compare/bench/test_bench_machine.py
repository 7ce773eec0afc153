"""The parts of a step, its memory, the roof, and the description of the machine."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import scratch_rnn
from compare.bench import command
from compare.bench.measure import machine, memory, parts
from compare.bench.results.result import Roof, duration
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import Shape
from compare.implementations import CELLS
from tests.compare.bench.bench_help import MODEL


def test_parts_add_up_to_a_step(monkeypatch):
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
def test_each_piece_of_a_step_can_be_called(cell):
    case = make_case(replace(MODEL, cell=cell))
    for piece in parts.list_pieces(case).values():
        piece()


def test_the_hash_of_the_code_is_that_of_its_text_and_names(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch_rnn, "__path__", [str(tmp_path)])
    hashes = []
    for name, text in (("a.py", b"x\n"), ("a.py", b"x\r\n"), ("a.py", b"y\n"), ("b/a.py", b"y\n")):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "a.py").unlink(missing_ok=True)
        (tmp_path / name).write_bytes(text)
        hashes.append(machine.hash_code())
    assert hashes[0] == hashes[1]
    assert len({*hashes}) == 3


def test_a_step_needs_at_least_the_memory_of_its_states():
    shape = Shape("memory", "model", T=128, B=32, V=8, H=256)
    states = 4 * (shape.T + 1) * shape.B * shape.H
    assert states < memory.measure_peak(Scratch(), shape, threads=1) < 30 * states


def test_no_memory_is_reported_of_a_row_that_is_wrong(monkeypatch):
    monkeypatch.setattr(memory, "measure_peak", lambda row, shape, threads: len(row.name))
    assert [m.bytes for m in memory.measure_memory(1)] == [len("scratch"), len("torch")]
    monkeypatch.setattr(memory.Gate, "objection", lambda self, *_, **__: "the loss is wrong")
    found = memory.measure_memory(1)
    assert [m.bytes for m in found] == [None, None]
    assert found[0].reason == "the loss is wrong (against PyTorch CPU)"


def test_the_memory_is_that_of_the_step_alone(monkeypatch, capsys):
    """`python -m compare.bench.measure.memory ROW CELL T B V H THREADS` prints bytes."""
    done = []
    monkeypatch.setattr(memory, "forget_peak", lambda: done.append("forgotten"))
    monkeypatch.setattr(memory, "resident_bytes", lambda: done.append("read") or 3000)
    monkeypatch.setattr(memory, "peak_bytes", lambda: 5000)
    prepared = []
    right = Scratch.prepare

    def prepare(self, case):
        prepared.append((case.shape, scratch_rnn.get_num_threads(), done[:]))
        return right(self, case)

    monkeypatch.setattr(Scratch, "prepare", prepare)
    memory.main("scratch", "gru", "2", "3", "5", "7", "1")
    assert capsys.readouterr().out == "2000\n"
    shape = Shape("memory", "model", T=2, B=3, V=5, H=7, cell="gru")
    assert prepared == [(shape, 1, [])]
    assert done == ["forgotten", "read"]
    commands = []
    answer = SimpleNamespace(returncode=0, stdout="7\n")
    monkeypatch.setattr(memory.subprocess, "run", lambda c, **_: commands.append(c) or answer)
    assert memory.measure_peak(Scratch(), shape, threads=4) == 7
    assert commands[0][3:] == ["scratch", "gru", "2", "3", "5", "7", "4"]


def test_the_peak_is_in_bytes_on_every_system(monkeypatch):
    status = "VmPeak:\t    9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t     8 kB\n"
    monkeypatch.setattr(memory.Path, "read_text", lambda self, encoding: status)
    assert memory.peak_bytes() == 1234 * 1024
    monkeypatch.setattr(memory.Path, "read_text", lambda self, encoding: "")
    information = SimpleNamespace(rss=6, peak_wset=77)
    monkeypatch.setattr(
        memory.psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: information)
    )
    assert (memory.peak_bytes(), memory.resident_bytes()) == (77, 6)
    del information.peak_wset
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=5))
    for system, peak in (("linux", 5 * 1024), ("darwin", 5)):
        monkeypatch.setattr(memory.sys, "platform", system)
        assert memory.peak_bytes() == peak


def test_the_roof_is_operations_and_bytes_in_the_best_time(monkeypatch):
    monkeypatch.setattr(machine, "SIZE", 8)
    monkeypatch.setattr(machine, "COPIED_BYTES", 2**10)
    seconds, products, right = iter([[0.75, 0.5], [0.25, 9.0], [4.0, 5.0]]), [], np.matmul

    def repeat(run, number, repeat):
        assert (number, repeat) == (1, 5)
        run()
        return next(seconds)

    def matmul(a, b, out):
        products.append((a.shape, str(a.dtype), out is a))
        return right(a, b, out=out)

    monkeypatch.setattr(machine.timeit, "repeat", repeat)
    monkeypatch.setattr(machine.np, "matmul", matmul)
    roof = machine.measure_roof("float64", 1)
    # products of 2·8³ operations; 1 KiB is read and written
    assert roof == Roof({"NumPy": 1024 / 0.5, "PyTorch": 1024 / 0.25}, 2048 / 4.0)
    assert roof.rate == 4096.0
    assert products == [((8, 8), "float64", False)] * 2  # the first one warms up


def test_the_notes_name_threads_processor_and_blas(monkeypatch):
    openblas = {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 1}
    mkl = openblas | {"internal_api": "mkl", "architecture": "Haswell", "num_threads": 2}
    pools = [openblas, {"user_api": "openmp"}, mkl]
    monkeypatch.setattr(machine.threadpoolctl, "threadpool_info", lambda: pools)
    monkeypatch.setattr(machine.scratch_rnn, "get_num_threads", lambda: 3)
    monkeypatch.setattr(machine.torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(machine.torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(machine, "has_lock", lambda: True)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(machine.platform, "python_version", lambda: "3.99")
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        machine, "describe_device", lambda kind: {"type": kind, "name": "Card 9000"}
    )
    described = machine.describe_machine()
    assert described["card"] == {"type": "cuda", "name": "Card 9000"}
    information = "model name\t: A Chip @ 2 GHz  \nmodel name\t: Another\n"
    monkeypatch.setattr(machine.Path, "read_text", lambda self, encoding: information)
    assert described["threads"] == {"scratch_rnn": 3, "torch": 4}
    assert (described["usable_cpus"], described["torch_capability"]) == (8, "AVX2")
    assert machine.describe_threads() == [
        "Threads: scratch_rnn 3, PyTorch 4 (AVX2), of 8 processors; A Chip @ 2 GHz",
        "Python 3.99, with its global lock",
        "NumPy's BLAS: openblas 0.3, unknown kernels, 1 thread in each of scratch_rnn's",
        "NumPy's BLAS: mkl 0.3, Haswell kernels, 2 threads in each of scratch_rnn's",
    ]
    monkeypatch.setattr(machine.Path, "read_text", lambda self, encoding: "")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "riscv")
    assert machine.processor() == "riscv"


def test_what_is_too_large_for_the_memory_is_left_out(monkeypatch):
    """Twelve times 4 gates and 3·2^20 numbers of 8 bytes are 1.125 GiB."""
    shape = Shape("large", "model", T=512, B=1, V=1024, H=1024, cell="lstm")
    free = SimpleNamespace(available=2**30)
    monkeypatch.setattr(command.psutil, "virtual_memory", lambda: free)
    reason = "it needs about 1.1 GiB, and 1.0 GiB are free"
    assert command._memory_objection(shape, "float64") == reason
    free.available = 9 * 2**27
    assert command._memory_objection(shape, "float64") is not None  # just as much
    free.available += 1
    assert command._memory_objection(shape, "float64") is None
    assert command._memory_objection(shape, "float32") is None


def test_a_failed_step_says_why(monkeypatch):
    answer = SimpleNamespace(returncode=1, stdout="", stderr="Traceback:\nValueError: no memory\n")
    monkeypatch.setattr(memory.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(MemoryError, match=r"a step of scratch at memory: .* failed: .*no memory"):
        memory.measure_peak(Scratch(), memory.SHAPE, threads=1)


@pytest.mark.parametrize(("locked", "words"), [(True, "with its"), (False, "without its")])
def test_the_global_lock_of_python_is_recorded(monkeypatch, locked, words):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: locked, raising=False)
    assert f"{words} global lock" in machine.describe_threads()[1]
    assert machine.describe_machine()["python_lock"] is locked
    monkeypatch.delattr(sys, "_is_gil_enabled")  # as in an older Python
    assert machine.describe_machine()["python_lock"]


def test_a_forced_kernel_is_noted(monkeypatch):
    pool = {"user_api": "blas", "internal_api": "openblas", "architecture": "Haswell"}
    monkeypatch.setattr(machine, "find_blas_pools", lambda: [pool])
    monkeypatch.setattr(machine, "find_default_kernels", lambda: "SkylakeX")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert machine.describe_forced_kernels() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    (line,) = machine.describe_forced_kernels()
    assert re.match("OPENBLAS_CORETYPE=Haswell makes NumPy's BLAS .* would use SkylakeX", line)
    monkeypatch.setattr(machine, "find_default_kernels", lambda: "Haswell")
    assert machine.describe_forced_kernels() == []


def test_variables_that_matter_are_recorded(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("HOME_OF_NOBODY", "x")
    variables = machine.describe_machine()["variables"]
    assert variables["OMP_WAIT_POLICY"] == "passive"
    assert "HOME_OF_NOBODY" not in variables


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (0.1234, "123 ms"), (1.5e-3, "1.5 ms"), (4.28e-6, "4.28 µs"), (3e-8, "30 ns")],
)
def test_durations_have_three_digits_and_a_unit(seconds, text):
    assert duration(seconds) == text
