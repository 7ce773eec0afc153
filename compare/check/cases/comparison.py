"""Compare results tensor by tensor: the expected values, the values that came, the tolerance."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compare.parity import (
    FEW,
    PERTURBATIONS,
    Computation,
    ParityReport,
    ParityRow,
    compare_results,
    largest_difference,
    tolerances,
)

Results = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tensor of one case: expected and got."""

    tensor: str
    expected: np.ndarray
    got: np.ndarray
    allowed: np.ndarray | float  # the tolerance of each entry
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
    def wrong_entries(self) -> np.ndarray:
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


def table_of(comparisons: Sequence[Comparison]) -> ParityReport:
    """Return the comparisons as rows of a table."""
    return ParityReport(tuple(c.row for c in comparisons))


@dataclass(frozen=True, slots=True)
class Answer:
    """The expected results of a case, and the tolerance of each entry."""

    expected: Results
    allowed: Mapping[str, np.ndarray | float]


def answer_of(expected: Results, ours: Computation) -> Answer:
    """Return the expected results, with the tolerances measured on our own computation."""
    with np.errstate(all="ignore"):
        return Answer(expected, tolerances(ours)[1])


def compared(
    answer: Answer, got: Mapping[str, np.ndarray], time_axes: Mapping[str, int] | None = None
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


def compared_soon(
    expected: Results, tolerance: Callable[[int], Mapping[str, np.ndarray]], got: Results
) -> tuple[Comparison, ...]:
    """Compare with few perturbations, whose tolerance is smaller, and if need be with all."""
    for perturbations in (FEW, PERTURBATIONS):
        comparisons = compared(Answer(expected, tolerance(perturbations)), got)
        if all(comparison.ok for comparison in comparisons):
            break
    return comparisons


def widened(got: np.ndarray, least: str) -> np.ndarray:
    """Return numbers in float64, unless their dtype is coarser than `least`."""
    coarse = got.dtype.kind == "f" and got.dtype.itemsize < np.dtype(least).itemsize
    return got if coarse or got.dtype.kind not in "fiu" else got.astype(np.float64)


def identical(
    expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]
) -> tuple[Comparison, ...]:
    """Compare bit for bit: the tolerance is zero."""
    return compared(Answer(dict(expected), dict.fromkeys(expected, 0.0)), got)
