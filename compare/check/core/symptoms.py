"""Symptoms: the mistakes that a wrong tensor or an exception shows without any search."""

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from compare.check.core.results import AFTER_ANOTHER, ARGUMENT, SECOND, Diagnosis, ItemResult
from compare.implementations import Array
from compare.parity import Comparison, absolute_difference, largest_difference

ADDED = Diagnosis(
    "The gradients of the second call are added to the first's: the sums are not set to zero when "
    "a call begins."
)
KEPT = Diagnosis("It depends on earlier calls: something is kept from one call to the next.")
ZERO = Diagnosis("It is zero everywhere.")

MISFIT = re.compile(r"a product (?:A @ B: its left array has|of arrays of the shapes) .* \(")
ROWS = {
    "forward": Diagnosis("A sequence is a row here: W x is `x @ W.T`."),
    "backward": Diagnosis(
        "A sequence is a row here: Wᵀ δ is `δ @ W`, and the sum of δ xᵀ over the batch is "
        "`δ.T @ x`."
    ),
}
"""The likely mistake in a pass that ended with a product of arrays that do not fit."""

COARSE = Diagnosis("It has the accuracy of float32 only.")

CANCELLED = Diagnosis("Digits cancel: it is wrong only where the right numbers are tiny.")
TINY = 1e-3  # the right numbers are smaller: with float32, digits are lost there already

COLUMN = re.compile(r"one operation on arrays of the shapes \((\d+),\d+\) \(\1,\)")

LEAST_OF_FLOAT32 = 0.05
"""The largest error of results that float32 rounds, in ulps of the largest entry, is above this."""


def explain_exception(result: ItemResult) -> Diagnosis | None:
    """Return the mistake that an exception, or a result that is no array, shows; None if none."""
    if result.got == "None":
        return Diagnosis("A `return` is missing: a function without one returns None.")
    is_backward = re.search("backward|gradient", result.name)
    if is_backward and "NoneType" in result.got and "step" not in result.name:
        return Diagnosis("A value is None. Does the forward pass return its tape?")
    if COLUMN.match(result.got):
        return Diagnosis("A number for each row is a column here: `keepdims=True`, or `[:, None]`.")
    return ROWS["backward" if is_backward else "forward"] if MISFIT.match(result.got) else None


def list_shapes(result: ItemResult) -> list[str]:
    """Return the shapes of the arguments, if an exception is about shapes."""
    if result.case is None or not re.search(r"arrays? .*(shape|columns)", result.got):
        return []
    arrays = {n: a for n, a in result.case.inputs.items() if isinstance(a, np.ndarray)}
    return [f"arguments: {', '.join(f'{name} {a.shape}' for name, a in arrays.items())}"]


def explain_memory(comparisons: Sequence[Comparison]) -> Diagnosis | None:
    """Return which array was overwritten; None if none was."""
    wrong = next((c for c in comparisons if not c.ok), None)
    if wrong is None:
        return None
    first = next((c for c in comparisons if c.tensor + SECOND == wrong.tensor), None)
    if first is not None and is_added(first.got, wrong):
        return ADDED
    name, comma, rest = wrong.tensor.partition(",")
    if comma + rest == ARGUMENT:
        return Diagnosis(
            f"{name} is overwritten: the array belongs to the caller, and is changed in place."
        )
    if comma + rest == AFTER_ANOTHER:
        return Diagnosis(f"The memory of {name} is used again: the next call overwrites it.")
    if wrong.tensor.endswith(SECOND):
        symptom = "A second call gives other results: the first one overwrote a part of the tape."
        return Diagnosis(symptom)
    return None


def explain_order(comparisons: Sequence[Comparison]) -> Diagnosis | None:
    """Return a diagnosis if two results have changed places; None if not."""
    wrong = [c for c in comparisons if c.expected.any() and not c.ok]
    for one, other in combinations(wrong, 2):
        if are_near(one.got, other.expected, other.allowed) and are_near(
            other.got, one.expected, one.allowed
        ):
            both = f"{one.tensor} and {other.tensor}"
            return Diagnosis(f"{both} change places: each has the other's numbers.")
    return None


def is_added(first: Array, second: Comparison) -> bool:
    """Return whether a second call returns its own results plus the results of the first."""
    together = first + second.expected
    is_added = together.shape == second.got.shape and bool(np.any(first))
    return is_added and are_near(together, second.got, 2 * second.allowed)


def are_near(a: Array, b: Array, allowed: Array | float) -> bool:
    """Return whether all differences are within the tolerance; NaN is equal to NaN."""
    if a.shape != b.shape:
        return False
    both_nan = np.isnan(a) & np.isnan(b)
    return bool(np.all(both_nan | (absolute_difference(a, b) <= np.nan_to_num(allowed))))


