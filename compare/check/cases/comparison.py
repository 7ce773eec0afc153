"""Compare results tensor by tensor: the expected values, the values that came, the tolerance."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from compare.implementations import Array, Results
from compare.parity import (
    FEW,
    PERTURBATIONS,
    SAFETY,
    Computation,
    ParityReport,
    ParityRow,
    compare_results,
    largest_difference,
    tolerances,
    ulps,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tensor of one case: expected and got."""

    tensor: str
    expected: Array
    got: Array
    allowed: Array | float  # the tolerance of each entry
    time_axis: int | None = None
    backward: bool = False  # computed from the last step to the first

    @property
    def problem(self) -> str:
        """How shapes or dtypes differ; empty if they are equal."""
        expected, got = self.expected, self.got
        if (expected.shape, expected.dtype) == (got.shape, got.dtype):
            return ""
        return f"expected {expected.shape} {expected.dtype}, got {got.shape} {got.dtype}"

    @property
    def difference(self) -> float:
        """The largest absolute difference; infinite if shapes or dtypes differ."""
        return math.inf if self.problem else largest_difference(self.expected, self.got)

    @property
    def ok(self) -> bool:
        """Whether each difference is within the tolerance."""
        return not self.problem and not self.wrong_entries.any()

    @property
    def row(self) -> ParityRow:
        """The comparison as a row of a table."""
        (row,) = compare_results(
            {self.tensor: self.expected}, {self.tensor: self.got}, {self.tensor: self.allowed}
        ).rows
        return row

    @property
    def step(self) -> int | None:
        """The first wrong time step, counted from 1, in the order of the computation."""
        if self.time_axis is None or self.problem:
            return None
        axes = tuple(axis for axis in range(self.expected.ndim) if axis != self.time_axis)
        wrong = np.flatnonzero(self.wrong_entries.any(axis=axes))
        return int(wrong[-1 if self.backward else 0]) + 1 if wrong.size else None

    @property
    def element(self) -> tuple[int, ...] | None:
        """Index of the worst entry: at the first wrong step, if there are steps."""
        if self.problem or not self.wrong_entries.any():
            return None
        distance = np.where(self.wrong_entries, np.abs(self.expected - self.got), -1.0)
        distance = np.where(np.isnan(distance), np.inf, distance)
        if self.time_axis is not None and self.step is not None:
            steps = np.arange(self.expected.shape[self.time_axis])
            here = np.moveaxis(distance, self.time_axis, -1)
            here[..., steps != self.step - 1] = -1.0
        return tuple(int(i) for i in np.unravel_index(np.argmax(distance), distance.shape))

    @property
    def wrong_entries(self) -> Array:
        """Where the difference is larger than the tolerance."""
        with np.errstate(invalid="ignore", over="ignore"):
            same = (self.expected == self.got) | (np.abs(self.expected - self.got) <= self.allowed)
        return np.asarray(~same)

    def describe(self) -> str:
        """Describe the worst entry in one line."""
        if self.problem:
            return self.problem
        index = self.element
        if index is None:
            return "no difference"
        where = f"[{', '.join(map(str, index))}]: " if index else ""
        return (
            f"{where}expected {self.expected[index]:.9g}, got {self.got[index]:.9g}; "
            f"{abs(self.expected[index] - self.got[index]):.1e} apart, "
            f"{np.broadcast_to(self.allowed, self.expected.shape)[index]:.1e} allowed"
        )


def tabulate(comparisons: Sequence[Comparison]) -> ParityReport:
    """Return the comparisons as rows of a table."""
    return ParityReport(tuple(c.row for c in comparisons))


@dataclass(frozen=True, slots=True)
class Answer:
    """The expected results of a case, and the tolerance of each entry."""

    expected: Results
    allowed: Mapping[str, Array | float]


def measure_answer(expected: Results, ours: Computation) -> Answer:
    """Return the expected results, with the tolerances measured on our own computation."""
    with np.errstate(all="ignore"):
        return Answer(expected, tolerances(ours)[1])


def compare_answer(
    answer: Answer, got: Mapping[str, Array], time_axes: Mapping[str, int] | None = None
) -> tuple[Comparison, ...]:
    """Compare each expected tensor; a missing one is wrong. `time_axes`: the axis of the steps."""
    axes = time_axes or {}
    return tuple(
        Comparison(
            name,
            np.asarray(expected),
            np.asarray(got.get(name, np.empty((0, 0)))),
            answer.allowed[name],
            axes.get(name),
            backward=name == "gradient of x",
        )
        for name, expected in answer.expected.items()
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """The right results of a case, their tolerance, and what the results of others may lack."""

    results: Results
    tolerance: Callable[[int], Results]  # of each entry, with so many perturbations
    dtype: str = "float64"  # the coarsest that results may have
    computed: str = "float64"  # the dtype of the computation whose tolerance it is
    time_axes: Mapping[str, int] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()  # results that may be absent

    def compare(self, got: Results) -> tuple[Comparison, ...]:
        """Compare results; what only one side has is wrong, unless it may be absent.

        A tolerance is at least a few ulps, and that of few perturbations is smaller than that of
        all. So most comparisons need none to be measured. Their shares are of the smaller
        tolerance; those of `compare_within` are of the one that is asked for.
        """
        comparisons: tuple[Comparison, ...] = ()
        for perturbations in (0, FEW, PERTURBATIONS):
            comparisons = self.compare_within(perturbations, got)
            if all(comparison.ok for comparison in comparisons):
                break
        return comparisons

    def compare_within(self, perturbations: int, got: Results) -> tuple[Comparison, ...]:
        """Compare results within the tolerance of so many perturbations; 0: a few ulps."""
        wide = {name: widen(array, self.dtype) for name, array in got.items()}
        for name, right in self.results.items():
            if right.shape == () and name in wide and wide[name].size == 1:
                wide[name] = wide[name].reshape(())
        names = [
            name
            for name in {**self.results, **wide}
            if name not in self.optional or (name in wide) == (name in self.results)
        ]
        expected = {name: self.results.get(name, NOTHING) for name in names}
        allowed = self.tolerance(perturbations) if perturbations else self._list_least()
        answer = Answer(expected, {name: allowed.get(name, NO_TOLERANCE) for name in names})
        return compare_answer(answer, wide, self.time_axes)

    def _list_least(self) -> Results:
        """Return what each tolerance is at least: it adds twice as much to the measured moves."""
        with np.errstate(all="ignore"):
            return {n: SAFETY * ulps(a.astype(self.computed)) for n, a in self.results.items()}


NOTHING, NO_TOLERANCE = np.empty((0, 0)), np.zeros(())


def widen(got: Array, least: str) -> Array:
    """Return numbers in float64, unless their dtype is coarser than `least`."""
    coarse = got.dtype.kind == "f" and got.dtype.itemsize < np.dtype(least).itemsize
    return got if coarse or got.dtype.kind not in "fiu" else got.astype(np.float64)


def match_bits(expected: Mapping[str, Array], got: Mapping[str, Array]) -> tuple[Comparison, ...]:
    """Compare bit for bit: the tolerance is zero."""
    return compare_answer(Answer(dict(expected), dict.fromkeys(expected, 0.0)), got)
