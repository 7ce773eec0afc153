"""What the times depend on apart from the code: the machine, its best rates, and its settings."""

import hashlib
import os
import platform
import re
import subprocess
import sys
import timeit
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
import torch
from threadpoolctl import threadpool_limits

import concise_rnn
import scratch_rnn
from compare.bench.results.result import Roof
from compare.parity import describe_device, describe_software
from compare.terminal import usable_cpus
from scratch_rnn.threads import has_lock

PREFIXES = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_", "KMP_", "MALLOC_", "GLIBC_TUNABLES")
"""Environment variables that change the speed."""

SIZE = 1536  # rows of the square matrices: 7.2 GFLOP per product in 28 MB of float32
COPIED_BYTES = 2**27  # more than the size of the caches
REPEATS = 5


def describe_machine() -> dict[str, object]:
    """Return the description for the JSON file, without any path or host name."""
    return {
        "processor": processor(),
        "card": describe_device("cuda") if torch.cuda.is_available() else None,
        "code": hash_code(),
        "usable_cpus": usable_cpus(),
        **describe_software(),
        "python_lock": has_lock(),
        "torch_capability": torch.backends.cpu.get_cpu_capability(),
        "variables": {k: v for k, v in sorted(os.environ.items()) if k.startswith(PREFIXES)},
    }


def hash_code() -> str:
    """Return the SHA-256 of the source of both packages, whatever the ends of its lines are."""
    digest = hashlib.sha256()
    for package in (scratch_rnn, concise_rnn):
        folder = Path(package.__path__[0])
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.py")}
        for name in sorted(files):
            digest.update(name.encode())
            digest.update(files[name].read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def describe_threads() -> list[str]:
    """Return notes on the numbers of threads in use, on Python, and on NumPy's BLAS."""
    capability, lock = torch.backends.cpu.get_cpu_capability(), "with" if has_lock() else "without"
    lines = [
        f"Threads: scratch_rnn {scratch_rnn.get_num_threads()}, PyTorch {torch.get_num_threads()} "
        f"({capability}), of {usable_cpus()} processors; {processor()}",
        f"Python {platform.python_version()}, {lock} its global lock",
    ]
    lines += [
        f"NumPy's BLAS: {pool['internal_api']} {pool['version']}, "
        f"{pool.get('architecture', 'unknown')} kernels, {pool['num_threads']} thread"
        f"{'s' if pool['num_threads'] > 1 else ''} in each of scratch_rnn's"
        for pool in find_blas_pools()
    ]
    return lines + describe_forced_kernels()


def find_blas_pools() -> list[dict[str, Any]]:
    """Return threadpoolctl's information on NumPy's BLAS."""
    return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def describe_forced_kernels() -> list[str]:
    """Return a note if OPENBLAS_CORETYPE makes OpenBLAS use other kernels than by default."""
    forced = os.environ.get("OPENBLAS_CORETYPE")
    free = find_default_kernels() if forced else None
    if free is None or free in [pool.get("architecture") for pool in find_blas_pools()]:
        return []
    return [
        f"OPENBLAS_CORETYPE={forced} makes NumPy's BLAS use the kernels of another processor; by "
        f"default it would use {free}. This makes scratch slower, but not PyTorch."
    ]


def find_default_kernels() -> str | None:
    """Return the kernels that OpenBLAS chooses without the variable, from a new process."""
    variables = {name: v for name, v in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    code = (
        "import numpy, threadpoolctl\n"
        "pools = threadpoolctl.threadpool_info()\n"
        "print([p['architecture'] for p in pools if p['internal_api'] == 'openblas'][0])"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def processor() -> str:
    """Return the name of the processor from the operating system."""
    names: list[str] = []
    with suppress(OSError):
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = re.findall(r"^model name\s*:\s*(.*?)\s*$", information, re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()


def measure_roof(dtype: str, threads: int) -> Roof:
    """Measure the best rates of matrix products and of copying memory, with this many threads.

    NumPy and PyTorch each have their own BLAS, and a setting may make one of them slower. The
    faster of the two is the roof. Each rate is the best of several measurements.
    """
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (SIZE, SIZE)).astype(dtype)
    out = np.empty_like(a)
    a_torch, out_torch = torch.from_numpy(a), torch.from_numpy(np.empty_like(a))
    source = torch.ones(COPIED_BYTES // a.itemsize, dtype=a_torch.dtype)
    target = torch.empty_like(source)
    flop = 2 * SIZE**3
    with threadpool_limits(threads, user_api="blas"):
        by_numpy = flop / _best(lambda: np.matmul(a, a, out=out))
    by_torch = flop / _best(lambda: torch.mm(a_torch, a_torch, out=out_torch))
    copied = 2 * COPIED_BYTES / _best(lambda: target.copy_(source))  # read once, written once
    return Roof({"NumPy": by_numpy, "PyTorch": by_torch}, copied)


def _best(run: Callable[[], object]) -> float:
    run()
    return min(timeit.repeat(run, number=1, repeat=REPEATS))
