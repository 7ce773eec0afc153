"""What the running test has counted so far; `tests.plugin` reads it and adds it up."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one test."""

    examples: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    ratio: float = 0.0  # the largest difference divided by what is allowed
    where: str = ""  # it came up


current = Tally()


def note_ratio(ratio: float, where: str) -> None:
    """Remember the largest ratio of a difference to its tolerance."""
    if ratio > current.ratio:
        current.ratio, current.where = ratio, where


def begin() -> None:
    """Start counting anew."""
    global current
    current = Tally()
