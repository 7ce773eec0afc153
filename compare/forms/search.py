"""Search for a case on which two forms differ, and for the smallest one."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from compare.forms.comparison import CaseResult
from compare.forms.values import Case, Draws
from compare.terminal import UsageError

SECONDS = 60.0
"""A search ends with the first case after this time, and a case shrinks no more."""

LENGTHS = (*range(1, 18), 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129)
"""The lengths of each size that are tried for a smaller case."""

ROUND = 16, 64, 128
"""Numbers of time steps that a form takes if it wants a multiple of its block."""

Compare = Callable[[Case, bool], CaseResult]
"""Compares both forms on a case; True if a quick verdict will do, as while a case shrinks."""


@dataclass
class Search:
    """The results of all cases up to the first that differs, and the smallest one that does."""

    results: list[CaseResult] = field(default_factory=list)
    smallest: CaseResult | None = None

    @property
    def compared(self) -> list[CaseResult]:
        """The results of the cases that both forms computed."""
        return [result for result in self.results if result.is_compared]


def search_cases(draws: Draws, compare: Compare, *, num_cases: int, seed: int = 0) -> Search:
    """Compare both forms on random cases until one differs; then find the smallest such case."""
    search, end = Search(), time.monotonic() + SECONDS
    for case in draws.draw_cases(num_cases, seed):
        result = _compare_accepted(draws, case, compare)
        if result.differs:
            smallest = compare(shrink(draws, result.case, compare, end), False)
            search.smallest = smallest if smallest.differs else result
            break
        search.results.append(result)
        if time.monotonic() > end:
            break
    return search


def _compare_accepted(draws: Draws, case: Case, compare: Compare) -> CaseResult:
    """Return the result of a case, or of one with more time steps that both forms take."""
    result = compare(case, False)
    for length in (n for n in ROUND if result.is_refused and n <= draws.longest):
        with suppress(UsageError):  # the user's code does not take this size
            for name in draws.times:
                case = draws.resize(case, name, length)
            longer = compare(case, False)
            if not longer.is_refused:
                return longer
    return result


def shrink(draws: Draws, case: Case, compare: Compare, end: float) -> Case:
    """Return a smaller case that differs: each size and each argument as simple as it can be."""
    while time.monotonic() < end:
        before = case
        for name in draws.sizes:
            for length in (n for n in LENGTHS if n < case.sizes[name]):
                if time.monotonic() < end and _differs(draws, compare, case, name, length):
                    case = draws.resize(case, name, length)
                    break
        for name, kind in case.kinds.items():
            if kind != "plain":
                simple = draws.replace_values(case, name, "plain")
                case = simple if compare(simple, True).differs else case
        if case is before:
            break
    return case


def _differs(draws: Draws, compare: Compare, case: Case, name: str, length: int) -> bool:
    try:
        return compare(draws.resize(case, name, length), True).differs
    except UsageError:  # the user's code does not take this size
        return False
