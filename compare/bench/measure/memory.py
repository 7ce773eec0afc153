"""The peak memory of a training step, measured in a separate process.

``python -m compare.bench.measure.memory ROW CELL T B V H THREADS`` makes a model and a batch, does
one step, and prints the peak memory minus the memory before, in bytes.
"""

import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from compare.bench.measure.check_rows import check_rows
from compare.bench.measure.gate import Gate
from compare.bench.results.result import Memory
from compare.bench.rows.row import Row, all_rows, checkers
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import STEP, TIMED, Shape
from compare.parity import limited_threads

SHAPE = Shape("memory", "model", T=256, B=64, V=28, H=1024)
CHECKED = Shape("memory, checked", "model", T=16, B=4, V=28, H=64)
"""The check uses a small shape, because it needs more memory than the step."""


def measure_memory(threads: int, cell: str = "rnn") -> list[Memory]:
    """Return the peak memory of scratch and of PyTorch on the CPU; both are checked first."""
    shape, case = replace(SHAPE, cell=cell), make_case(replace(CHECKED, cell=cell))
    jobs = {row: row.prepare(case) for row in checkers()}
    return [
        Memory(row.name, shape, measure_peak(row, shape, threads))
        if check.outcome == TIMED
        else Memory(row.name, shape, None, check.reason)
        for row, check in check_rows(STEP, jobs, Gate(case), threads).items()
    ]


def measure_peak(row: Row, shape: Shape, threads: int) -> int:
    """Do the step in a new process; return its bytes. MemoryError if the process failed."""
    sizes = [str(size) for size in (shape.T, shape.B, shape.V, shape.H, threads)]
    command = [sys.executable, "-m", "compare.bench.measure.memory", row.name, shape.cell, *sizes]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        last = answer.stderr.strip().splitlines()[-1:] or [f"exit code {answer.returncode}"]
        raise MemoryError(f"a step of {row.label} at {shape.describe()} failed: {last[0]}")
    return int(answer.stdout)


def forget_peak() -> None:
    """Reset the peak to the current memory, if the system supports it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def resident_bytes() -> int:
    """Return the current memory of the process, in bytes."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """Return the peak memory of the process, in bytes.

    Linux and Windows report it for this process only. On other systems `ru_maxrss` starts at the
    parent's value.
    """
    with suppress(OSError, ValueError):  # ValueError: a line that is not there
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        [line] = re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
        return int(line) * 1024
    with suppress(AttributeError):
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(name: str, cell: str, *sizes: str) -> None:
    """Do one step; print the peak memory minus the memory before, in bytes."""
    T, B, V, H, threads = map(int, sizes)
    row = next(row for row in all_rows(None) if row.name == name)
    with limited_threads(threads), row.settings(threads):
        step = row.prepare(make_case(Shape("memory", "model", T, B, V, H, cell=cell)))[STEP]
        forget_peak()
        before = resident_bytes()
        step.run()
        sys.stdout.write(f"{peak_bytes() - before}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
