"""The best rates of this machine: matrix products and copying memory.

Both are measured with the benchmark's number of threads and dtype. NumPy and PyTorch each have
their own BLAS, and a setting may make one of them slower. The faster of the two is the roof.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from compare.bench.results.result import Roof

SIZE = 1536
"""Rows of the square matrices: 7.2 GFLOP per product in 28 MB of float32."""

COPIED_BYTES = 2**27
"""More than the size of the caches."""

REPEATS = 5


def measure_roof(dtype: str, threads: int) -> Roof:
    """Measure the rates with this number of threads; each is the best of several measurements."""
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


def _best(run: Callable[[], Any]) -> float:
    run()
    return min(timeit.repeat(run, number=1, repeat=REPEATS))
