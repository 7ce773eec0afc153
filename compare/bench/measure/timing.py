"""Measure the time of jobs: in blocks of calls, and in rounds with one block of each row.

A *block* is a number of calls that takes 20 ms. Before it there is a warm-up that is not counted.
Python's timeit runs the block without garbage collection. Its clock waits for the GPU. A *round* is
one block of each row. The order of the rows changes from round to round. So changes of the machine
(clock rate, heat, other work) affect all rows in the same way. Each round also times one fixed
matrix product. The variation of this time shows the noise of the machine.

torch.utils.benchmark and pyperf time one statement after the other, pyperf in processes of its own.
Here the rows alternate, each with its own threads and rests, in the process that has checked them.

Idle threads do not sleep at once. They keep a core busy that the next row needs: the threads of
PyTorch's OpenMP for some milliseconds, the threads of OpenBLAS for a tenth of a second. So there is
a rest after a block on several threads. After a rest, the first calls on several threads took up to
twice as long as later calls. So on several threads the warm-up is longer than the block.
"""

import math
import time
import timeit
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from compare.bench.rows.row import Row
from compare.bench.workload.case import Job, TimedCall

BLOCK = 0.02  # minimum time of a block, in seconds
LEAST_ROUNDS, MOST_ROUNDS = 3, 60

WARM_UP = 0.05
"""Seconds of warm-up before a block on several threads. On one thread the warm-up is one call."""

SHORT = 0.1  # a call of at least this many seconds needs no warm-up


@dataclass(slots=True)
class Contestant:
    """A row's job in one phase, its number of rounds, and its times."""

    row: Row
    job: Job
    estimate: float  # estimated seconds per call
    rounds: int
    seconds: list[float] = field(default_factory=list)  # seconds per call, for each round
    spent: float = 0.0  # seconds of all rounds, with warm-ups and rests
    turns: int = 0  # changes of its inputs
    failure: str = ""  # what one of its blocks raised; it has no more of them


class ReferenceProduct:
    """A fixed matrix product on one thread: the same work in every round."""

    SIZE = 384

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._a = rng.standard_normal((self.SIZE, self.SIZE), dtype=np.float32)
        self._out = np.empty_like(self._a)
        seconds = time_calls(self._run, calls=3)
        self.rate = 2 * self.SIZE**3 / seconds
        """Operations per second, for estimates."""
        self._calls = count_calls(seconds, BLOCK)
        self.seconds: list[float] = []

    def measure(self) -> None:
        """Time the product once more."""
        self.seconds.append(time_calls(self._run, self._calls))

    def _run(self) -> None:
        np.matmul(self._a, self._a, out=self._out)


def synchronised_clock() -> float:
    """Return the time in seconds, after the GPU has done its work, if it has any.

    torch.utils.benchmark has such a clock, but needs setuptools and looks for a compiler.
    """
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    return time.perf_counter()


def describe_error(error: Exception) -> str:
    """Return on one line what a row has raised."""
    line = " ".join(str(error).split())
    return f"raised {type(error).__name__}: {line if len(line) <= 200 else f'{line[:197]}...'}"


def time_calls(run: TimedCall, calls: int) -> float:
    """Return the mean time of a call in a block of calls."""
    return timeit.Timer(run, timer=synchronised_clock).timeit(calls) / calls


def time_job(job: Job, calls: int) -> float:
    """Return the mean time of a call of a job, measured where the job is done."""
    return time_calls(job.run, calls) if job.time is None else job.time(calls)


def count_calls(seconds: float, span: float) -> int:
    """Return the number of calls of `seconds` that fill a span of time, at least one."""
    return max(1, math.ceil(span / max(seconds, 1e-9)))


def count_warm_up_calls(seconds: float, threads: int) -> int:
    """Return the number of warm-up calls before a block, for calls of `seconds`."""
    if seconds >= SHORT:
        return 0
    return 1 if threads == 1 else count_calls(seconds, WARM_UP)


def time_a_block(time: Callable[[int], float], seconds: float, threads: int) -> float:
    """Return the mean time of a call in a block, after the warm-up; `seconds` is its estimate.

    `time` makes a number of calls, and returns their mean time.
    """
    if warm_up := count_warm_up_calls(seconds, threads):
        time(warm_up)
    return time(count_calls(seconds, BLOCK))


def estimate_round(row: Row, seconds: float, threads: int) -> float:
    """Return the seconds of one round of a row, for calls of `seconds`."""
    calls = count_warm_up_calls(seconds, threads) + count_calls(seconds, BLOCK)
    return calls * seconds + row.rest(threads)


