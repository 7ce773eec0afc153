"""The likely mistake: a bug of the catalogue that gives the same wrong results as the submission.

Each bug is tried in our own code. It is named only if its results are the submission's within the
tolerance in several cases, and nearly so in all others. If there is none, the wrong tensor alone
may show a transposition, a sign or a factor.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from compare.check.cases.expected import Expected
from compare.check.core.failing_cases import describe_failing_cases
from compare.check.core.results import Attempt, Case, Diagnosis, Item, ItemResult
from compare.check.core.subject import Subject
from compare.check.core.symptoms import (
    CANCELLED,
    COARSE,
    are_near,
    explain_exception,
    explain_order,
    explain_tensor,
    find_coarse_tolerance,
    is_nearer,
    is_rounded_near_one,
    list_shapes,
)
from compare.implementations import Array, CallFailed, Results, Verdict
from compare.mistakes import Mistake, describe_gates
from compare.parity import FEW, PERTURBATIONS, Comparison, Computation, Unmoved, tolerances

CASES_TO_AGREE = 9  # and as many that are wrong, which other causes may separate


@dataclass(frozen=True, slots=True)
class Observation:
    """The submission's results of a case, the right ones, and the tolerance of each entry."""

    case: Case
    right: Results
    allowed: Mapping[str, Array | float]
    got: Results


@dataclass(frozen=True, slots=True)
class Observations:
    """The observations that a mistake has to give, and the results of all other cases."""

    near: list[Observation]
    rest: list[tuple[Case, Results]]


def explain_results(subject: Subject, results: Sequence[ItemResult]) -> None:
    """Set the likely mistake of each result that is not right, or of the first alone.

    If the forward pass of a layer is wrong, its gradients follow from it.
    """
    is_first_wrong = bool(results) and results[0].verdict != Verdict.RIGHT
    for result in results[:1] if is_first_wrong else results:
        result.diagnosis = explain_exception(result)
        result.notes += list_shapes(result)
        if result.case is None or result.verdict not in (Verdict.WRONG, Verdict.ERROR):
            continue
        with suppress(CallFailed):
            observed = observe(subject, result)
            if result.wrong is not None and result.verdict == Verdict.WRONG:
                result.diagnosis = find_mistake(subject, result, observed)


def find_mistake(
    subject: Subject, result: ItemResult, observations: Observations
) -> Diagnosis | None:
    """Return the likely mistake of a wrong result, if it is known; the code is called again."""
    observed = observations.near

    def compute(mistake: Mistake, case: Case) -> Computation:
        return partial(subject.compute, mistake, result.item, case)

    def explains(mistake: Mistake, observed: Sequence[Observation], names: Sequence[str]) -> bool:
        return all(gives(compute(mistake, one.case), one, names) for one in observed) and all(
            gives_nearly(compute(mistake, case), got, names or [*got])
            for case, got in observations.rest
        )

    assert result.wrong is not None
    if diagnosis := subject.diagnose_calls(result):
        return diagnosis
    mistakes = partial(subject.list_mistakes, result.item, result.wrong)
    wrong = result.wrong
    observed = [one for one in observed if wrong.tensor in one.got.keys() & one.right.keys()]
    symptom = explain_order(result.comparisons) or explain_in_all(wrong, observed)
    symptom = symptom or explain_cancellation(wrong.tensor, observed)
    of_gates = describe_gates(subject.cell, wrong)
    fallback = symptom or (Diagnosis(of_gates) if of_gates else None)
    if not observed:
        return fallback
    # First a mistake that gives all results; if the tensor shows nothing, one that gives it alone,
    # and at last one that would make others wrong as well. NaN alone has too many causes.
    shows_all = symptom or np.isnan(wrong.got).all()
    for names in ([],) if shows_all else ([], [wrong.tensor]):
        for mistake in mistakes():
            if explains(mistake, observed, names):
                return Diagnosis(mistake.describe(), mistake.lines, mistake)
    alone = [replace(one, got={wrong.tensor: one.got[wrong.tensor]}) for one in observed]
    for mistake in mistakes() if not shows_all else ():
        if explains(mistake, alone, []):
            return Diagnosis(f"In {wrong.tensor} alone: {mistake.words}")
    return fallback


def explain_in_all(wrong: Comparison, observed: Sequence[Observation]) -> Diagnosis | None:
    """Return how a tensor differs, if it does so in each case in which it is wrong; None if not."""
    symptom = explain_tensor(wrong.expected, wrong.got, float(np.max(wrong.allowed)))
    for one in observed:
        right, allowed = one.right[wrong.tensor], one.allowed[wrong.tensor]
        got = one.got[wrong.tensor].astype(wrong.got.dtype)
        if are_near(right, got, allowed):
            symptom = None if symptom == COARSE else symptom
        elif got.shape == right.shape and got.size > 1:
            symptom = symptom if explain_tensor(right, got, np.max(allowed)) == symptom else None
    return symptom


