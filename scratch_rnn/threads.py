"""Several threads: the batch is cut in parts, and each thread takes its part through the network.

The sequences of a batch don't meet before their gradients are added, so each part can go forward
and back alone, with BLAS single-threaded under it; NumPy lets other threads run while it computes.
The parts' gradients are added in their own order, whichever ends first, so that the same number
of threads always gives the same bits.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from scratch_rnn.checks import whole_number

Part = TypeVar("Part")
Result = TypeVar("Result")

WORTH_A_THREAD = 2**23
"""Multiplications in a part below which handing it over costs more than it saves (measured)."""

_num_threads = 1
_pool: ThreadPoolExecutor | None = None
_process_of_pool = 0


def set_num_threads(n: int) -> None:
    """Compute on `n` threads from now on, and hold NumPy's BLAS to one thread in each.

    As torch.set_num_threads, it is a setting of the whole process.

    Raises
    ------
    TypeError, ValueError
        If n is no integer of at least 1.
    """
    from threadpoolctl import ThreadpoolController  # not before it is needed

    global _num_threads, _pool
    n = whole_number("the number of threads", n, least=1)
    ThreadpoolController().limit(limits=1, user_api="blas")
    if _pool is not None and _process_of_pool == os.getpid():
        _pool.shutdown()
    _num_threads, _pool = n, None


def get_num_threads() -> int:
    """Return the number of threads; 1 if `set_num_threads` was never called."""
    return _num_threads


def parts_of_batch(B: int, multiplications: int) -> list[slice]:
    """Cut the rows 0 … B-1 of a batch in a part for each thread, or in fewer if it is little work.

    Parameters
    ----------
    B : int
        Rows; parts differ by one at most, and none is empty.
    multiplications : int
        Of the whole batch, in the forward pass.
    """
    num_parts = max(1, min(_num_threads, B, multiplications // WORTH_A_THREAD))
    edges = [B * k // num_parts for k in range(num_parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def map_parts(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Return the function's result for each part, in the order of the parts.

    The calling thread takes the first part itself.
    """
    if _num_threads == 1 or len(parts) == 1:
        return [function(part) for part in parts]
    others = [_threads().submit(function, part) for part in parts[1:]]
    return [function(parts[0]), *(other.result() for other in others)]


def _threads() -> ThreadPoolExecutor:
    """Return the other threads; a process made by os.fork has its parent's pool without them."""
    global _pool, _process_of_pool
    if _pool is None or _process_of_pool != os.getpid():
        _pool, _process_of_pool = ThreadPoolExecutor(_num_threads - 1, "scratch_rnn"), os.getpid()
    return _pool
