"""Counts that tests make, added up and shown at the end: kills survived, files tried, and so on."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

Count = Callable[..., None]
"""``count("kills survived")`` counts one, ``count("kills survived", 5)`` five."""

_PREFIX = "count: "


def number(quick: int, deep: int) -> int:
    """Return how many of something to try: fewer in `make test`, more in `make deep`."""
    return deep if settings().max_examples >= 10_000 else quick


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Iterator[Count]:
    """Count what a test has tried."""
    counts: Counter[str] = Counter()

    def add(what: str, number: int = 1) -> None:
        counts[what] += number

    yield add
    # On the report of the test, so that it reaches the end of the run from another process too.
    request.node.user_properties.extend((_PREFIX + what, n) for what, n in counts.items())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the sums over all tests."""
    totals: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                for what, value in report.user_properties:
                    if what.startswith(_PREFIX):
                        totals[what.removeprefix(_PREFIX)] += value
    if totals:
        terminalreporter.section("faults")
        width = max(map(len, totals))
        for what, total in sorted(totals.items()):
            terminalreporter.line(f"{what.ljust(width)}  {total:,}")
