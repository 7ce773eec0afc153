"""Compare two forms: whether they are the same function, as exact, and where they differ."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from compare.forms.comparison import (
    CaseResult,
    Forms,
    compare_exactly,
    compare_rounded,
)
from compare.forms.conditions import find_conditions
from compare.forms.search import Search, search_cases
from compare.forms.values import Case, Draws
from compare.parity import Agreement, ParityReport, tabulate

NUM_CASES = 40
ROUNDED_CASES = 8  # of a dtype in which two forms have already been found equal in float64

EXACT = "float64"


@dataclass(frozen=True)
class Answer:
    """The searches of both forms, in float64 and in the working dtype, and what they showed."""

    forms: Forms
    dtype: str
    exact: Search | None  # None if a form does not compute in float64
    rounded: Search | None  # None if they differ in float64
    conditions: list[str]

    @property
    def last(self) -> Search:
        """The search that decides."""
        search = self.rounded or self.exact
        assert search is not None
        return search

    @cached_property
    def shown(self) -> CaseResult | None:
        """The smallest case that differs, or the one with the largest share of its tolerance."""
        if self.last.smallest is not None:
            return self.last.smallest
        return max(self.last.compared, key=lambda result: result.share, default=None)

    @property
    def changes(self) -> list[str]:
        """The arguments that one form changes and the other does not."""
        a, b = (form.notes for form in self.forms)
        only_a = [f"A {note}" for note in a if note not in b]
        return [*only_a, *(f"B {note}" for note in b if note not in a)]

    @cached_property
    def report(self) -> ParityReport:
        """A row for each tensor of the case that is shown."""
        return tabulate(self.shown.comparisons if self.shown else ())

    @cached_property
    def verdict(self) -> Agreement:
        """Whether the forms agree; undecidable if rounding decides about a tensor in all cases."""
        if self.last.smallest is not None or self.changes:
            return Agreement.DIFFERS
        rows = [{c.tensor: c.row.verdict for c in r.comparisons} for r in self.last.compared]
        decided = {
            name for row in rows for name, v in row.items() if v is not Agreement.UNDECIDABLE
        }
        undecidable = not rows or any(name not in decided for row in rows for name in row)
        return Agreement.UNDECIDABLE if undecidable else Agreement.AGREES


def compare_forms(
    forms: Forms,
    draws: Draws,
    *,
    dtype: str = "float32",
    seed: int = 0,
    num_cases: int = NUM_CASES,
    report_case: Callable[[Case], None] = lambda case: None,
    report_exact: Callable[[Search], None] = lambda search: None,
) -> Answer:
    """Search for a case on which two forms differ: in float64, then in the working dtype.

    `report_case` is called with each case, and `report_exact` with the first answer, as soon as it
    is known. FormError if they cannot be compared.
    """

    def find(compare: Callable[[Case, bool], CaseResult], count: int) -> tuple[Search, list[str]]:
        def compare_and_report(case: Case, quickly: bool) -> CaseResult:
            report_case(case)
            return compare(case, quickly)

        found = search_cases(draws, compare_and_report, num_cases=count, seed=seed)
        if found.smallest is None:
            return found, []
        return found, find_conditions(draws, found.smallest, compare)

    exact = None
    if all(form.is_wide for form in forms):
        exact, conditions = find(lambda *case: compare_exactly(forms, *case), num_cases)
        if all(form.is_wide for form in forms):
            report_exact(exact)
            if exact.smallest is not None or dtype == EXACT:
                return Answer(forms, dtype, exact, None, conditions)
        else:
            exact = None  # inside, one of them computes in a coarser dtype
    count = num_cases if exact is None else ROUNDED_CASES
    rounded, conditions = find(lambda case, _: compare_rounded(forms, case, dtype), count)
    return Answer(forms, dtype, exact, rounded, conditions)
