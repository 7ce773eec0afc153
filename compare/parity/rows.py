"""Compare two sets of results: one comparison for each tensor, and a verdict in each.

A `Comparison` has the arrays; a `ParityRow` has its numbers, as tables and records show them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from compare.files import JsonObject
from compare.implementations import Array
from compare.parity.config import Side
from compare.parity.tolerance import (
    SAFETY,
    absolute_difference,
    largest_difference_in_ulps,
    rms,
    ulps,
)

FEWEST = 16
"""Smallest number of entries for which errors are compared. With fewer, chance decides."""


class Agreement(StrEnum):
    """The result of comparing one tensor, from the best to the worst."""

    AGREES = "agrees"
    LESS_EXACT = "agrees, less exact"  # one side's error is more than twice the other's
    UNDECIDABLE = "undecidable"  # rounding alone may change the values by their own size
    DIFFERS = "differs"  # some entry differs by more than its tolerance


@dataclass(frozen=True, slots=True)
class ParityRow:
    """The comparison of one tensor of both models."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    verdict: Agreement
    difference: float = math.inf  # largest absolute difference of any entry
    ulps: float = math.inf  # largest difference in ulps: each entry in units of its own spacing
    share: float = math.inf  # largest difference / tolerance of any entry; above 1 it differs
    allowed: float = 0.0  # the tolerance of the entry `at`
    digits: float = 0.0  # number of decimal digits that rounding does not change
    problem: str = ""  # how shapes or dtypes differ
    at: tuple[int, ...] = ()  # first entry that differs; if none does, the one with `share`
    scratch_error: float | None = None  # RMS distance from the float64 reference, if there is one
    concise_error: float | None = None

    @property
    def ok(self) -> bool:
        """Whether both models agree in this tensor."""
        return self.verdict in (Agreement.AGREES, Agreement.LESS_EXACT)

    def to_json(self) -> JsonObject:
        """Return the row as JSON values."""
        return asdict(self) | {"verdict": self.verdict.value, "ok": self.ok}

    @property
    def less_exact_side(self) -> Side:
        """The side with the larger error."""
        return "scratch" if (self.scratch_error or 0) > (self.concise_error or 0) else "concise"


@dataclass(frozen=True, slots=True)
class ParityReport:
    """All rows of one comparison, in the order of the computation."""

    rows: tuple[ParityRow, ...]

    @property
    def ok(self) -> bool:
        """Whether there are rows, and both models agree in each of them."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    @property
    def verdict(self) -> Agreement:
        """The worst verdict of all rows; `UNDECIDABLE` without rows."""
        verdicts = {row.verdict for row in self.rows}
        return next((v for v in reversed(Agreement) if v in verdicts), Agreement.UNDECIDABLE)

    @property
    def failures(self) -> tuple[ParityRow, ...]:
        """The rows in which the models differ by more than the tolerance."""
        return tuple(row for row in self.rows if row.verdict is Agreement.DIFFERS)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One tensor of one case: what is expected, what came, and how far they may be apart.

    If neither of two implementations counts as right, the first one is what is expected.
    """

    tensor: str
    expected: Array
    got: Array
    allowed: Array | float  # the tolerance of each entry
    time_axis: int | None = None
    backward: bool = False  # computed from the last step to the first
    reference: Array | None = None  # the same tensor, computed with a more precise dtype

    @cached_property
    def problem(self) -> str:
        """The difference of shapes or dtypes in words; empty if they are equal."""
        a, b = self.expected, self.got
        if (a.shape, a.dtype) == (b.shape, b.dtype):
            return ""
        return f"{a.shape} {a.dtype} against {b.shape} {b.dtype}"

    @cached_property
    def differences(self) -> Array:
        """The absolute difference of each entry."""
        return absolute_difference(self.expected, self.got)

    @property
    def difference(self) -> float:
        """The largest absolute difference; infinite if shapes or dtypes differ."""
        if self.problem:
            return math.inf
        return float(self.differences.max()) if self.differences.size else 0.0

    @cached_property
    def wrong_entries(self) -> Array:
        """True at each entry whose difference is larger than the tolerance."""
        return np.asarray(~((self.differences == 0) | (self.differences <= self.allowed)))

    @property
    def ok(self) -> bool:
        """Whether each difference is within the tolerance."""
        return not self.problem and not self.wrong_entries.any()

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
        if self.ok or self.problem:
            return None
        distance = np.where(self.wrong_entries, self.differences, -1.0)
        distance[np.isnan(distance)] = np.inf
        if self.time_axis is not None and self.step is not None:
            steps = np.arange(distance.shape[self.time_axis])
            np.moveaxis(distance, self.time_axis, -1)[..., steps != self.step - 1] = -1.0
        return _index(int(np.argmax(distance)), distance.shape)

    def describe(self) -> str:
        """Describe the worst entry in one line."""
        a, b, at = self.expected, self.got, self.element
        if self.problem:
            return f"expected {a.shape} {a.dtype}, got {b.shape} {b.dtype}"
        if at is None:
            return "no difference"
        where = f"[{', '.join(map(str, at))}]: " if at else ""
        allowed = np.broadcast_to(self.allowed, a.shape)[at]
        return (
            f"{where}expected {a[at]:.9g}, got {b[at]:.9g}; "
            f"{self.differences[at]:.1e} apart, {allowed:.1e} allowed"
        )

    @cached_property
    def row(self) -> ParityRow:
        """The comparison as a row of a table."""
        a = self.expected
        facts = self.tensor, a.shape, str(a.dtype)
        if self.problem:
            return ParityRow(*facts, Agreement.DIFFERS, problem=self.problem)
        differences = self.differences
        allowed = np.broadcast_to(self.allowed, a.shape)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # 0 / 0 is 0 here
            shares = np.where(differences == 0, 0.0, differences / allowed)
        share = float(shares.max()) if a.size else 0.0
        beyond = ~(shares <= 1)  # True for NaN
        at = int(np.argmax(beyond if beyond.any() else shares)) if a.size else 0
        errors = None
        if self.reference is not None:
            errors = rms(a - self.reference), rms(self.got - self.reference)
        return ParityRow(
            *facts,
            _decide(a, share, differences, allowed, errors),
            self.difference,
            largest_difference_in_ulps(a, self.got),
            share,
            float(allowed.flat[at]) if a.size else 0.0,
            significant_digits(a, allowed),
            at=_index(at, a.shape) if a.size else (),
            scratch_error=None if errors is None else errors[0],
            concise_error=None if errors is None else errors[1],
        )