def measure(
    contestants: Sequence[Contestant], threads: int, reference: ReferenceProduct | None = None
) -> None:
    """Time all contestants in rounds; their times are appended to their `seconds`.

    If a contestant has fewer rounds than others, its rounds are spread evenly over all rounds. One
    that raises has a `failure`, and the others go on.
    """
    num_rounds = max((contestant.rounds for contestant in contestants), default=0)
    for k in range(num_rounds):
        if reference is not None:
            reference.measure()
        first = k % len(contestants)
        for contestant in [*contestants[first:], *contestants[:first]]:
            if contestant.failure:
                continue
            if (k + 1) * contestant.rounds // num_rounds > k * contestant.rounds // num_rounds:
                _block(contestant, threads)


def _block(contestant: Contestant, threads: int) -> None:
    row, job, began = contestant.row, contestant.job, time.perf_counter()
    job.turn()
    contestant.turns += 1
    try:
        with row.settings(threads):
            seconds = time_a_block(partial(time_job, job), contestant.estimate, threads)
        contestant.seconds.append(seconds)
    except Exception as error:  # any error in one row must not stop the other rows
        contestant.failure = f"in the timed calls, it {describe_error(error)}"
    time.sleep(row.rest(threads))
    contestant.spent += time.perf_counter() - began


class Budget:
    """The number of rounds of each row. A row has a budget of seconds for all phases and shapes.

    The time of a phase is estimated from its floating-point operations; it is at least the 20 ms of
    a block. The remaining budget is divided in proportion to these estimates, among this phase and
    all later phases. The seconds that a phase really took are subtracted, so a later phase gets
    what an earlier phase did not use. Each phase gets at least three rounds, if they fit into the
    budget. Small shapes come first. If the budget is too small, the largest shapes are left out.

    Calls that check a row count only if they fail. Compilation has its own budget of the same size:
    what has been compiled is measured, but nothing is compiled that would probably exceed it.

    `flops` are the operations of all phases of all shapes, in the order of the measurement, and
    `rate` is the number of operations per second for the estimates.
    """

    def __init__(self, seconds: float, flops: Sequence[int], rate: float) -> None:
        self._seconds = seconds
        needs = [max(BLOCK, flop / rate) for flop in flops]
        self._needs_to_come = [sum(needs[k:]) for k in range(len(needs))]
        self._needs = needs
        self._spent: dict[Row, float] = defaultdict(float)
        self._compiling: dict[Row, float] = defaultdict(float)
        self._longest_compilation: dict[tuple[Row, str], float] = {}
        self._best_rate: dict[Row, float] = {}

    def left(self, row: Row) -> float:
        """Return the seconds that remain for the rounds of a row."""
        return self._seconds - self._spent[row]

    def find_objection(self, row: Row, phase: str, flops: int) -> str | None:
        """Return why a row cannot be measured in a phase, from earlier times; None if it can."""
        compiling = self._longest_compilation.get((row, phase), 0.0)
        if row.compiles and self._compiling[row] + compiling > self._seconds:
            return (
                f"compiling has taken {self._compiling[row]:.0f} s, and another compilation would "
                f"exceed the budget of {self._seconds:.0f} s"
            )
        at_best = LEAST_ROUNDS * flops / (2 * self._best_rate.get(row, float("inf")))
        if at_best > self.left(row):
            left = max(self.left(row), 0)
            return f"over budget: it would take longer than the {left:.0f} s left"
        return None

    def compiled(self, row: Row, phase: str, seconds: float) -> None:
        """Record the seconds of a compilation."""
        self._compiling[row] += seconds
        previous = self._longest_compilation.get((row, phase), 0.0)
        self._longest_compilation[row, phase] = max(previous, seconds)

    def rounds(self, row: Row, number: int, cost: float) -> int | str:
        """Return the number of rounds of a row in a phase, or why it has none.

        `number` is the index of the phase in `flops`, `cost` the seconds of a round, including
        warm-up and rest.
        """
        left = self.left(row)
        if LEAST_ROUNDS * cost > left:
            return (
                f"over budget: {LEAST_ROUNDS} rounds would take {LEAST_ROUNDS * cost:.1f} s, "
                f"and {max(left, 0):.1f} s are left; --budget {self._suggest(row, number, cost)} "
                "leaves enough"
            )
        share = left * self._needs[number] / self._needs_to_come[number]
        return min(MOST_ROUNDS, max(LEAST_ROUNDS, int(share / cost)))

    def _suggest(self, row: Row, number: int, cost: float) -> int:
        """Return a budget of whole seconds that leaves a phase three rounds.

        The earlier phases take a share of a larger budget, or what they took of this one.
        """
        least, share_left = (
            LEAST_ROUNDS * cost,
            self._needs_to_come[number] / self._needs_to_come[0],
        )
        return math.ceil(max(self._spent[row] + least, least / share_left))

    def spend(self, row: Row, seconds: float) -> None:
        """Record the seconds that the rounds of a row took, whatever came of them."""
        self._spent[row] += seconds

    def done(self, row: Row, flops: int, seconds: float) -> None:
        """Record the seconds of a call of a row."""
        self._best_rate[row] = max(self._best_rate.get(row, 0.0), flops / seconds)
