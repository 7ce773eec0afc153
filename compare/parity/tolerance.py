"""How far apart may two correct implementations be? Computed from the case, by wobbling it.

Rounding moves every intermediate result to a neighbouring float. What that does to the results of
one computation depends on the computation: a saturated unit forgets it, an exploding recurrence
multiplies it. So we measure it. The same computation is run a few times with every float it
reads, remembers or is handed moved to one of its two neighbours at random. This is Monte Carlo
arithmetic (Parker 1997), in its simplest form. How far an entry of a result moves is what rounding
alone can do to that entry here. So each entry has an allowance of its own:

    move    = max over wobbles |moved - unmoved|                     of this entry
    allowed = SAFETY · ( max(move, RMS of the tensor's moves) + 2 ulps of the entry )

The RMS (root mean square) is there for an entry that happened to move little in all runs. One
factor stands for everything that a random sample of roundings leaves out. It is the only number in
the project that says how much is enough; docs/tolerance.md shows its distribution.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from scratch_rnn.checks import check_function, whole_number

SAFETY = 8.0
"""Times the measured effect of rounding that a difference may be."""

WOBBLES = 16
"""Runs with moved floats: two equal terms move against each other in all of them once in 2^16."""

Value = TypeVar("Value")
Move = Callable[[Any], Any]
Computation = Callable[[Move], Mapping[str, np.ndarray]]


def allowances(
    compute: Computation, *, wobbles: int = WOBBLES, seed: int = 0, gaps: int = 1
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Run a computation as it is and wobbled.

    Parameters
    ----------
    compute : function of `move`
        It passes every float value that it reads, remembers between forward and backward, or is
        handed, through ``move(value)``, and returns its results by name. It is called with
        `unmoved` for the results. Where it takes another way when its floats are moved, it takes
        that way for `still` too, and what that gives is what moves are measured from: so that an
        error in the results never widens its own allowance.
    wobbles : int
        Runs with moved floats.
    seed : int
        Of the directions in which they are moved.
    gaps : int
        How far, in gaps between floats; a power of two, for arithmetic so much coarser than the
        dtype's own.

    Returns
    -------
    results : dict of str to ndarray
        Of the unmoved computation.
    allowed : dict of str to ndarray
        For each entry of each result the largest difference that rounding explains.
    """
    check_function("compute", compute)
    wobbles = whole_number("wobbles", wobbles, least=1)
    seed = whole_number("seed", seed, least=0)
    gaps = whole_number("gaps", gaps, least=1)
    results = {name: np.asarray(array) for name, array in compute(unmoved).items()}
    baseline = {name: np.asarray(array) for name, array in compute(still).items()}
    moves = {name: np.zeros(array.shape) for name, array in baseline.items()}
    rng = np.random.default_rng(seed)
    for _ in range(wobbles):
        for name, array in compute(lambda value: neighbour(value, rng, gaps)).items():
            np.maximum(moves[name], absolute_difference(array, baseline[name]), out=moves[name])
    allowed = {
        name: np.asarray(
            SAFETY * (np.maximum(moves[name], rms(moves[name])) + 2 * gaps * ulps(array))
        )
        for name, array in baseline.items()
    }
    return results, allowed


def unmoved(value: Value) -> Value:
    """Return `value` itself: the move of the computation as it is."""
    return value


def still(value: Value) -> Value:
    """Return `value` itself: the move of the run from which moves are measured."""
    return value


def neighbour(value: Value, rng: np.random.Generator, gaps: int = 1) -> Value:
    """Return `value` with every float in it moved to one of its two neighbours at random.

    Or, with `gaps`, so many times as far.

    Zero stays zero: rounding makes nothing out of nothing, and a zero is where a ReLU is off, a
    sequence has ended or a mask has dropped something, all of it exact. Floats are found in arrays,
    dicts, tuples, lists and dataclasses; everything else, integers among it, stays as it is.
    Nothing is changed in place.
    """
    moved: Any = value
    if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
        array = np.asarray(value)
        upward = rng.integers(0, 2, array.shape, dtype=bool)
        infinity = np.asarray(np.inf, array.dtype)
        moved = np.nextafter(array, np.where(upward, infinity, -infinity))
        if gaps > 1:
            moved = array + gaps * (moved - array)
        moved = np.where(array == 0, array, moved)[()]  # [()]: a scalar stays one
    elif isinstance(value, dict):
        moved = {key: neighbour(item, rng, gaps) for key, item in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        moved = type(value)(*(neighbour(item, rng, gaps) for item in value))
    elif isinstance(value, tuple | list):
        moved = type(value)(neighbour(item, rng, gaps) for item in value)
    elif is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: neighbour(getattr(value, field.name), rng, gaps) for field in fields(value)
        }
        moved = replace(value, **changes)
    result: Value = moved
    return result


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return max |a - b|; 0 for empty arrays, NaN where anything is NaN."""
    return float(absolute_difference(a, b).max()) if a.size else 0.0


def absolute_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a - b| for each entry, in float64; two infinities of one sign are equal."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference: np.ndarray = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return np.where(a == b, 0.0, difference)


def rms(array: np.ndarray) -> float:
    """Return the root mean square of the entries; 0 for an empty array."""
    largest = float(np.abs(array).max()) if array.size else 0.0
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64) / largest))))


def largest_difference_in_ulps(a: np.ndarray, b: np.ndarray) -> float:
    """Return max |a - b|, each entry in units of the gap between floats at its own size."""
    if a.size == 0:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.spacing(np.maximum(np.abs(a), np.abs(b)))
        return float(np.where(a == b, 0, np.abs(a - b) / gaps).max())


def ulps(array: np.ndarray) -> np.ndarray:
    """Return for each entry the gap between floats at its magnitude, in float64."""
    gaps: np.ndarray = np.asarray(np.spacing(np.abs(array)), np.float64)
    return gaps


def ulp_of_largest(array: np.ndarray) -> float:
    """Return the gap between floats at the array's largest magnitude; 0 for an empty array."""
    return float(np.spacing(np.abs(array).max())) if array.size else 0.0
