"""Describe the hardware, the software and the settings that the times depend on."""

import hashlib
import os
import platform
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import threadpoolctl
import torch

import concise_rnn
import scratch_rnn
from compare.parity import describe_device, describe_software
from compare.terminal import usable_cpus
from scratch_rnn.threads import has_lock

PREFIXES = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_", "KMP_", "MALLOC_", "GLIBC_TUNABLES")
"""Environment variables that change the speed."""


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
    return lines + [
        f"NumPy's BLAS: {pool['internal_api']} {pool['version']}, "
        f"{pool.get('architecture', 'unknown')} kernels, {pool['num_threads']} thread"
        f"{'s' if pool['num_threads'] > 1 else ''} in each of scratch_rnn's"
        for pool in find_blas_pools()
    ]


def find_blas_pools() -> list[dict[str, Any]]:
    """Return threadpoolctl's information on NumPy's BLAS."""
    return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def processor() -> str:
    """Return the name of the processor from the operating system."""
    names: list[str] = []
    with suppress(OSError):
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = re.findall(r"^model name\s*:\s*(.*?)\s*$", information, re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()
