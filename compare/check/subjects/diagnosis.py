"""The likely mistake: a bug of the catalogue that gives the same wrong results as the submission.

Each bug is tried in the plain version (`compare.check.subjects.plain`). It is named only if its
results are the submission's within the tolerance, in several cases. If there is none, the wrong
tensor alone may show a transposition, a sign or a factor.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import permutations
from typing import Any

import numpy as np

from compare.check.bugs.catalogue import CATALOGUE, Bug
from compare.check.cases.comparison import Comparison, Results
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import CLASSES, STATES, rounding, run
from compare.check.cases.parts import Case, PartResult
from compare.check.subjects.plain import PlainFunctions
from compare.check.subjects.stages import StageResult, run_quietly
from compare.check.subjects.symptoms import (
    ADDED,
    are_near,
    coarse,
    in_the_tensor,
    is_added,
    is_nearer,
    of_memory,
    without_numbers,
)
from compare.check.subjects.trying import cases_of, compared
from compare.implementations import CELLS, Functions, FunctionsLayer, Order, Trouble
from compare.parity import PERTURBATIONS, Computation, Move, tolerances, unmoved

LAYER_FILES = ("scratch_rnn/cells/", "scratch_rnn/layers/layer.py", "scratch_rnn/layers/padding.py")
CASES_TO_AGREE = 9


@dataclass(frozen=True, slots=True)
class Observed:
    """The submission's results of a case, the right ones, and the tolerance of each entry."""

    case: Any
    right: Results
    allowed: Mapping[str, np.ndarray | float]
    got: Results


# The functions of a submission ------------------------------------------------------------------


def likely_mistake(result: StageResult, functions: Functions, seed: int) -> str:
    """Return the likely mistake of a stage, or nothing; the functions are called again."""
    if result.wrong is None or result.case is None:
        return ""
    if changed := of_memory(result.comparisons):
        return changed
    if _is_right_alone(result, functions, seed):
        return "It depends on earlier calls: something is kept from one call to the next."
    stage = result.stage

    def run_stage(mistaken: Any, case: Case, move: Move) -> Results:
        return stage.run(stage.functions(mistaken), copy.deepcopy(case.inputs), move)

    mistakes = partial(of_functions, (stage.kind,), stage.cell)
    return _search(result.wrong, run_stage, mistakes, _observed(result, functions, seed))


def of_functions(stages: Sequence[str], cell: str) -> Iterator[tuple[str, Any]]:
    """Yield the words of each bug of these stages, and the cell's functions with the bug."""
    for bug in CATALOGUE:
        if any(bug.is_in(stage, cell) for stage in stages):
            yield bug.words, PlainFunctions(cell, bug.plain)
    for order, functions in of_orders(cell):
        yield f"The gates are read in the order {', '.join(order)}.", functions


def of_orders(cell: str) -> Iterator[tuple[Order, PlainFunctions]]:
    """Yield each order of a cell's gates but PyTorch's, and functions that read weights so."""
    for order in permutations(CELLS[cell].gates):
        if order != CELLS[cell].gates:
            yield order, PlainFunctions(cell, order=order)


def with_remark(words: str) -> str:
    """Return the words of a mistake, and of which other cell or layout it is no mistake."""
    another = next((bug.another for bug in CATALOGUE if bug.words == words), "")
    if another:
        return f"{words} That is another cell: {another}."
    if found := re.search(r"order (?:is )?((?:\w, )+\w)\b", words):
        return f"{words} If this order is meant: --gates {found[1].replace(' ', '')}."
    return words


def lines_of_mistake(words: str, cell: str) -> tuple[str, ...]:
    """Return the lines of a cell's plain version with a bug; none if the words name no bug."""
    return next((bug.lines_of(cell) for bug in CATALOGUE if bug.words == words), ())


def _observed(result: StageResult, functions: Functions, seed: int) -> list[Observed]:
    """Return the submission's results of the wrong case, and of others."""
    observed: list[Observed] = []
    for case, answer in cases_of(result.stage, seed):
        if case is result.case:
            got, place = {c.tensor: c.got for c in result.comparisons}, 0
        elif len(observed) < CASES_TO_AGREE and _is_like(case, result.case):
            try:
                got, place = run_quietly(result.stage, functions, case.inputs), len(observed)
            except Trouble:
                continue
        else:
            continue
        tolerance = answer.tolerance(PERTURBATIONS)
        observed.insert(place, Observed(case, answer.results, tolerance, got))
    return observed


def _is_like(case: Case, wrong: Case) -> bool:
    """Whether a case can confirm a mistake that another shows.

    It has the same dtype, and no large inputs where the other has none: there gates are saturated,
    and right ways to write σ differ more than the mistake does.
    """

    def largest(case: Case) -> float:
        arrays = [a for a in case.inputs.values() if isinstance(a, np.ndarray) and a.size]
        return max((float(np.abs(a).max()) for a in arrays), default=0.0)

    return case.dtype == wrong.dtype and largest(case) <= max(100.0, largest(wrong))


def _is_right_alone(result: StageResult, functions: Functions, seed: int) -> bool:
    """Whether the case is right if it is the first call."""
    case, answer = next(pair for pair in cases_of(result.stage, seed) if pair[0] is result.case)
    try:
        got = run_quietly(result.stage, functions, case.inputs)
        return all(c.ok for c in compared(answer, got))
    except Trouble:
        return False


# A layer ----------------------------------------------------------------------------------------


def name_mistakes(results: Sequence[PartResult], cell: str, *, transposed: bool = False) -> None:
    """Set the likely mistake of each part; with a wrong forward pass, of this part alone."""
    forward, *_ = results
    for result in results if forward.verdict == "right" else [forward]:
        result.likely = likely_in_layer(result, cell, transposed=transposed)


