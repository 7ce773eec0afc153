"""How many rounds each row may have: its budget of seconds, shared among all it has to do.

What a phase needs is estimated from its floating-point operations, a block's 20 ms at the least.
Each phase may use the part of what is left that it needs of all that is still to come, so what one
doesn't use goes to those after it; and three rounds at any rate, as long as they fit. Small shapes
come first, so that it is the largest that are left out in the end.

The calls that check a row don't count. Compiling counts by itself: a row whose compilations take
longer than its budget gives up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from compare.bench.row import Row
from compare.bench.timing import BLOCK, LEAST_ROUNDS, MOST_ROUNDS


class Budget:
    """The seconds that each row has left.

    Parameters
    ----------
    seconds : float
        For each row.
    flops : sequence of int
        Of all phases of all shapes, in the order in which they will come.
    rate : float
        Operations a second that the estimate goes by.
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
        """Return the seconds that a row has left for its rounds."""
        return self._seconds - self._spent[row]

    def objection_before(self, row: Row, phase: str, flops: int) -> str | None:
        """Return why a row should not even be tried at a phase, judging by what came before."""
        compiling = self._longest_compilation.get((row, phase), 0.0)
        if row.compiles and self._compiling[row] + compiling > self._seconds:
            return (
                f"compiling has taken {self._compiling[row]:.0f} s so far, and once more would "
                f"exceed its budget of {self._seconds:.0f} s"
            )
        at_best = LEAST_ROUNDS * flops / (2 * self._best_rate.get(row, float("inf")))
        if at_best > self.left(row):
            return f"over budget: {self.left(row):.0f} s are left, and it would take longer"
        return None

    def compiled(self, row: Row, phase: str, seconds: float) -> str | None:
        """Note a compilation; return why the row gives up, if it does."""
        self._compiling[row] += seconds
        previous = self._longest_compilation.get((row, phase), 0.0)
        self._longest_compilation[row, phase] = max(previous, seconds)
        if self._compiling[row] > self._seconds:
            return (
                f"compiling took {self._compiling[row]:.0f} s in all, "
                f"more than its budget of {self._seconds:.0f} s"
            )
        return None

    def rounds(self, row: Row, number: int, cost: float) -> int | str:
        """Return how many rounds a row gets in the phase of this number, or why it gets none.

        Parameters
        ----------
        row : Row
        number : int
            Of the phase, in the order that was announced.
        cost : float
            Seconds of one round, with what is not counted.
        """
        left = self.left(row)
        if LEAST_ROUNDS * cost > left:
            return (
                f"over budget: {LEAST_ROUNDS} rounds would take {LEAST_ROUNDS * cost:.1f} s, "
                f"and {max(left, 0):.1f} s are left"
            )
        share = left * self._needs[number] / self._needs_to_come[number]
        rounds = min(MOST_ROUNDS, max(LEAST_ROUNDS, int(share / cost)))
        self._spent[row] += rounds * cost
        return rounds

    def done(self, row: Row, flops: int, seconds: float) -> None:
        """Note how fast a row was."""
        self._best_rate[row] = max(self._best_rate.get(row, 0.0), flops / seconds)
