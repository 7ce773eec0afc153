"""Several threads: the batch is cut in parts, and each thread takes its part through the network.

The sequences of a batch don't meet before their gradients are added, so each part can go forward
and back alone, with BLAS single-threaded under it; NumPy lets other threads run while it computes.
The parts' gradients are added in their own order, whichever ends first, so that the same number
of threads always gives the same bits.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from scratch_rnn.checks import whole_number

Part = TypeVar("Part")
Result = TypeVar("Result")

_num_threads = 1
_pool: ThreadPoolExecutor | None = None


def set_num_threads(n: int) -> None:
    """Compute on `n` threads from now on, and hold NumPy's BLAS to one thread in each.

    As torch.set_num_threads, it is a setting of the whole process.

    Raises
    ------
    TypeError, ValueError
        If n is no integer of at least 1.
    """
    global _num_threads, _pool
    n = whole_number("the number of threads", n, least=1)
    ThreadpoolController().limit(limits=1, user_api="blas")
    if _pool is not None:
        _pool.shutdown()
    _num_threads, _pool = n, ThreadPoolExecutor(n, "scratch_rnn") if n > 1 else None


def get_num_threads() -> int:
    """Return the number of threads; 1 if `set_num_threads` was never called."""
    return _num_threads


def part_bounds(size: int, num_parts: int) -> list[slice]:
    """Cut 0 … size in parts whose sizes differ by at most one, none of them empty."""
    num_parts = max(1, min(num_parts, size))
    edges = [size * k // num_parts for k in range(num_parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def map_parts(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Return the function's result for each part, in the order of the parts."""
    if _pool is None or len(parts) == 1:
        return [function(part) for part in parts]
    return list(_pool.map(function, parts))
