"""Counts of the tests, added up at the end: examples, kills survived, files tried, and so on."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import settings

_PREFIX = "count: "


@dataclass
class Examples:
    """The examples of one test, and its largest difference."""

    examples: int = 0
    ratio: float = 0.0  # the largest difference divided by its tolerance
    where: str = ""  # the tensor and the case


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


@pytest.fixture
def count(request):
    """Count what a test has tried: ``count("kills survived")`` one, or ``(…, 5)`` five."""
    counts = Counter()

    def add(what, number=1):
        counts[what] += number

    yield add
    # On the report of the test, so that it reaches the end of the run from another process too.
    request.node.user_properties.extend((_PREFIX + what, n) for what, n in counts.items())


def sums(properties):
    totals = Counter()
    for pairs in properties:
        for what, value in pairs:
            if what.startswith(_PREFIX):
                totals[what.removeprefix(_PREFIX)] += value
    return totals


def table(totals):
    width = max(map(len, totals), default=0)
    return [f"{what.ljust(width)}  {total:,}" for what, total in sorted(totals.items())]


def pytest_terminal_summary(terminalreporter):
    reports = (r for several in terminalreporter.stats.values() for r in several)
    lines = table(sums(r.user_properties for r in reports if getattr(r, "when", "") == "teardown"))
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.line(line)
