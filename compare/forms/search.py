"""Search for a case on which two forms differ, and for the smallest one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from compare.forms.comparison import CaseResult, Forms, compare_exactly
from compare.forms.values import Case, Draws

NUM_CASES = 40


class _Found(Exception):
    """A case differs: Hypothesis looks for a smaller one."""


@dataclass
class Search:
    """The results of all cases that were compared, and the smallest one that differs."""

    results: list[CaseResult] = field(default_factory=list)
    smallest: CaseResult | None = None

    @property
    def compared(self) -> list[CaseResult]:
        """The results of the cases that both forms computed."""
        return [result for result in self.results if result.is_compared]


def search(
    draws: Draws,
    compare: Callable[[Case, bool], CaseResult],
    is_wanted: Callable[[CaseResult], object],
    *,
    num_cases: int = NUM_CASES,
    number: int = 0,
) -> Search:
    """Compare both forms on random cases, until one is wanted; then find the smallest such case.

    `compare` takes a case, and whether a quick verdict will do, as on the way to a smaller case.
    """
    found = Search()

    @seed(number)
    @settings(
        max_examples=num_cases,
        database=None,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )
    @given(draws.strategy())
    def look(case: Case) -> None:
        result = compare(case, found.smallest is not None)
        if is_wanted(result):
            found.smallest = result
            raise _Found
        if found.smallest is None:
            found.results.append(result)

    try:
        look()
    except _Found:
        pass
    return found
