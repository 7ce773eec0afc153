"""How annotations are checked in the tests: those of the first calls of each test."""

import functools
import math
from contextlib import contextmanager
from typing import Self

import jaxtyping
from beartype import beartype

WITH_SHAPES = [
    "scratch_rnn",
    "concise_rnn",
    "compare.bench.workload.case",
    "compare.runs.checkpoint.contents",
    "compare.study.page.anatomy",
    "compare.study.page.record",
]
"""Packages and modules whose annotations are checked: all that have shapes. mypy sees to types."""

LIMIT = 1_000
"""Of how many calls a test's annotations are checked: a check takes twenty times a small call."""

_left = math.inf
_never = jaxtyping.config.jaxtyping_disable


def begin(calls=LIMIT):
    """Check so many calls from now on."""
    global _left
    _left = calls
    jaxtyping.config.update("jaxtyping_disable", _never)


def checked(decorated):
    """Return the function with every call checked, but for ``Self``.

    The import hook hands functions over one by one, and beartype understands ``Self`` only where
    it sees a whole class. A function inside another is made at each call of the other: to make
    its check each time takes longer than most tests, so it has none.
    """
    function = getattr(decorated, "__func__", decorated)  # under classmethod and staticmethod
    if "<locals>" in function.__qualname__:
        return decorated
    kinds = getattr(function, "__annotations__", {})
    for name in [name for name, kind in kinds.items() if kind is Self or kind == "Self"]:
        del kinds[name]
    check = beartype(decorated)

    @functools.wraps(check)
    def counted(*args, **kwargs):
        __tracebackhide__ = True
        global _left
        _left -= 1
        if _left <= 0:
            jaxtyping.config.update("jaxtyping_disable", True)
        return check(*args, **kwargs)

    return counted


@contextmanager
def unchecked():
    """Leave annotations unchecked in the body: checking takes twenty times a small call's time."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
