"""How annotations are checked in the tests: those of the first calls of each function."""

import functools
from contextlib import contextmanager
from dataclasses import is_dataclass
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

LIMIT = 10
"""Of how many calls of a function a test checks: a check takes twenty times a small call."""

_limit = 0  # until the first test begins
_test = 0  # a number for each test: a function begins to count anew
_is_off = False
_jaxtyped = jaxtyping.jaxtyped


def install():
    """Let all functions and dataclasses of `WITH_SHAPES`, which is imported later, check calls."""
    jaxtyping.install_import_hook(WITH_SHAPES, None)
    jaxtyping.jaxtyped = lambda **_: checked  # what the hook puts before each of them


def begin(calls=LIMIT):
    """Check so many calls of each function from now on."""
    global _limit, _test
    _limit = calls
    _test += 1


def checked(decorated):
    """Return a function that checks its first calls, or a dataclass that checks its arguments.

    The check is made when it is first needed: most processes of the suite call a few of the
    functions. A function inside another is made at each call of the other. It has no check.
    """
    if isinstance(decorated, type):
        if is_dataclass(decorated):
            decorated.__init__ = checked(decorated.__init__)
        return decorated
    if "<locals>" in decorated.__qualname__ or _is_kernel(decorated):
        return decorated
    check, calls, test = None, 0, 0

    @functools.wraps(decorated)
    def counted(*args, **kwargs):
        __tracebackhide__ = True
        nonlocal check, calls, test
        if _is_off or (test == _test and calls >= _limit):
            return decorated(*args, **kwargs)
        calls, test = calls + 1 if test == _test else 1, _test
        check = check or _jaxtyped(decorated, typechecker=_check_without_self)
        return check(*args, **kwargs)

    return counted


def _is_kernel(function):
    """Whether Triton compiles the function from its source: it is not called."""
    return any("constexpr" in str(kind) for kind in function.__annotations__.values())


def _check_without_self(function):
    """Check all annotations but ``Self``, which beartype understands only in a whole class."""
    kinds = function.__annotations__
    for name in [name for name, kind in kinds.items() if kind is Self]:
        del kinds[name]
    return beartype(function)


@contextmanager
def unchecked():
    """Leave annotations unchecked in the body: checking takes twenty times a small call's time."""
    global _is_off
    before, _is_off = _is_off, True
    try:
        yield
    finally:
        _is_off = before
