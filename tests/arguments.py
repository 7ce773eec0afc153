"""Predicates for the values of an argument, and strategies for wrong values."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

T, B, V, H = 5, 2, 4, 3

Valid = Callable[[Any], bool]


def whole(least: int) -> Valid:
    """An integer from `least` on; True and False are none."""
    return lambda v: (
        isinstance(scalar(v), int | np.integer) and not is_bool(v) and scalar(v) >= least
    )


def number(least: float = 0.0, most: float = math.inf) -> Valid:
    """A number, NaN not among them."""
    return lambda v: (
        isinstance(scalar(v), int | float | np.number)
        and not is_bool(v)
        and not isinstance(v, complex)
        and least <= scalar(v) <= most
    )


def number_or_nan(v: Any) -> bool:
    return number(-math.inf)(v) or (isinstance(v, float) and math.isnan(v))


def scalar(v: Any) -> Any:
    """An array without an axis is as good as the number in it."""
    return v.item() if isinstance(v, np.ndarray | torch.Tensor) and v.ndim == 0 else v


def is_bool(v: Any) -> bool:
    return isinstance(v, bool | np.bool_)


def one_of(*choices: object) -> Valid:
    return lambda v: isinstance(v, str) and v in choices


def a(*kinds: type) -> Valid:
    return lambda v: isinstance(v, kinds)


def flag(v: Any) -> bool:
    return isinstance(v, bool)


def optional(valid: Valid) -> Valid:
    return lambda v: v is None or valid(v)


def like(array: np.ndarray) -> Valid:
    """An array of just this shape and dtype."""
    return lambda v: isinstance(v, np.ndarray) and (v.shape, v.dtype) == (array.shape, array.dtype)


def ids(*shape: int | None) -> Valid:
    """Integers in 0 … V-1, in an array of this shape (None: any size)."""
    return lambda v: (
        isinstance(v, np.ndarray)
        and v.dtype.kind in "iu"
        and v.ndim == len(shape)
        and all(size in (None, found) for size, found in zip(shape, v.shape, strict=True))
        and bool(((v >= 0) & (v < V)).all())
    )


def steps(axes: int) -> Valid:
    """An array of steps, and perhaps of sequences, of V features each."""
    return lambda v: (
        isinstance(v, np.ndarray)
        and v.dtype == np.float32
        and v.ndim == axes + 1
        and v.shape[0] > 0
        and v.shape[-1] == V
    )


def function(v: Any) -> bool:
    return callable(v)


small_shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)
dtypes = st.sampled_from(["float32", "float64", "int64", "bool", "complex64", "U1", "O"])
arrays = st.builds(lambda shape, dtype: np.zeros(shape, dtype), small_shapes, dtypes) | hnp.arrays(
    "int64", small_shapes, elements=st.integers(-3, 6)
)
junk: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 0),
    st.floats(-5.0, 5.0) | st.sampled_from([math.nan, -math.inf, 2.5]),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.lists(st.integers(-1, 9) | st.text(max_size=2), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    arrays,
    st.sampled_from([object(), int, torch.zeros(2, 3), 1j, np.float32(-1), np.int64(-1), {2}]),
)