def tabulate(comparisons: Iterable[Comparison]) -> ParityReport:
    """Return comparisons as the rows of a table."""
    return ParityReport(tuple(comparison.row for comparison in comparisons))


def _index(at: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(at, shape))


def compare_results(
    scratch: Mapping[str, Array],
    concise: Mapping[str, Array],
    allowed: Mapping[str, Array | float],
    reference: Mapping[str, Array] | None = None,
) -> ParityReport:
    """Compare two sets of results by name. A name that only one side has is a failure.

    `allowed` has the tolerance of each entry; a ValueError says that a name has none. `reference`
    has the same results, computed with a more precise dtype.
    """
    rows = []
    for name in {**scratch, **concise}:
        if name not in scratch or name not in concise:
            only = f"only in {'scratch' if name in scratch else 'concise'}"
            a = np.asarray(scratch.get(name, concise.get(name)))
            rows.append(ParityRow(name, a.shape, str(a.dtype), Agreement.DIFFERS, problem=only))
            continue
        a, b = np.asarray(scratch[name]), np.asarray(concise[name])
        exact = None if reference is None else reference.get(name)
        compared = Comparison(name, a, b, allowed.get(name, math.nan), reference=exact)
        if name not in allowed and not compared.problem:
            raise ValueError(f"expected a tolerance for {name}, got none")
        rows.append(compared.row)
    return ParityReport(tuple(rows))


def significant_digits(values: Array, allowed: Array) -> float:
    """Return how many decimal digits of the values are not changed by rounding.

    This is log10 of the RMS of the values divided by the RMS of the effect of rounding (Vignes
    1993). The effect of rounding is `allowed` without its factor SAFETY.
    """
    explained, size = rms(allowed), rms(values)
    if explained == 0 or size == 0:
        return math.inf
    if explained == math.inf:
        return -math.inf
    return math.log10(SAFETY * size / explained)


def _decide(
    a: Array,
    share: float,
    difference: Array,
    allowed: Array,
    errors: tuple[float, float] | None,
) -> Agreement:
    if not share <= 1:  # NaN differs, too
        return Agreement.DIFFERS
    size = rms(a)
    if a.dtype.kind == "f":  # near its smallest normal number a value may as well be zero
        size = max(size, 4 * SAFETY * float(np.finfo(a.dtype).smallest_normal))
    if (difference.any() or np.isnan(allowed).any()) and not rms(allowed) < size:
        return Agreement.UNDECIDABLE
    if errors is not None and a.size >= FEWEST:
        half_a_gap = float(ulps(np.asarray(rms(a), a.dtype))) / 2  # error of the last rounding
        if max(errors) > 2 * min(errors) + half_a_gap:
            return Agreement.LESS_EXACT
    return Agreement.AGREES
