"""The number of rounds of each row. A row has a budget of seconds for all phases and shapes.

The time of a phase is estimated from its floating-point operations; it is at least the 20 ms of a
block. The remaining budget is divided in proportion to these estimates, among this phase and all
later phases. The seconds that a phase really took are subtracted, so a later phase gets what an
earlier phase did not use. Each phase gets at least three rounds, if they fit into the budget. Small
shapes come first. If the budget is too small, the largest shapes are left out.

Calls that check a row do not count. Compilation has its own budget of the same size: what has been
compiled is measured, but nothing is compiled that would probably exceed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from compare.bench.measure.timing import BLOCK, LEAST_ROUNDS, MOST_ROUNDS
from compare.bench.rows.row import Row


class Budget:
    """The seconds that remain for each row.

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

    def objection_before(self, row: Row, phase: str, flops: int) -> str | None:
        """Return why a row cannot be measured in a phase, from earlier times; None if it can."""
        compiling = self._longest_compilation.get((row, phase), 0.0)
        if row.compiles and self._compiling[row] + compiling > self._seconds:
            return (
                f"compiling has taken {self._compiling[row]:.0f} s, and another compilation would "
                f"exceed the budget of {self._seconds:.0f} s"
            )
        at_best = LEAST_ROUNDS * flops / (2 * self._best_rate.get(row, float("inf")))
        if at_best > self.left(row):
            return f"over budget: it would take longer than the {self.left(row):.0f} s left"
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
                f"and {max(left, 0):.1f} s are left"
            )
        share = left * self._needs[number] / self._needs_to_come[number]
        return min(MOST_ROUNDS, max(LEAST_ROUNDS, int(share / cost)))

    def done(self, row: Row, flops: int, seconds: float, spent: float) -> None:
        """Record the seconds of a call of a row, and the seconds that all its rounds took."""
        self._spent[row] += spent
        self._best_rate[row] = max(self._best_rate.get(row, 0.0), flops / seconds)
