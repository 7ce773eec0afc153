"""Questions asked of arguments; each error says what was expected and what came."""

from collections.abc import Mapping

import numpy as np

from scratch_rnn.text.checks import (
    any_number,
    brief,
    check_choice,
    check_flag,
    check_function,
    check_generator,
    check_has,
    check_number,
    whole_number,
)

__all__ = [
    "any_number",
    "brief",
    "check_array",
    "check_arrays",
    "check_choice",
    "check_flag",
    "check_function",
    "check_generator",
    "check_has",
    "check_ids",
    "check_number",
    "whole_number",
]


def check_array(name: str, array: object, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return `array` if it is an ndarray of exactly this shape and dtype."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected {name} to be a NumPy array, got {type(array).__name__}")
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {array.shape}")
    if array.dtype != dtype:
        raise TypeError(f"expected {name} of dtype {dtype}, got {array.dtype}")
    return array


def check_arrays(name: str, arrays: object) -> None:
    """Raise unless `arrays` is a mapping from names to NumPy arrays."""
    if not isinstance(arrays, Mapping):
        raise TypeError(f"expected {name} to be arrays by name, got {type(arrays).__name__}")
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"expected {name} to be NumPy arrays, got {type(array).__name__} for {brief(key)}"
            )


def check_ids(name: str, ids: np.ndarray, V: int) -> None:
    """Raise unless `ids` are integers in 0 … V-1."""
    if ids.dtype.kind not in "iu":
        raise TypeError(f"expected {name} of an integer dtype, got {ids.dtype}")
    if ids.size and not (ids.min() >= 0 and ids.max() < V):
        outside = ids.min() if ids.min() < 0 else ids.max()
        raise ValueError(f"expected {name} in 0 … {V - 1}, got {outside}")
