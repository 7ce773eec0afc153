"""What a check finds: tensors as they should be and as they are, properties that were broken."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.parity import ParityReport, ParityRow, compare_results, largest_difference

if TYPE_CHECKING:
    from compare.check.properties.layer_property import LayerProperty


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tensor of one case, as it should be and as it is."""

    tensor: str
    expected: np.ndarray
    got: np.ndarray
    allowed: np.ndarray | float  # for each entry
    time_axis: int | None = None
    backward: bool = False  # computed from the last step to the first

    @property
    def problem(self) -> str:
        """How shapes or dtypes differ; empty where they don't."""
        expected, got = self.expected, self.got
        if (expected.shape, expected.dtype) == (got.shape, got.dtype):
            return ""
        return f"expected {expected.shape} {expected.dtype}, got {got.shape} {got.dtype}"

    @property
    def difference(self) -> float:
        """The largest, absolute; infinite where shapes or dtypes differ."""
        return math.inf if self.problem else largest_difference(self.expected, self.got)

    @property
    def ok(self) -> bool:
        """Whether rounding explains the difference."""
        return not self.problem and not self.wrong_entries.any()

    @property
    def share(self) -> float:
        """The largest part of what rounding explains that an entry takes."""
        return self.row.share

    @property
    def row(self) -> ParityRow:
        """The comparison as a row of a table."""
        (row,) = compare_results(
            {self.tensor: self.expected}, {self.tensor: self.got}, {self.tensor: self.allowed}
        ).rows
        return row

    @property
    def step(self) -> int | None:
        """The first time step that is wrong, from 1, in the order in which it is computed."""
        if self.time_axis is None or self.problem:
            return None
        axes = tuple(axis for axis in range(self.expected.ndim) if axis != self.time_axis)
        wrong = np.flatnonzero(self.wrong_entries.any(axis=axes))
        return int(wrong[-1 if self.backward else 0]) + 1 if wrong.size else None

    @property
    def element(self) -> tuple[int, ...] | None:
        """Index of the worst element: at that step, if there are steps."""
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
        """Where the difference is more than rounding explains."""
        with np.errstate(invalid="ignore", over="ignore"):
            same = (self.expected == self.got) | (np.abs(self.expected - self.got) <= self.allowed)
        return np.asarray(~same)

    def describe(self) -> str:
        """Say in one line what was expected and what came."""
        if self.problem:
            return self.problem
        index = self.element
        if index is None:
            return "no difference"
        where = f"[{', '.join(map(str, index))}]" if index else ""
        return (
            f"{where + ': ' if where else ''}expected {self.expected[index]:.9g}, "
            f"got {self.got[index]:.9g}; "
            f"{abs(self.expected[index] - self.got[index]):.1e} apart, "
            f"{np.broadcast_to(self.allowed, self.expected.shape)[index]:.1e} allowed"
        )


def table_of(comparisons: Sequence[Comparison]) -> ParityReport:
    """Return the comparisons as rows of a table."""
    return ParityReport(tuple(c.row for c in comparisons))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case: the tensors compared, or a law that was broken otherwise."""

    case: str  # in words
    comparisons: tuple[Comparison, ...] = ()
    complaint: str = ""  # "what: expected …, got …"; empty where the law holds


@dataclass(frozen=True, slots=True)
class Check:
    """A law, and how it is tried."""

    outcomes: Callable[[Any], Iterator[Outcome]]  # of a package like scratch_rnn, case by case

    @property
    def name(self) -> str:
        """What it is called, in two or three words."""
        return self.outcomes.__name__.replace("_", " ")

    @property
    def statement(self) -> str:
        """The law as an order to the package: the first line of its docstring."""
        return (self.outcomes.__doc__ or "").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """The first case in which a law was broken."""

    check: Check | LayerProperty
    cases: int  # tried until then, this one counted
    case: str
    tensor: str
    step: int | None  # from 1
    detail: str
    comparisons: tuple[Comparison, ...] = ()  # all tensors of the case
