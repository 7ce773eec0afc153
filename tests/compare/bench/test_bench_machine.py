"""The roof, and the description of the machine."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import scratch_rnn
from compare.bench import command
from compare.bench.measure import machine
from compare.bench.results.result import Roof, duration
from compare.bench.workload.shapes import Shape


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


def test_the_roof_is_operations_in_the_best_time(monkeypatch):
    monkeypatch.setattr(machine, "SIZE", 8)
    seconds, products, right = iter([[0.75, 0.5], [0.25, 9.0]]), [], np.matmul

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
    # products of 2·8³ operations
    assert roof == Roof({"NumPy": 1024 / 0.5, "PyTorch": 1024 / 0.25})
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


@pytest.mark.parametrize(("locked", "words"), [(True, "with its"), (False, "without its")])
def test_the_global_lock_of_python_is_recorded(monkeypatch, locked, words):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: locked, raising=False)
    assert f"{words} global lock" in machine.describe_threads()[1]
    assert machine.describe_machine()["python_lock"] is locked
    monkeypatch.delattr(sys, "_is_gil_enabled")  # as in an older Python
    assert machine.describe_machine()["python_lock"]


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
