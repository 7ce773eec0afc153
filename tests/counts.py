"""How many examples a test tries: counted for the end of the run, and fewer in `make test`."""

from dataclasses import dataclass

import pytest
from hypothesis import settings


@dataclass
class Examples:
    """The examples of one test, and its largest difference."""

    examples: int = 0
    ratio: float = 0.0  # the largest difference divided by its tolerance
    where: str = ""  # the tensor and the case


loaded: set[str] = set()
"""The modules that were loaded before the first test began."""

current = Examples()
"""The examples of the running test; `tests.plugin` reads and prints them."""


def note_ratio(ratio, where):
    """Keep the largest ratio of a difference to its tolerance."""
    if ratio > current.ratio:
        current.ratio, current.where = ratio, where


def begin():
    global current
    current = Examples()


def number(quick, deep):
    """Return how many of something to try: fewer in `make test`, more in `make deep`."""
    return deep if settings().max_examples >= 10_000 else quick


def only_in_deep():
    """Leave out the rest of a test in `make test`."""
    if not number(0, 1):
        pytest.skip("in the deep profile")
