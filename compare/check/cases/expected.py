"""The expected results of a case, their tolerance, and the results that may be absent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from compare.implementations import Array, Results
from compare.parity import FEW, PERTURBATIONS, SAFETY, Comparison, ulps

Tolerances = Mapping[str, Array | float]
"""The tolerance of each entry of each result; a result without one has to be equal."""

COUNTS = (0, FEW, PERTURBATIONS)
"""Numbers of perturbations: a tolerance is measured with more of them only if need be."""

NOTHING = np.empty((0, 0))
"""Takes the place of a result that is missing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The right results of a case, their tolerance, and what the results of others may lack."""

    results: Results
    tolerance: Callable[[int], Tolerances]  # with so many perturbations
    time_axes: Mapping[str, int] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()  # results that may be absent
    coarsest: str = ""  # the coarsest dtype that results may have; empty: that of the right ones
    computed: str = ""  # the dtype of the computation whose tolerance it is; empty: theirs
    counts: Sequence[int] = COUNTS

    @classmethod
    def fix_tolerance(
        cls,
        results: Results,
        allowed: Tolerances,
        time_axes: Mapping[str, int] | None = None,
        optional: frozenset[str] = frozenset(),
    ) -> Self:
        """Expect results within a tolerance that is known."""
        return cls(results, lambda _: allowed, time_axes or {}, optional, counts=(PERTURBATIONS,))

    def compare(self, got: Mapping[str, Array]) -> tuple[Comparison, ...]:
        """Compare results; what only one side has is wrong, unless it may be absent.

        A tolerance is at least a few ulps, and that of few perturbations is smaller than that of
        all. So most comparisons need none to be measured. Their shares are of the smaller
        tolerance; those of `compare_within` are of the one that is asked for.
        """
        comparisons: tuple[Comparison, ...] = ()
        for perturbations in self.counts:
            comparisons = self.compare_within(perturbations, got)
            if all(comparison.ok for comparison in comparisons):
                break
        return comparisons

    def compare_within(
        self, perturbations: int, got: Mapping[str, Array]
    ) -> tuple[Comparison, ...]:
        """Compare results within the tolerance of so many perturbations; 0: a few ulps."""
        fitted = {name: self._fit(name, np.asarray(array)) for name, array in got.items()}
        allowed = self.tolerance(perturbations) if perturbations else self._list_least()
        return tuple(
            Comparison(
                name,
                np.asarray(self.results.get(name, NOTHING)),
                fitted.get(name, NOTHING),
                allowed.get(name, 0.0),
                self.time_axes.get(name),
                backward=name == "gradient of x",
            )
            for name in {**self.results, **fitted}
            if name not in self.optional or (name in fitted) == (name in self.results)
        )

    def _fit(self, name: str, got: Array) -> Array:
        """Return a result in float64, unless it is too coarse; a number as an array of no axis."""
        if not self.coarsest or got.dtype.kind not in "fiu":
            return got
        if name in self.results and self.results[name].shape == () and got.size == 1:
            got = got.reshape(())
        is_coarse = got.dtype.kind == "f" and got.dtype.itemsize < np.dtype(self.coarsest).itemsize
        return got if is_coarse else got.astype(np.float64)

    def _list_least(self) -> Results:
        """Return what each tolerance is at least: it adds twice as much to the measured moves."""
        with np.errstate(all="ignore"):
            return {
                name: SAFETY * ulps(array.astype(self.computed or array.dtype))
                for name, array in self.results.items()
            }