def is_nearer(got: Array, mistaken: Array, right: Array, allowed: Array | float) -> bool:
    """Return whether wrong results are nearer to those of a mistake than to the right ones."""
    if right.shape != got.shape or not (right.size and np.isfinite([right, got, mistaken]).all()):
        return True
    apart = absolute_difference(got, right)
    is_wrong = bool(np.any(apart > allowed))
    return not is_wrong or largest_difference(got, mistaken) <= apart.max() / 2


def is_rounded_near_one(right: Array, got: Array, allowed: Array | float) -> bool:
    """Return whether all wrong entries are tiny, and have the error of rounding numbers near 1."""
    if right.shape != got.shape or got.dtype.kind != "f" or not np.isfinite(got).all():
        return False
    wrong = absolute_difference(got, right) > allowed
    error = 8 * float(np.finfo(got.dtype).eps)
    is_tiny = bool(np.max(np.abs(right[wrong]), initial=0) < TINY)
    return is_tiny and largest_difference(got, right) <= error


def find_coarse_tolerance(array: Array) -> float:
    """Return a thousandth of the largest finite entry."""
    finite = np.abs(array[np.isfinite(array)])
    return 1e-3 * float(finite.max()) if finite.size else 0.0


def explain_tensor(expected: Array, got: Array, allowed: float) -> Diagnosis | None:
    """Return how a tensor differs; None if that is not simple."""

    def is_near(array: Array, got: Array = got) -> bool:
        return got.shape == array.shape and largest_difference(np.asarray(array), got) <= allowed

    if got.dtype.kind == "f" and got.dtype.itemsize < expected.dtype.itemsize:
        return Diagnosis(f"It is computed in {got.dtype}, and rounds too early.")
    if expected.ndim == 2 and is_near(expected.T):
        return Diagnosis("It is transposed.")
    is_reshaped = got.shape != expected.shape and got.size == expected.size
    if is_reshaped and is_near(expected.reshape(got.shape)):
        return Diagnosis(f"The numbers are right; their shape should be {expected.shape}.")
    if got.ndim == expected.ndim + 1:
        axis = next((k for k in range(got.ndim) if is_near(expected, got.sum(axis=k))), None)
        return None if axis is None else Diagnosis(f"The sum over its axis {axis} is missing.")
    if got.shape != expected.shape:
        return None
    if expected.any() and not got.any():
        return ZERO
    if is_near(-expected):
        return Diagnosis("Its sign is flipped.")
    if expected.ndim > 1 and expected.shape[0] > 1 and is_near(expected[::-1]):
        return Diagnosis("Its first axis is reversed.")
    tensors = expected, got, allowed
    symptom = (
        _describe_limit(*tensors) or _describe_factor(*tensors) or _describe_accuracy(*tensors)
    )
    return Diagnosis(symptom) if symptom else None


def _describe_limit(expected: Array, got: Array, allowed: float) -> str:
    """Describe the magnitude at which the wrong entries are cut off; empty if there is none."""
    is_wrong = absolute_difference(expected, got) > allowed
    limits = np.unique(np.abs(got[is_wrong])) if np.isfinite(got).all() else np.empty(0)
    if len(limits) != 1 or limits[0] == 0 or is_wrong.sum() < 2:
        return ""
    is_cut = np.sign(got) == np.sign(expected)
    if not (is_cut & (np.abs(expected) > limits[0]))[is_wrong].all():
        return ""
    return f"It is clipped at {limits[0]:.6g}: every larger entry is exactly that."


def _describe_factor(expected: Array, got: Array, allowed: float) -> str:
    """Describe the factor by which all entries are wrong; empty if there is none."""
    at = np.unravel_index(np.argmax(np.abs(expected)), expected.shape)
    if expected.size < 2 or not np.isfinite(got).all() or expected[at] == 0 or got[at] == 0:
        return ""
    factor = float(got[at] / expected[at])
    if largest_difference(factor * expected, got) > allowed * max(1.0, abs(factor)):
        return ""
    if factor < 0:
        return f"Every entry is {factor:.6g} times the right one."
    times, size = (factor, "large") if factor > 1 else (1 / factor, "small")
    number = f"{times:.6g}" if abs(times - 1) > 1e-5 else f"1 + {times - 1:.2g}"
    return f"Every entry is {number} times too {size}."


def _describe_accuracy(expected: Array, got: Array, allowed: float) -> str:
    """Describe entries that are right to fewer digits than the dtype has; empty if they are not."""
    single = np.finfo(np.float32).eps * np.max(np.abs(expected), initial=0)
    if expected.dtype != np.float64 or not 0 < allowed < single:
        return ""  # does not show where the case is in float32
    lost = np.finfo(np.float32).eps / np.finfo(np.float64).eps
    apart = largest_difference(expected, got)
    is_rounded = np.array_equal(got, got.astype(np.float32))
    if apart <= lost * allowed and (is_rounded or apart > LEAST_OF_FLOAT32 * single):
        return COARSE.words
    return ""
