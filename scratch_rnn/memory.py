"""Memory for large arrays: kept when it is freed, and beginning with a cache line.

A training step makes and drops a few arrays of a megabyte each. By default the C library hands
such memory back to the kernel at once, which later hands it out again page by page, cleared: at
the lecture's size that takes a quarter of a step. glibc raises the size from which it does so when
it sees a larger block freed, up to 32 MB, and keeps twice as much; so we free one such block. It
is never written to, and so costs nothing. Other C libraries take no notice.

A processor reads memory in lines of 64 bytes, and AVX-512 computes with 64 bytes at once. NumPy's
large arrays begin 16 bytes after the start of a line, so that each 64 bytes lie in two lines.
Small products then take up to 1.4 times as long, and a product of elements twice as long.
"""

import math
from collections.abc import Sequence

import numpy as np

JUST_UNDER_32_MB = 31 * 2**20
CACHE_LINE = 64
"""Bytes."""
SMALL = 2**14
"""Bytes of an array with which so little is done that the search for a line is not worth it."""


def keep_freed_memory() -> None:
    """Free one block of nearly 32 MB."""
    np.empty(JUST_UNDER_32_MB, np.uint8)


def empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return ``np.empty(shape, dtype)``; if it is not small, it begins where a cache line does."""
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    memory = np.empty(size + CACHE_LINE, np.uint8)
    return np.ndarray(shape, dtype, memory, offset=-memory.ctypes.data % CACHE_LINE)
