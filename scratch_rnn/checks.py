"""Questions asked of arguments; each error says what was expected and what came."""

import numpy as np

from scratch_rnn.text.checks import whole_number

__all__ = ["check_array", "check_flag", "check_ids", "check_number", "whole_number"]


def check_flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"expected {name} to be True or False, got {value!r}")
    return value


def check_number(name: str, value: object, *, least: float = 0.0) -> float:
    """Return `value` as a float no less than `least`; NaN is less than anything."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__float__"):
        raise TypeError(f"expected {name} to be a number, got {type(value).__name__}")
    number = float(value)
    if not number >= least:
        raise ValueError(f"expected {name} of at least {least:g}, got {number:g}")
    return number


def check_array(name: str, array: object, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return `array` if it is an ndarray of exactly this shape and dtype."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected {name} to be a NumPy array, got {type(array).__name__}")
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {array.shape}")
    if array.dtype != dtype:
        raise TypeError(f"expected {name} of dtype {dtype}, got {array.dtype}")
    return array


def check_ids(name: str, ids: np.ndarray, V: int) -> None:
    """Raise unless `ids` are integers in 0 … V-1."""
    if ids.dtype.kind not in "iu":
        raise TypeError(f"expected {name} of an integer dtype, got {ids.dtype}")
    if ids.size and not (ids.min() >= 0 and ids.max() < V):
        outside = ids.min() if ids.min() < 0 else ids.max()
        raise ValueError(f"expected {name} in 0 … {V - 1}, got {outside}")
