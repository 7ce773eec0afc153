"""Checks of arguments. Each error message is one line: what was expected and what came."""

import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as np


class DataError(ValueError):
    """The text cannot be used: missing, empty, not UTF-8, too short. The message is one line."""


def whole_number(name: str, value: object, *, least: int) -> int:
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
    number = any_number(name, value)
    if not number >= least:
        raise ValueError(f"expected {name} of at least {least:g}, got {number:g}")
    return number


def any_number(name: str, value: object) -> float:
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


def brief(value: object) -> str:
    """Return the `repr` of a value on one line, shortened to 80 characters."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def shown(path: object) -> str:
    """Return a path as printable text on one line; other bytes of its name are escaped."""
    name = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    return name if name and name.isprintable() else ascii(name)
