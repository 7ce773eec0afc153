"""Why a call of the user's code gave no result."""

from typing import Any

import numpy as np


class Trouble(Exception):
    """A call gave no result: `verdict` is missing, error or timeout, and the message says why."""

    expected = "a result"

    def __init__(self, verdict: str, message: str, kinds: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.verdict, self.got = verdict, message
        self.kinds = kinds  # names of the exception's classes; none if the process ended


class Malformed(Trouble):
    """A result has the wrong type or structure."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__("wrong", f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


def describe_kind(value: Any) -> str:
    """Return what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, tuple | list):
        return f"a list or tuple of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a value of type {getattr(value, '__type__', type(value).__name__)}"
