"""What this package says when something is wrong: one line, what it expected and what came."""

import operator
import os


class DataError(ValueError):
    """The text cannot be used: missing, empty, not UTF-8, too short. The message is one line."""


def whole_number(name: str, value: object, *, least: int) -> int:
    """Return `value` as an int, if it is a whole number and not smaller than `least`.

    Raises
    ------
    TypeError
        If it is no integer; True and False are none.
    ValueError
        If it is too small.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"expected {name} to be an int, got {type(value).__name__}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"expected {name} to be at least {least}, got {number}")
    return number


def shown(path: object) -> str:
    """Return a path as printable text on one line, whatever bytes its name is made of."""
    name = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    return name if name and name.isprintable() else ascii(name)
