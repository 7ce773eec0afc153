"""Checks of arguments. Each error message is one line: what was expected and what was passed."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def check_integer(name: str, value: object, *, least: int) -> int:
    """Return `value` as an int, if it is an integer and not smaller than `least`.

    Raises
    ------
    TypeError
        If it is not an integer, or if it is True or False.
    ValueError
        If it is too small.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # raises unless it is an integer
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"expected {name} to be an int, got {type(value).__name__}")
    if number < least:
        raise ValueError(f"expected {name} to be at least {least}, got {number}")
    return number


def check_number(name: str, value: object, *, least: float = 0.0) -> float:
    """Return `value` as a float of at least `least`; NaN is refused."""
    number = check_float(name, value)
    if not number >= least:
        raise ValueError(f"expected {name} of at least {least:g}, got {number:g}")
    return number


def check_float(name: str, value: object) -> float:
    """Return `value` as a float, which may be NaN; True and False are refused."""
    # float() takes an array of one entry up to NumPy 2.3, and the digits in a str.
    no_number = isinstance(value, str | bytes) or getattr(value, "ndim", 0) > 0
    try:
        number = None if no_number else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"expected {name} to be a number, got {type(value).__name__}")
    return number


def check_generator(rng: Any, temperature: float) -> Any:
    """Return the generator that tokens are drawn with; a new one if `rng` is None.

    At temperature 0 nothing is drawn, so no new one is made: that takes longer than a character.
    """
    if rng is not None:
        check_has("rng", rng, "random")
    elif temperature > 0:
        rng = np.random.default_rng()
    return rng


def check_flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"expected {name} to be True or False, got {brief(value)}")
    return value


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"expected {name} to be one of {choices}, got {brief(value)}")
    return value


def check_function(name: str, value: object) -> Callable[..., Any]:
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"expected {name} to be a function, got {type(value).__name__}")
    return value


def check_has(name: str, value: object, *attributes: str) -> None:
    """Raise `TypeError` unless `value` has these attributes; its class does not matter."""
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise TypeError(f"expected {name} with {', '.join(attributes)}, got {type(value).__name__}")


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


def brief(value: object) -> str:
    """Return the `repr` of a value on one line, shortened to 80 characters."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 80 else f"{line[:79]}…"
