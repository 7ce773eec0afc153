"""How annotations are checked in the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import jaxtyping
from beartype import beartype


def checked(decorated: Any) -> Any:
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
    return beartype(decorated)


@contextmanager
def unchecked() -> Iterator[None]:
    """Leave annotations unchecked in the body: checking takes twenty times a small call's time."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