def likely_in_layer(result: PartResult, cell: str, *, transposed: bool = False) -> str:
    """Return the likely mistake of a part, or nothing; `transposed`: its weights are (in, out)."""
    if result.wrong is None or result.verdict != "wrong":
        return without_numbers(result)
    is_forward, observed = result.stage.name == "forward", _observed_in_layer(result)
    stages = ("forward", "step") if is_forward else ("backward", "step_backward")
    mistakes = partial(of_layers, stages, cell, with_copies=not result.wrong.problem)
    likely = _search(result.wrong, run, mistakes, observed)
    return with_remark(_of_in_out(likely) if transposed else likely)


def _observed_in_layer(result: PartResult) -> list[Observed]:
    observed = []
    for case, got in result.seen:
        if not case.precision:  # many mistakes are within the tolerance of a coarse one
            states = {name: got[name] for name in ("output", *STATES) if name in got}
            named = states if result.stage.name == "forward" else got
            observed.append(Observed(case, *rounding(case), named))
    return observed


def gate_order_of(forward: PartResult, cell: str) -> Order:
    """Return the order of the gates that gives a layer's results; empty if none does."""
    observed = _observed_in_layer(forward) if forward.wrong is not None else []
    for order, functions in of_orders(cell) if observed else ():
        layer = partial(FunctionsLayer, functions)
        if all(_gives(partial(run, layer, o.case), o) for o in observed):
            return order
    return ()


def of_layers(
    stages: Sequence[str], cell: str, *, with_copies: bool
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the words of each bug, and a layer's class with it; copies of the package come last."""
    for words, functions in of_functions(stages, cell):
        yield words, partial(FunctionsLayer, functions)
    if with_copies:
        for bug in CATALOGUE:
            if not bug.stages and is_of_layer(bug, cell):
                yield bug.words, getattr(_copy_with(bug), CELLS[cell].layer)


def is_of_layer(bug: Bug, cell: str) -> bool:
    """Whether a bug has patches, and all of them are on a layer of the cell."""
    is_of_cell = bug.cell in (None, cell) and bool(bug.patches)
    return is_of_cell and all(file.startswith(LAYER_FILES) for file in bug.files)


_copy_with = lru_cache(Bug.load)


def likely_in_property(tried: Any, case: LayerCase, comparisons: Sequence[Comparison]) -> str:
    """Return the likely reason in words why a property of a layer is violated; empty if unknown."""
    if tried.name == "second call":
        return kept_state(case, comparisons)
    wrong = [c for c in comparisons if not c.ok]
    if tried.name == "second backward" and all(is_added(c.expected, c) for c in wrong):
        return ADDED
    return ""


def kept_state(case: LayerCase, comparisons: Sequence[Comparison]) -> str:
    """Return in words that a layer's second call starts at the last state; empty if it does not."""

    def second_call(move: Move) -> Results:
        first = run(CLASSES[case.cell], case, move)
        return run(CLASSES[case.cell], case.given(h0=first["h_n"], c0=first.get("c_n")), move)

    got = {c.tensor: c.got for c in comparisons if c.tensor in ("output", *STATES)}
    if not _gives(second_call, Observed(case, *rounding(case), got)):
        return ""
    if case.floats.h0 is None:
        return "A second call without a state begins with the last state of the first, not with 0."
    return "A second call begins with the last state of the first, not with the given one."


def _of_in_out(words: str) -> str:
    """Return the words for weights (in, out), which are transposed where ours are not."""
    return re.sub(
        r"(?<!gradient of )(W_[ih]h) is (not )?transposed",
        lambda found: f"{found[1]} is {'' if found[2] else 'not '}transposed",
        words,
    )


# The search -------------------------------------------------------------------------------------


def _search(
    wrong: Comparison,
    run_case: Callable[[Any, Any, Move], Results],
    mistakes: Callable[[], Iterator[tuple[str, Any]]],
    observed: Sequence[Observed],
) -> str:
    """Return the words of the first mistake that gives all observed results.

    If there is none: what the wrong tensor alone shows, or the first mistake that gives it.
    """
    seen = in_the_tensor(wrong.expected, wrong.got, float(np.max(wrong.allowed)))
    if not observed:
        return seen
    for names in ([],) if seen else ([], [wrong.tensor]):
        for words, mistaken in mistakes():
            if all(_gives(partial(run_case, mistaken, o.case), o, names) for o in observed):
                return words
    return seen


def _gives(computation: Computation, observed: Observed, names: Sequence[str] = ()) -> bool:
    """Whether a computation gives the observed results, or those of some names.

    The tolerance is the computation's own and that of the right results. It is measured only if
    the difference is small. A coarse computation, such as one in float32, has a large tolerance of
    its own: the results have to be nearer to it than to the right ones.
    """
    got, right, allowed = observed.got, observed.right, observed.allowed
    others = [n for n in got if names and n not in names and are_near(right[n], got[n], allowed[n])]
    names = names or list(got)
    try:
        with np.errstate(all="ignore"):
            mistaken = computation(unmoved)
            if not all(are_near(mistaken[n], got[n], coarse(mistaken[n])) for n in names):
                return False
            if not all(are_near(mistaken[n], right[n], coarse(right[n])) for n in others):
                return False  # it makes more wrong than is wrong
            own = tolerances(computation, perturbations=6)[1]
            right_allowed = {
                n: allowed[n] if np.shape(allowed[n]) == own[n].shape else 0.0 for n in names
            }
            return all(
                are_near(mistaken[n], got[n], own[n] + right_allowed[n])
                and is_nearer(got[n], mistaken[n], right[n], allowed[n])
                for n in names
            )
    except Exception:  # a bug with which the case cannot be computed
        return False
