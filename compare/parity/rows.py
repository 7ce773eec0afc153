"""Two sets of results laid side by side, a row for each tensor."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compare.parity.tolerance import largest_difference, largest_difference_in_ulps


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One tensor of both models."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    difference: float  # the largest, absolute
    ulps: float  # the largest, each entry in units of the gap between floats at its size
    allowed: float  # what rounding explains, by compare.parity.tolerance
    ok: bool
    problem: str = ""  # where shapes or dtypes differ, how
    at: tuple[int, ...] = ()  # the first entry beyond what is allowed; if none is, the farthest


@dataclass(frozen=True, slots=True)
class ParityReport:
    """All tensors of one comparison, in the order in which they arise."""

    rows: tuple[ParityRow, ...]

    @property
    def ok(self) -> bool:
        """Whether there are rows and each of them holds."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    @property
    def failures(self) -> tuple[ParityRow, ...]:
        """The rows that don't hold."""
        return tuple(row for row in self.rows if not row.ok)


def compare_results(
    scratch: Mapping[str, np.ndarray],
    concise: Mapping[str, np.ndarray],
    allowed: Mapping[str, float],
) -> ParityReport:
    """Lay two sets of results side by side; a name that only one has is a failure."""
    rows = []
    for name in {**scratch, **concise}:
        if name not in scratch or name not in concise:
            where = "scratch" if name in scratch else "concise"
            rows.append(_unlike(name, scratch.get(name, concise.get(name)), f"only in {where}"))
            continue
        a, b = np.asarray(scratch[name]), np.asarray(concise[name])
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            rows.append(_unlike(name, a, f"{a.shape} {a.dtype} against {b.shape} {b.dtype}"))
            continue
        difference = largest_difference(a, b)
        ulps = largest_difference_in_ulps(a, b)
        ok = difference <= allowed[name]  # False for NaN
        at = _first_beyond(a, b, difference if ok else allowed[name])
        row = ParityRow(name, a.shape, str(a.dtype), difference, ulps, allowed[name], ok, at=at)
        rows.append(row)
    return ParityReport(tuple(rows))


def _first_beyond(a: np.ndarray, b: np.ndarray, limit: float) -> tuple[int, ...]:
    """Return the index of the first entry that differs by more than `limit`, or by just as much."""
    if a.size == 0:
        return ()
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.where(a == b, 0, np.abs(a - b))
        beyond = ~(differences <= limit)  # True for NaN
        beyond = beyond if beyond.any() else differences == limit
    return tuple(int(i) for i in np.unravel_index(np.argmax(beyond), a.shape))


def _unlike(name: str, array: np.ndarray | None, problem: str) -> ParityRow:
    a = np.asarray(array)
    return ParityRow(name, a.shape, str(a.dtype), np.inf, np.inf, 0.0, False, problem)
