"""How long jobs take: in blocks of calls, in rounds in which every row has its turn.

A *block* is as many calls as fill 20 ms, after a warm-up that is not counted. Python's timeit runs
it, without garbage collection, by the clock of torch.utils.benchmark, which waits for a GPU to be
done before it is read. A *round* is one block of each row, each time in another order, so that
whatever the machine does meanwhile (clock, heat, other work) meets all of them alike. Each round
also times one fixed product: how far that wanders is what the machine does.

Threads that wait for work don't sleep at once: those of PyTorch's OpenMP watch for some
milliseconds, those of OpenBLAS for a tenth of a second, and keep a core busy that the next row
would need. So after a block on several threads there is a rest. After a rest, in turn, the first
calls on several threads were seen to take up to twice as long as those that follow, so that there
the warm-up is longer than the block.
"""

from __future__ import annotations

import math
import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch.utils.benchmark import timer as synchronised_clock

from compare.bench.case import Job
from compare.bench.row import Row

BLOCK = 0.02
"""Seconds that a block takes at the least."""

LEAST_ROUNDS, MOST_ROUNDS = 3, 60

WARM_UP = 0.05
"""Seconds of calls that go before a block on several threads; on one thread it is one call."""

UNHURRIED = 0.1
"""Seconds from which a call needs no other call before it to get into its stride."""


@dataclass(slots=True)
class Contestant:
    """A row's job in one phase, and the rounds that it takes part in."""

    row: Row
    job: Job
    estimate: float  # seconds of a call, roughly
    rounds: int
    seconds: list[float] = field(default_factory=list)  # of one call, for each round


class ReferenceProduct:
    """A fixed product on one thread: the same work in every round."""

    SIZE = 384

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._a = rng.standard_normal((self.SIZE, self.SIZE), dtype=np.float32)
        self._out = np.empty_like(self._a)
        self._calls = calls_of_a_block(seconds_of_a_call(self._run, calls=3))
        self.seconds: list[float] = []

    def measure(self) -> None:
        """Time it once more."""
        self.seconds.append(seconds_of_a_call(self._run, self._calls))

    def _run(self) -> None:
        np.matmul(self._a, self._a, out=self._out)


def seconds_of_a_call(run: Callable[[], Any], calls: int) -> float:
    """Return the mean time of a call in a block of calls."""
    return timeit.Timer(run, timer=synchronised_clock).timeit(calls) / calls


def calls_of_a_block(seconds: float) -> int:
    """Return how many calls of so many seconds fill a block."""
    return _calls_that_fill(BLOCK, seconds)


def calls_of_a_warm_up(seconds: float, threads: int) -> int:
    """Return how many calls of so many seconds go before a block without being counted."""
    if seconds >= UNHURRIED:
        return 0
    return 1 if threads == 1 else _calls_that_fill(WARM_UP, seconds)


def _calls_that_fill(span: float, seconds: float) -> int:
    return max(1, math.ceil(span / max(seconds, 1e-9)))


def time_a_block(run: Callable[[], Any], seconds: float, threads: int) -> float:
    """Return the mean time of a call in a block, after the warm-up.

    Parameters
    ----------
    run : function
    seconds : float
        Of one call, as far as is known.
    threads : int
        At work within it or beside it; several need the longer warm-up.
    """
    for _ in range(calls_of_a_warm_up(seconds, threads)):
        run()
    return seconds_of_a_call(run, calls_of_a_block(seconds))


def seconds_of_a_round(row: Row, seconds: float, threads: int) -> float:
    """Return what one round costs a row whose call takes so long."""
    calls = calls_of_a_warm_up(seconds, threads) + calls_of_a_block(seconds)
    return calls * seconds + row.rest(threads)


def measure(
    contestants: Sequence[Contestant], threads: int, reference: ReferenceProduct | None = None
) -> None:
    """Let all contestants run, each as often as it may; their times are added to `seconds`.

    One with fewer rounds than others takes part in rounds that are spread over all of them.
    """
    num_rounds = max((contestant.rounds for contestant in contestants), default=0)
    for k in range(num_rounds):
        if reference is not None:
            reference.measure()
        first = k % len(contestants)
        for contestant in [*contestants[first:], *contestants[:first]]:
            if (k + 1) * contestant.rounds // num_rounds > k * contestant.rounds // num_rounds:
                _block(contestant, threads)


def _block(contestant: Contestant, threads: int) -> None:
    row, job = contestant.row, contestant.job
    with row.settings(threads):
        contestant.seconds.append(time_a_block(job.run, contestant.estimate, threads))
    time.sleep(row.rest(threads))
