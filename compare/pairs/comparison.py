"""Compare two implementations of a layer on equal weights and inputs.

Neither of them counts as right. How far they may be apart is the tolerance of our own layer, in the
arithmetic of the coarser one; the reference is our layer in float64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compare.check import LayerCase, expect, match_within, name_mistake, run_layer, tolerance
from compare.implementations import CallFailed, Implementation, Results
from compare.parity import (
    FEW,
    PERTURBATIONS,
    Agreement,
    Comparison,
    ParityReport,
    tabulate,
)
from compare.terminal import UsageError

CONFIRMING = 3
"""Cases on which a likely mistake has to give the same results, beside the one that is shown."""


def choose_dtype(layer: Implementation, dtype: str) -> str:
    """Return the dtype, or the other one if the layer does not have it."""
    other = "float64" if dtype == "float32" else "float32"
    return dtype if layer.has_dtype(dtype) else other


@dataclass(frozen=True, eq=False)
class ComparedSide:
    """One of the two implementations, and the dtype in which it computes."""

    name: str  # "A" or "B"
    implementation: Implementation
    dtype: str

    def run(self, case: LayerCase) -> Results:
        """Run a case forward and, where that exists, backward, with the values of its floats."""
        case = (
            case.convert_to_float64() if self.dtype == "float64" else case
        )  # whose dtype is the coarser
        hidden = {} if case.nonlinearity == "tanh" else {"nonlinearity": case.nonlinearity}
        hidden |= {"dtype": self.dtype} if self.dtype == case.precision else {}
        parameters = case.floats.parameters
        if (weights := self.implementation.weights) is not None:
            parameters = {name: array.astype(case.dtype) for name, array in weights.items()}
        try:
            self.implementation.load(parameters, **hidden)
            return run_layer(self.implementation.layer, case)
        except ValueError as error:  # a bias for which the layer has no place
            raise UsageError(str(error)) from None
        except CallFailed as failure:
            where = f"{self.name}, {self.implementation.title}, in the case {case.describe()}"
            raise UsageError(f"expected results of {where}; got: {failure}") from None

    def compare_weights(self, case: LayerCase) -> list[Comparison]:
        """Compare its own weights with a case's, which are expected; return those that differ."""
        weights = self.implementation.weights or {}
        expected = case.floats.parameters
        comparisons = [
            Comparison(name, expected[name], weights[name].astype(case.dtype), 0.0)
            for name in expected
            if name in weights
        ]
        return [comparison for comparison in comparisons if not comparison.ok]


@dataclass(frozen=True, eq=False)
class PairResult:
    """The results of both sides on a case."""

    case: LayerCase
    sides: tuple[ComparedSide, ComparedSide]
    results: tuple[Results, Results]

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The tensors that both sides have, in the dtype of the case; A's are expected."""
        right = expect(self.case).results
        return tuple(
            replace(c, reference=right[c.tensor]) for c in self._compare_within(PERTURBATIONS)
        )

    def _compare_within(self, perturbations: int) -> tuple[Comparison, ...]:
        """Compare within the tolerance of so many perturbations of our layer."""
        right, (a, b) = expect(self.case).results, self.results
        both = [name for name in right if name in a and name in b]
        a, b = ({n: results[n].astype(self.case.dtype) for n in both} for results in (a, b))
        return match_within(tolerance(self.case, perturbations), a, b, self.case)

    @cached_property
    def report(self) -> ParityReport:
        """A row for each tensor that both have."""
        return tabulate(self.comparisons)

    @cached_property
    def differs(self) -> bool:
        """Whether some tensor differs by more than its tolerance.

        That of few perturbations is not larger. Most results are within it and need no more.
        """
        few = tabulate(self._compare_within(FEW))
        return bool(few.failures) and self.report.verdict is Agreement.DIFFERS

    @property
    def first(self) -> Comparison | None:
        """The first tensor that differs, with A as the expected side; None if there is none."""
        comparison = next((c for c in self.comparisons if not c.ok), None)
        if comparison is not None and self._is_in_reverse(comparison):
            return replace(comparison, backward=True)
        return comparison

    def _is_in_reverse(self, comparison: Comparison) -> bool:
        """Return whether the half of an output alone differs that the reverse direction gives."""
        if not self.case.bidirectional or comparison.tensor != "output" or comparison.problem:
            return False
        forward, _ = np.split(comparison.wrong_entries, 2, axis=-1)
        return not forward.any()

    def find_layer(self) -> str:
        """Return the first layer and direction whose h_n differs, in words; empty if all agree."""
        D, last = self.case.D, next((c for c in self.comparisons if c.tensor == "h_n"), None)
        if self.case.L * D == 1 or last is None or last.ok or last.problem:
            return ""
        layer, reverse = divmod(int(last.wrong_entries.any(axis=(1, 2)).argmax()), D)
        direction = f", {'reverse' if reverse else 'forward'} direction" if D == 2 else ""
        return f"layer {layer + 1} of {self.case.L}{direction}"

    def list_lacking(self, side: ComparedSide) -> list[str]:
        """Return the results that only the other side has."""
        results_of_side = self.results[self.sides.index(side)]
        return [name for several in self.results for name in several if name not in results_of_side]

    def is_right(self, side: ComparedSide) -> bool:
        """Return whether a side agrees with our layer in float64, within the tolerance."""
        results_of_side = self.results[self.sides.index(side)]
        return all(
            c.ok for c in expect(self.case).compare(results_of_side) if c.tensor in results_of_side
        )


def compare_pair(
    sides: tuple[ComparedSide, ComparedSide], cases: Sequence[LayerCase]
) -> Iterator[PairResult]:
    """Compare two implementations on one case after the other, up to the first difference."""
    for case in cases:
        try:
            result = PairResult(case, sides, (sides[0].run(case), sides[1].run(case)))
        except UsageError:  # one of them needs an initial state, or takes no lengths
            if case.h0 == cases[0].h0 and not case.lengths:
                raise
            continue
        yield result
        if result.differs:
            return


def find_mistake(result: PairResult, side: ComparedSide, cases: Sequence[LayerCase]) -> str:
    """Return the likely mistake of a side that is wrong on a case; empty if none is known."""
    others = [case for case in cases if case is not result.case][:CONFIRMING]
    results_of_side = result.results[result.sides.index(side)]
    passes = [(result.case, results_of_side), *((case, side.run(case)) for case in others)]
    return name_mistake(passes, transposed=side.implementation.is_transposed)
