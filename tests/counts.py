"""Counts of the tests, added up at the end: examples, kills survived, files tried, and so on."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings

Count = Callable[..., None]
"""``count("kills survived")`` counts one, ``count("kills survived", 5)`` five."""

_PREFIX = "count: "


@dataclass
class Examples:
    """The examples of one test, and its largest difference."""

    examples: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    ratio: float = 0.0  # the largest difference divided by its tolerance
    where: str = ""  # the tensor and the case


current = Examples()
"""The examples of the running test; `tests.plugin` reads and prints them."""


def note_ratio(ratio: float, where: str) -> None:
    """Keep the largest ratio of a difference to its tolerance."""
    if ratio > current.ratio:
        current.ratio, current.where = ratio, where


def begin() -> None:
    """Start a new test."""
    global current
    current = Examples()


def number(quick: int, deep: int) -> int:
    """Return how many of something to try: fewer in `make test`, more in `make deep`."""
    return deep if settings().max_examples >= 10_000 else quick


def only_in_deep() -> None:
    """Leave out the rest of a test in `make test`."""
    if not number(0, 1):
        pytest.skip("in the deep profile")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Iterator[Count]:
    """Count what a test has tried."""
    counts: Counter[str] = Counter()

    def add(what: str, number: int = 1) -> None:
        counts[what] += number

    yield add
    # On the report of the test, so that it reaches the end of the run from another process too.
    request.node.user_properties.extend((_PREFIX + what, n) for what, n in counts.items())


def sums(properties: Iterable[Iterable[tuple[str, Any]]]) -> Counter[str]:
    """Add up what tests have counted, given the properties that are on their reports."""
    totals: Counter[str] = Counter()
    for pairs in properties:
        for what, value in pairs:
            if what.startswith(_PREFIX):
                totals[what.removeprefix(_PREFIX)] += value
    return totals


def table(totals: Counter[str]) -> list[str]:
    """Return a line for each sum."""
    width = max(map(len, totals), default=0)
    return [f"{what.ljust(width)}  {total:,}" for what, total in sorted(totals.items())]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the sums over all tests."""
    reports = (r for several in terminalreporter.stats.values() for r in several)
    lines = table(sums(r.user_properties for r in reports if getattr(r, "when", "") == "teardown"))
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.line(line)
