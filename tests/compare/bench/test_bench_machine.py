"""The description of the machine, and what does not fit in its memory."""

import platform
import re
import sysconfig
from types import SimpleNamespace

from threadpoolctl import threadpool_info

import scratch_rnn
from compare.bench import command
from compare.bench.measure import machine
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


def test_the_machine_is_described_and_its_notes_say_the_same(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("HOME_OF_NOBODY", "x")
    described, (threads, python, *blas) = machine.describe_machine(), machine.describe_threads()
    assert described["variables"]["OMP_WAIT_POLICY"] == "passive"
    assert "HOME_OF_NOBODY" not in described["variables"]
    assert threads == (
        f"Threads: scratch_rnn 1, PyTorch 1 ({described['torch_capability']}), "
        f"of {described['usable_cpus']} processors; {described['processor']}"
    )
    has_lock = not sysconfig.get_config_var("Py_GIL_DISABLED")
    lock = "with" if has_lock else "without"
    assert python == f"Python {platform.python_version()}, {lock} its global lock"
    assert described["python_lock"] is has_lock
    for line in blas:
        assert re.fullmatch(
            r"NumPy's BLAS: \w+ [\w.]+, \w+ kernels, 1 thread in each of scratch_rnn's", line
        )
    assert len(blas) == sum(pool["user_api"] == "blas" for pool in threadpool_info())


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
