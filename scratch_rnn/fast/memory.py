"""Memory for large arrays: kept when it is freed, and aligned to cache lines.

A training step allocates and frees a few arrays of a megabyte each. By default the C library
returns such memory to the kernel at once, and the kernel clears each page of the next allocation:
at the lecture's size that takes a quarter of a step. glibc raises the size from which it returns
memory when a larger block is freed, up to 32 MB, and then keeps twice as much. So we free one such
block. It is never written to, so it costs nothing. Other C libraries ignore it.

A processor reads memory in lines of 64 bytes, and AVX-512 computes with 64 bytes at once. NumPy's
large arrays begin 16 bytes after the start of a line, so every 64 bytes of them lie in two lines.
Small products then take up to 1.4 times as long, and an elementwise product twice as long.
"""

import math
from collections.abc import Sequence

import numpy as np

from scratch_rnn.arrays import Array

JUST_UNDER_32_MB = 31 * 2**20
CACHE_LINE = 64
"""Bytes."""
SMALL = 2**14
"""Bytes of an array below which alignment saves less time than it costs."""


def keep_freed_memory() -> None:
    """Free one block of nearly 32 MB."""
    np.empty(JUST_UNDER_32_MB, np.uint8)


def empty(shape: Sequence[int], dtype: np.dtype) -> Array:
    """Return ``np.empty(shape, dtype)``, aligned to a cache line if it is not small."""
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    memory = np.empty(size + CACHE_LINE, np.uint8)
    return np.ndarray(shape, dtype, memory, offset=-memory.ctypes.data % CACHE_LINE)
