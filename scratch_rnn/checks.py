"""Checks of arguments. Each error message is one line: what was expected and what was passed."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from scratch_rnn.arrays import Array


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


def check_generator(rng: Generator | None, temperature: float) -> Generator | None:
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


def check_function(name: str, value: object) -> Callable[..., object]:
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"expected {name} to be a function, got {type(value).__name__}")
    return value


def check_has(name: str, value: object, *attributes: str) -> None:
    """Raise `TypeError` unless `value` has these attributes; its class does not matter."""
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise TypeError(f"expected {name} with {', '.join(attributes)}, got {type(value).__name__}")


def check_array(name: str, array: object, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Return `array` if it is an ndarray of exactly this shape and dtype."""
    checked = check_ndarray(name, array)
    if checked.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {checked.shape}")
    if checked.dtype != dtype:
        raise TypeError(f"expected {name} of dtype {dtype}, got {checked.dtype}")
    return checked


def check_ndarray(name: str, value: object) -> Array:
    """Return `value` if it is an array of NumPy, which `*` multiplies entry by entry."""
    if (got := _name_other(value)) is not None:
        raise TypeError(f"expected {name} to be a NumPy array, got {got}")
    return value  # type: ignore[return-value]


def check_arrays(name: str, arrays: object, kinds: str = "f") -> None:
    """Raise unless `arrays` is a mapping from names to NumPy arrays of these kinds of dtype."""
    if not isinstance(arrays, Mapping):
        raise TypeError(f"expected {name} to be arrays by name, got {type(arrays).__name__}")
    for key, array in arrays.items():
        if (got := _name_other(array)) is not None:
            raise TypeError(f"expected {name} to be NumPy arrays, got {got} for {brief(key)}")
        if array.dtype.kind not in kinds:
            raise TypeError(f"expected {name} of a float dtype, got {array.dtype} for {brief(key)}")


def check_writable(name: str, arrays: Mapping[str, Array]) -> None:
    """Raise unless all arrays can be changed in place."""
    for key, array in arrays.items():
        if not array.flags.writeable:
            raise ValueError(f"expected {name} that can be changed, got {brief(key)} read-only")


def _name_other(value: object) -> str | None:
    """Return what a value is, and how to make an array of it; None if it is one already.

    A matrix and a masked array are arrays of NumPy, too, but compute something else.
    """
    if isinstance(value, np.matrix):
        return "matrix (np.asarray of it is one)"
    if isinstance(value, np.ma.MaskedArray):
        return "MaskedArray (its .filled(0) is one)"
    if isinstance(value, np.ndarray):
        return None
    hint = " (its .detach().cpu().numpy() is one)" if hasattr(value, "detach") else ""
    return type(value).__name__ + hint


def check_batch(batch: Any) -> tuple[int, int]:
    """Return B and T of a batch, which has inputs and targets of shape (B, T)."""
    check_has("batch", batch, "inputs", "targets")
    shape: tuple[int, ...] = np.shape(batch.inputs)
    if len(shape) != 2:
        raise ValueError(f"expected inputs of shape (B, T), got {shape}")
    return shape


def check_ids(name: str, ids: Array, V: int) -> None:
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