def explain_cancellation(tensor: str, observed: Sequence[Observation]) -> Diagnosis | None:
    """Return that digits cancel, if a tensor is wrong only where its right entries are tiny.

    The error is then that of rounding numbers near 1.
    """
    triples = [(one.right[tensor], one.got[tensor], one.allowed[tensor]) for one in observed]
    wrong = [triple for triple in triples if not are_near(*triple)]
    is_tiny = all(is_rounded_near_one(*triple) for triple in wrong)
    return CANCELLED if is_tiny and 0 < len(wrong) < len(observed) else None


def observe(subject: Subject, result: ItemResult) -> Observations:
    """Return the submission's results of the wrong case, and of others that can confirm it.

    If the first case is right, all are tried, and the result says where it is wrong.
    """
    observed: list[Observation] = []
    rest: list[tuple[Case, Results]] = []
    verdicts: list[tuple[Case, bool]] = []
    wrong, tries_all = result.case, result.cases > 1 and not subject.is_slow
    assert wrong is not None
    with subject.open(result.attempt) as run_case:
        for case in subject.draw(result.item):
            confirms = result.wrong is not None and subject.confirms(case, wrong)
            is_shown = confirms and (case is wrong or len(observed) < CASES_TO_AGREE)
            if not (is_shown or tries_all):
                continue
            try:
                got, right = subject.gather(result.item, case, run_case)
            except CallFailed as failure:
                if not failure.kinds:  # its process has ended
                    break
                verdicts.append((case, False))
                continue
            if right is None:
                continue
            is_right = tries_all and _is_right(right, got)
            verdicts.append((case, is_right))
            if is_shown or (confirms and not is_right and len(observed) < 2 * CASES_TO_AGREE):
                one = Observation(case, right.results, right.tolerance(PERTURBATIONS), got)
                observed.insert(0 if case is wrong else len(observed), one)
            elif confirms:
                rest.append((case, got))
    result.where = describe_failing_cases(verdicts) if tries_all else ""
    return Observations(observed, rest)


def is_right_at_first(subject: Subject, item: Item) -> bool:
    """Return whether an item is right on its first case, which costs little if it is far off."""
    with suppress(CallFailed), subject.open(Attempt()) as run_case:
        got, right = subject.gather(item, next(iter(subject.draw(item))), run_case)
        return right is not None and _is_right(right, got)
    return False


def _is_right(right: Expected, got: Results) -> bool:
    """Return whether results are right; only those that are nearly so need all perturbations."""
    for perturbations in (0, FEW):
        if all(comparison.ok for comparison in right.compare_within(perturbations, got)):
            return True
    near = (
        n in got and are_near(a, got[n], find_coarse_tolerance(a)) for n, a in right.results.items()
    )
    return all(near) and all(c.ok for c in right.compare_within(PERTURBATIONS, got))


def gives_nearly(computation: Computation, got: Results, names: Sequence[str]) -> bool:
    """Return whether a computation gives the results of these names but for a thousandth."""
    try:
        with np.errstate(all="ignore"):
            mistaken = computation(Unmoved.RESULTS)
        return all(are_near(mistaken[n], got[n], find_coarse_tolerance(mistaken[n])) for n in names)
    except Exception:  # a bug with which the case cannot be computed
        return False


def gives(computation: Computation, observed: Observation, names: Sequence[str] = ()) -> bool:
    """Return whether a computation gives the observed results, or only the results of some names.

    The tolerance covers the rounding of both computations. It is measured only if
    the difference is small. A coarse computation, such as one in float32, has a large tolerance of
    its own: the results have to be nearer to it than to the right ones.
    """
    got, right, allowed = observed.got, observed.right, observed.allowed
    others = [n for n in got if names and n not in names and are_near(right[n], got[n], allowed[n])]
    names = names or list(got)
    try:
        with np.errstate(all="ignore"):
            mistaken = computation(Unmoved.RESULTS)
            if not all(
                are_near(mistaken[n], got[n], find_coarse_tolerance(mistaken[n])) for n in names
            ):
                return False
            if not all(
                are_near(mistaken[n], right[n], find_coarse_tolerance(right[n])) for n in others
            ):
                return False  # it makes more wrong than is wrong
            mistaken_allowed = tolerances(computation, perturbations=6)[1]
            right_allowed = {
                n: allowed[n] if np.shape(allowed[n]) == mistaken_allowed[n].shape else 0.0
                for n in names
            }
            return all(
                are_near(mistaken[n], got[n], mistaken_allowed[n] + right_allowed[n])
                and is_nearer(got[n], mistaken[n], right[n], allowed[n])
                for n in names
            )
    except Exception:  # a bug with which the case cannot be computed
        return False
