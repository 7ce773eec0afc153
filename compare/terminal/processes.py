"""Processes: this one, and others that are started in Python."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PR_SET_DUMPABLE = 4  # of prctl


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def hide_memory() -> None:
    """Let no other process of this user open the memory of this one, where Linux can do that.

    A process with the capability to trace others, as root has it, still can.
    """
    if sys.platform == "linux":
        import ctypes  # not before it is needed

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def start_python(arguments: list[str], streams: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a process of Python, with one thread, in a session of its own.

    It imports nothing from the current folder, where the files of users may be.
    """
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **ONE_THREAD, "PYTHONUNBUFFERED": ""},
        start_new_session=True,
    )


def describe_end(code: int) -> str:
    """Return in words how a process ended."""
    names = {number.value: number.name for number in signal.Signals}
    return f"by signal {names.get(-code, -code)}" if code < 0 else f"with exit code {code}"
