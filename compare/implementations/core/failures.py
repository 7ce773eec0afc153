"""Verdicts, and why a call of the user's code gave no result."""

import re
from collections.abc import Sequence
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict on something that is graded."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"  # it is not there, which may be allowed
    ERROR = "error"  # it raised an exception, or its process ended
    TIMEOUT = "timeout"
    NOT_TO_THE_BIT = "not to the bit"  # the same bits are required, and equal only within rounding
    NOT_STRICT = "wrong with --strict"  # violated, but counts with --strict alone
    NOT_TRIED = "not tried"


LEFT_OUT = "not defined: "
"""The beginning of the message on a name that was left out of a script."""

FAILED = (Verdict.WRONG, Verdict.ERROR, Verdict.TIMEOUT)

HOPELESS = (Verdict.TIMEOUT, Verdict.NOT_TRIED)
"""Verdicts on a call that another layout of the arguments does not change."""


class CallFailed(Exception):
    """A call gave no result, for the reason in the message.

    `verdict` is missing, error, timeout or not tried.
    """

    expected = "a result"

    def __init__(self, verdict: str, message: str, kinds: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.verdict, self.got = Verdict(verdict), message
        self.kinds = kinds  # names of the exception's classes; none if the process ended


class UnexpectedResult(CallFailed):
    """A result has the wrong type or structure."""

    def __init__(self, expected: str, got: str, verdict: str = "wrong") -> None:
        super().__init__(verdict, f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


def is_slip(failure: CallFailed, kinds: Sequence[str]) -> bool:
    """Return whether an exception is the author's mistake under any form of a call.

    A name does not exist, in a file or in an object of this class or of its bases.
    """
    attribute = re.search(r"'(\w+)' object has no attribute", failure.got)
    is_own = attribute is not None and attribute[1] in kinds
    return "NameError" in failure.kinds or ("AttributeError" in failure.kinds and is_own)


def is_refusal(failure: CallFailed) -> bool:
    """Return whether an exception says that the code has another form.

    A function takes other arguments, a method is not there, or a name was left out of a script.
    """
    messages = "argument|object is not callable|has no attribute '(parameters|forward)'"
    is_kind = {"TypeError", "AttributeError", "NameError"} & {*failure.kinds}
    return bool(is_kind and (LEFT_OUT in failure.got or re.search(messages, failure.got)))


def describe_error(error: Exception) -> str:
    """Return an error in a line; CallFailed names the exception of the user's code itself."""
    message = " ".join(str(error).split())[:300]
    return message if isinstance(error, CallFailed) else f"{type(error).__name__}: {message}"
