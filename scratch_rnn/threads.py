"""Several threads: the batch is cut into slices, and each thread computes one of them.

The sequences of a batch are independent until their gradients are added. So each slice runs forward
and backward alone, with BLAS on one thread. NumPy releases Python's lock while it computes. The
gradients of the slices are added in a fixed order, so the same number of threads always gives the
same bits.

A single sequence cannot be cut. If its products are large, BLAS runs each of them on all threads.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from itertools import pairwise
from typing import Any, TypeVar

from scratch_rnn.checks import check_integer

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE_FOR_BLAS = 2**20
"""Entries of W_hh, per gate, from which several threads are faster even for one row (measured)."""

_num_threads = 1
_blas: Any = None  # the controller of its threads
_caller: int | None = None  # the thread that has called `set_num_threads`
_is_whole = ContextVar("batch is kept whole", default=False)
_pool: ThreadPoolExecutor | None = None
_process_of_pool = 0


def set_num_threads(n: int) -> None:
    """Compute on up to `n` threads from now on, and hold NumPy's BLAS to one thread in each.

    Like torch.set_num_threads, this is a setting of the whole process. A training step cuts its
    batch into one slice for each thread where that saves time (see `least_rows`), and so does a
    layer. A batch of one is not cut: BLAS computes its large products on all threads, but only for
    the thread that has called this function. The same number of threads always gives the same bits;
    with another number the results agree to within rounding.

    Raises
    ------
    TypeError, ValueError
        If n is no integer of at least 1.
    """
    from threadpoolctl import ThreadpoolController  # not before it is needed

    global _num_threads, _pool, _blas, _caller
    n = check_integer("the number of threads", n, least=1)
    _blas, _caller = ThreadpoolController(), threading.get_ident()
    _blas.limit(limits=1, user_api="blas")
    _num_threads, _pool = n, None  # the threads of a pool end when nobody uses it any more


def get_num_threads() -> int:
    """Return the number of threads; 1 if `set_num_threads` was never called."""
    return _num_threads


def least_rows(steps: int, multiplications: int) -> int:
    """Return how many rows a slice needs; with fewer, a second thread can cost more than it saves.

    Between two NumPy operations a thread takes Python's lock. If another thread has it, the first
    one sleeps and wakes up some microseconds later. So the product of a step has to take longer
    than that: at least 2^21 multiplications. More gates bring as many more operations, so they do
    not count. A free-threaded build has no lock, and a quarter is enough. Two more costs matter: a
    product of few rows spends its time reading the weights, and below 2^23 multiplications in all
    steps, starting the other threads takes most of the time.

    These numbers were measured. They are not tuned on each machine, because the bits of a result
    depend on the number of slices, so two runs could differ. The same slices one after the other on
    one thread give the same bits, but take 1.03 to 1.44 times as long as the whole batch.

    Parameters
    ----------
    steps : int
        T, or the steps of all recurrences.
    multiplications : int
        In the product of one row with the W_hh of one gate, in one step.
    """
    rows, in_a_product = (8, 2**21) if has_lock() else (16, 2**19)
    enough = max(in_a_product, 2**23 // max(1, steps))
    return max(rows, -(-enough // multiplications))


def has_lock() -> bool:
    """Return whether Python has its global lock (GIL); free-threaded builds have none."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def slice_batch(B: int, steps: int, multiplications: int) -> list[slice]:
    """Cut the rows 0 … B-1 of a batch into a slice for each thread, or fewer: see `least_rows`.

    Slices differ by one row at most, and none is empty. A slice is not cut again.
    """
    num_threads = 1 if _is_whole.get() else _num_threads
    num_slices = max(1, min(num_threads, B // least_rows(steps, multiplications)))
    edges = [B * k // num_slices for k in range(num_slices + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def map_slices(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return the function's result for each item, in the order of the items.

    The calling thread computes the first item. All threads have its context, such as `np.errstate`.
    Inside a slice the calling thread computes all items: the others may be waiting for that slice.
    """
    num_threads = _num_threads
    if num_threads == 1 or len(items) == 1 or _is_whole.get():
        return [function(item) for item in items]

    def compute(item: Item) -> Result:
        with keep_batch_whole():
            return function(item)

    pool = _open_pool(num_threads)
    others = [pool.submit(copy_context().run, compute, item) for item in items[1:]]
    return [compute(items[0]), *(other.result() for other in others)]


@contextmanager
def share_with_blas(B: int, units: int) -> Iterator[None]:
    """Inside the ``with`` block, let BLAS use all threads if B is 1 and the units R are many.

    The number is a setting of the whole process, so only one thread may change it.
    """
    is_large = B == 1 and units**2 >= LARGE_FOR_BLAS
    if not is_large or _caller != threading.get_ident() or _is_whole.get():
        yield
        return
    with _blas.limit(limits=_num_threads, user_api="blas"):
        yield


@contextmanager
def keep_batch_whole() -> Iterator[None]:
    """Inside the ``with`` block, leave batches whole, and compute on the calling thread alone."""
    token = _is_whole.set(True)
    try:
        yield
    finally:
        _is_whole.reset(token)


def _open_pool(num_threads: int) -> ThreadPoolExecutor:
    """Return the pool of the other threads. After os.fork, a process needs a new one."""
    global _pool, _process_of_pool
    pool = _pool
    if pool is None or _process_of_pool != os.getpid():
        pool = ThreadPoolExecutor(num_threads - 1, "scratch_rnn")
        _pool, _process_of_pool = pool, os.getpid()
    return pool
