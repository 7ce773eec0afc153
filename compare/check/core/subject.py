"""The subject of a check: the functions of a file, or a layer. All are tried in the same way.

Each graded item is tried on one case after the other until a result is not right. A subject draws
the cases, runs the user's code on them, and knows what is right.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Self

from compare.check.cases.expected import Expected
from compare.check.cases.layer_case import Surface
from compare.check.core.deep_search import DrawnCase, search
from compare.check.core.results import Attempt, Case, Diagnosis, Item, ItemResult
from compare.implementations import CallFailed, Results, Verdict
from compare.mistakes import Mistake
from compare.parity import Comparison, Move

Outcome = tuple[Results, Expected | None]  # without right results, nothing can be compared
RunCase = Callable[[Item, Case], Outcome]


class Subject(ABC):
    """The functions of a file, or a layer."""

    cell: str
    seed: int
    is_slow = False  # so that only a few cases are run again

    @property
    @abstractmethod
    def fields(self) -> Surface:
        """The choices of a drawn case, for the search."""

    @property
    @abstractmethod
    def items(self) -> Sequence[Item]:
        """The graded items."""

    @abstractmethod
    def draw(self, item: Item) -> Iterable[Case]:
        """Draw the cases of an item, the smallest first."""

    @abstractmethod
    def open(self, attempt: Attempt) -> AbstractContextManager[RunCase]:
        """Load the user's code, and give a function that runs it on a case, or CallFailed."""

    @abstractmethod
    def list_mistakes(self, item: Item, wrong: Comparison) -> Iterator[Mistake]:
        """Yield the known mistakes that an item can have."""

    @abstractmethod
    def compute(self, mistake: Mistake, item: Item, case: Case, move: Move) -> Results:
        """Return the results of an item on a case with a mistake."""

    @abstractmethod
    def extend(self, drawn: DrawnCase, *, alone: bool) -> Self:
        """Return the subject with one more case, before its own or alone."""

    def try_item(self, item: Item, earlier: Sequence[ItemResult]) -> ItemResult:
        """Try an item; `earlier` are the results of those before it."""
        return try_item(self, item, Attempt())

    def refuses(self, drawn: DrawnCase, verdicts: set[Verdict]) -> bool:
        """Return whether a drawn case is one that the subject may refuse."""
        return False

    def confirms(self, case: Case, wrong: Case) -> bool:
        """Return whether a case can confirm a mistake that another shows.

        Cases with much larger inputs cannot: saturated gates make correct formulas of σ differ by
        more than the mistake does.
        """
        return case.dtype == wrong.dtype and case.largest <= max(100.0, wrong.largest)

    def gather(self, item: Item, case: Case, run: RunCase) -> Outcome:
        """Return all results of a case with which a mistake of an item has to agree."""
        return run(item, case)

    def diagnose_calls(self, result: ItemResult) -> Diagnosis | None:
        """Return a diagnosis if the result depends on earlier calls; None if not."""
        return None


def try_items(subject: Subject, items: Sequence[Item] = ()) -> list[ItemResult]:
    """Try graded items, each on its own; all of them if none is named."""
    results: list[ItemResult] = []
    while len(results) < len(
        items or subject.items
    ):  # the first one may show that others are absent
        results.append(subject.try_item((items or subject.items)[len(results)], results))
    return results


def try_item(subject: Subject, item: Item, attempt: Attempt) -> ItemResult:
    """Try an item case by case until a result is not right."""
    cases: list[Case] = []
    result = ItemResult(item=item, attempt=attempt)
    drawn, compared = subject.draw(item), 0
    try:
        with subject.open(attempt) as run:
            for case in drawn:
                cases.append(case)
                got, expected = run(item, case)
                comparisons = () if expected is None else expected.compare(got)
                compared += expected is not None
                wrong = next((c for c in comparisons if not c.ok), None)
                if wrong is not None:
                    result = ItemResult(item=item, attempt=attempt, verdict=Verdict.WRONG)
                    result.case, result.comparisons, result.wrong = case, comparisons, wrong
                    break
            else:
                attempt.check_number(compared, len(cases))
    except CallFailed as failure:
        result = ItemResult.from_failure(item, failure, attempt, cases[-1] if cases else None)
    result.cases, result.tried = len(cases), [case.sizes for case in cases]
    return result


def search_further(
    subject: Subject, results: Sequence[ItemResult]
) -> tuple[Subject, list[ItemResult]]:
    """Search a wrong case of right items; return the subject that begins with it, and the results.

    Items that one call computes are searched together.
    """

    def try_again(extended: Subject) -> list[ItemResult]:
        return [try_item(extended, result.item, result.attempt) for result in results]

    def is_wrong(drawn: DrawnCase) -> bool:
        verdicts = {result.verdict for result in try_again(subject.extend(drawn, alone=True))}
        return verdicts != {Verdict.RIGHT} and not subject.refuses(drawn, verdicts)

    smallest, tried = search(subject.fields, is_wrong, subject.seed)
    again = list(results)
    if smallest is not None:
        extended = subject.extend(smallest, alone=False)
        searched = try_again(extended)
        if any(result.verdict != Verdict.RIGHT for result in searched):  # also without other calls
            subject, again = extended, searched
    for result in again:
        result.cases += len(tried)
        result.tried += tried
    return subject, again
