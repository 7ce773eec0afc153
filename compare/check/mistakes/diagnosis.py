"""Which mistake does it look like? The one that, put into our own code, gives the same numbers.

The mistakes of `compare.check.mistakes` come first, then the catalogue's bugs, then what can be
seen in a tensor alone: a transposition, a sign, a factor. A mistake is named only if its results
are the submission's to within rounding, in every case that is asked for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import CLASSES, STATES, rounding, run
from compare.check.functions.drawing import Case
from compare.check.functions.of_package import AsLayer, OfPackage
from compare.check.functions.stages import (
    AFTER_ANOTHER,
    ARGUMENT,
    SECOND,
    Functions,
    Malformed,
    PartResult,
    Results,
    StageResult,
    run_quietly,
)
from compare.check.functions.trying import cases_of, compared
from compare.check.mistakes import MISTAKES
from compare.check.worker.client import Trouble
from compare.parity import (
    CELLS,
    Computation,
    Move,
    absolute_difference,
    largest_difference,
    tolerances,
    unmoved,
)

FILES_OF_STAGES = {
    "cross_entropy": ("scratch_rnn/loss.py",),
    "clip_grad_norm": ("scratch_rnn/optim.py",),
}
"""Where a bug of the catalogue has to be, to be tried on a stage; the rest are the layer's."""

FILES_OF_THE_LAYER = {
    "rnn": ("scratch_rnn/cells/elman.py", "scratch_rnn/rnn.py"),
    "gru": ("scratch_rnn/cells/gru.py", "scratch_rnn/gru.py"),
    "lstm": ("scratch_rnn/cells/lstm.py", "scratch_rnn/lstm.py"),
}
FILES_OF_ALL_LAYERS = ("scratch_rnn/layer.py", "scratch_rnn/padding.py")

KINDS = {
    "forward": ("forward", "step"),
    "gradients of the parameters": ("backward", "step_backward"),
    "gradients of x and the state": ("backward", "step_backward"),
}
"""In which of the six functions a mistake can be that shows in a part of a layer."""

CASES_TO_AGREE = 9


def likely_mistake(result: StageResult, functions: Functions, seed: int) -> str:
    """Return in words what gives the submission's wrong numbers; empty if nothing does.

    Parameters
    ----------
    result : StageResult
        What is wrong.
    functions : Functions
        The submission's, to be asked once more.
    seed : int
    """
    if result.wrong is None or result.case is None:
        return ""
    said = by_its_name(result.comparisons)
    if said or _is_right_alone(result, functions, seed):
        return said or "It depends on earlier calls: something is kept from one call to the next."
    stage = result.stage

    def run_stage(equations: Any, case: Case, move: Move) -> Results:
        return stage.run(stage.functions(equations), copy.deepcopy(case.inputs), move)

    deep = not result.wrong.problem
    mistakes = partial(candidates, (stage.kind,), stage.equations.cell, deep=deep)
    return _searched(result, run_stage, mistakes, _observed(result, functions, seed))


def name_mistakes(results: Sequence[PartResult], cell: str, *, transposed: bool = False) -> None:
    """Put into a layer's parts what each looks like; a wrong forward pass explains the others."""
    forward, *_ = results
    for result in results if forward.verdict == "right" else [forward]:
        result.likely = likely_in_layer(result, cell, transposed=transposed)


def likely_in_layer(result: PartResult, cell: str, *, transposed: bool = False) -> str:
    """Return in words what gives a layer's wrong numbers; empty if nothing does.

    Parameters
    ----------
    result : PartResult
        What is wrong with a part of the layer, and what it gave in some cases.
    cell : str
    transposed : bool
        Whether its weights are (in, out).
    """
    if result.wrong is None or result.verdict != "wrong":
        return ""
    observed: list[Observed] = []
    for case, got in result.seen:
        if not case.precision:  # a coarse one would be near to many mistakes
            states = {name: got[name] for name in ("output", *STATES) if name in got}
            asked = states if result.stage.name == "forward" else got
            observed.append((case, rounding(case)[1], asked))
    deep = not result.wrong.problem
    mistakes = partial(candidates, KINDS[result.stage.name], cell, deep=deep)
    likely = _searched(result, _run_as_layer, mistakes, observed)
    return _of_in_out(likely) if transposed else likely


def _of_in_out(words: str) -> str:
    """Say of weights (in, out) what is said of ours: where ours are transposed, those are not."""
    return re.sub(
        r"(?<!gradient of )(W_[ih]h) is (not )?transposed",
        lambda found: f"{found[1]} is {'' if found[2] else 'not '}transposed",
        words,
    )


def kept_state(case: LayerCase, comparisons: Sequence[Comparison]) -> str:
    """Say whether a layer's second call begins where the first has ended; empty if it does not."""

    def second_call(move: Move) -> Results:
        first = run(CLASSES[case.cell], case, move)
        return run(CLASSES[case.cell], case.given(h0=first["h_n"], c0=first.get("c_n")), move)

    got = {c.tensor: c.got for c in comparisons if c.tensor in ("output", *STATES)}
    if not _same(second_call, rounding(case)[1], got):
        return ""
    if case.floats.h0 is None:
        return "A second call without a state begins with the last state of the first, not with 0."
    return "A second call begins with the last state of the first, not with the given one."


def _run_as_layer(equations: Any, case: LayerCase, move: Move) -> Results:
    if isinstance(equations, OfPackage):
        return run(getattr(equations.package, CELLS[case.cell].layer), case, move)
    return run(AsLayer(equations), case, move)


Observed = tuple[Any, Mapping[str, np.ndarray], Results]
"""A case, how far rounding leads from the right results, and the submission's."""


def _searched(
    result: PartResult,
    run: Callable[[Any, Any, Move], Results],
    mistakes: Callable[[], Iterator[tuple[str, Any]]],
    observed: Sequence[Observed],
) -> str:
    """Return the words of the first mistake that gives all that was observed.

    If there is none, say what is seen in the wrong tensor alone; or else which mistake gives that.
    """
    wrong = result.wrong
    seen = in_the_tensor(wrong.expected, wrong.got, float(np.max(wrong.allowed)))
    if not observed:
        return seen
    for only in ("",) if seen else ("", wrong.tensor):
        for words, mistaken in mistakes():
            if all(
                _same(partial(run, mistaken, case), allowed, got, only)
                for case, allowed, got in observed
            ):
                return words
    return seen


def _observed(result: StageResult, functions: Functions, seed: int) -> list[Observed]:
    """Return the case that is wrong, and others, with what the submission makes of them."""
    observed: list[Observed] = []
    for case, answer in cases_of(result.stage, seed):
        assert result.case is not None
        if case is result.case:
            observed.insert(
                0, (case, answer.allowed, {c.tensor: c.got for c in result.comparisons})
            )
        elif len(observed) < CASES_TO_AGREE and case.dtype == result.case.dtype:
            try:
                got = run_quietly(result.stage, functions, case.inputs)
            except (Trouble, Malformed):
                continue
            observed.append((case, answer.allowed, got))
    return observed


def by_its_name(comparisons: tuple[Comparison, ...]) -> str:
    """Say what it means that something has changed which must not; empty if nothing has."""
    wrong = next((c for c in comparisons if not c.ok), None)
    if wrong is None:
        return ""
    name, comma, rest = wrong.tensor.partition(",")
    if comma + rest == ARGUMENT:
        return f"{name} is overwritten: the array belongs to the caller, and is changed in place."
    if comma + rest == AFTER_ANOTHER:
        return f"The memory of {name} is used again: the next call overwrites it."
    if wrong.tensor.endswith(SECOND):
        return (
            "A second call gives something else: the first has overwritten a part of the tape, "
            "or its results are kept and added to."
        )
    return ""


def _is_right_alone(result: StageResult, functions: Functions, seed: int) -> bool:
    """Whether the case is right if nothing has been asked before."""
    case, answer = next(pair for pair in cases_of(result.stage, seed) if pair[0] is result.case)
    try:
        got = run_quietly(result.stage, functions, case.inputs)
        return all(c.ok for c in compared(answer, got))
    except (Trouble, Malformed):
        return False


def candidates(
    kinds: tuple[str, ...], cell: str, *, deep: bool = True
) -> Iterator[tuple[str, Any]]:
    """Yield words and the six functions of each mistake that can be in functions of these kinds.

    The catalogue's bugs, which give right shapes, come last and only if `deep`: loading them
    takes a second or two.
    """
    for kind in kinds:
        for mistake in MISTAKES:
            if kind in mistake.stages and cell in mistake.cells:
                yield _sentence(mistake.words), mistake.equations(cell)
    if deep:
        yield from _of_catalogue(kinds[0], cell)


def _sentence(words: str) -> str:
    begins_with_a_name = "_" in words.split()[0] or not words[0].isascii()
    return (words if begins_with_a_name else words[0].upper() + words[1:]) + "."


@lru_cache
def _of_catalogue(kind: str, cell: str) -> tuple[tuple[str, Any], ...]:
    from compare.check import BUGS  # they bring PyTorch, which is not needed until here

    files = FILES_OF_STAGES.get(kind, FILES_OF_THE_LAYER[cell] + FILES_OF_ALL_LAYERS)
    return tuple(
        (bug.words, OfPackage(_copy_with(bug), cell))
        for bug in BUGS
        if bug.package == "scratch_rnn" and all(file in files for file in bug.files)
    )


@lru_cache
def _copy_with(bug: Any) -> Any:
    return bug.load()


def _same(run: Computation, right: Mapping[str, np.ndarray], got: Results, only: str = "") -> bool:
    """Whether a mistake gives these numbers, to within its own rounding and that of the answer."""
    try:
        with np.errstate(all="ignore"):
            mistaken = run(unmoved)
            names = [only] if only else list(got)
            if any(not _near(mistaken[n], got[n], _coarse(mistaken[n])) for n in names):
                return False
            allowed = tolerances(run, perturbations=6)[1]
            for name in names:
                if allowed[name].shape == right[name].shape:
                    allowed[name] = allowed[name] + right[name]
            return all(_near(mistaken[n], got[n], allowed[n]) for n in names)
    except Exception:  # a bug that refuses the case
        return False


def _coarse(array: np.ndarray) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return 1e-3 * float(finite.max()) if finite.size else 0.0


def _near(mistaken: np.ndarray, got: np.ndarray, allowed: np.ndarray | float) -> bool:
    if got.shape != mistaken.shape:
        return False
    if not np.array_equal(np.isnan(mistaken), np.isnan(got)):
        return False
    apart = absolute_difference(mistaken, got)
    return bool(np.all(np.isnan(mistaken) | (apart <= np.nan_to_num(allowed))))


def in_the_tensor(expected: np.ndarray, got: np.ndarray, allowed: float) -> str:
    """Say how a tensor alone differs, where that is simple; empty where it isn't."""
    coarse = got.dtype.kind == "f" and got.dtype.itemsize < expected.dtype.itemsize

    def same(array: np.ndarray) -> bool:
        return got.shape == array.shape and largest_difference(np.asarray(array), got) <= allowed

    if coarse:
        return f"It is computed in {got.dtype}, and rounds too early."
    if expected.ndim == 2 and same(expected.T):
        return "It is transposed."
    if got.size == expected.size and same(expected.reshape(got.shape)):
        return f"The numbers are right; their shape should be {expected.shape}."
    if got.shape != expected.shape:
        return ""
    if expected.any() and not got.any():
        return "It is zero everywhere."
    if same(-expected):
        return "Its sign is wrong."
    if expected.ndim > 1 and expected.shape[0] > 1 and same(expected[::-1]):
        return "It comes in reverse order."
    return _factor(expected, got, allowed) or _accuracy(expected, got, allowed)


def _factor(expected: np.ndarray, got: np.ndarray, allowed: float) -> str:
    """Say by what one factor a tensor is too large, if there is one."""
    at = np.unravel_index(np.argmax(np.abs(expected)), expected.shape)
    if expected.size < 2 or not np.isfinite(got).all() or expected[at] == 0 or got[at] == 0:
        return ""
    factor = float(got[at] / expected[at])
    if largest_difference(factor * expected, got) > allowed * max(1.0, abs(factor)):
        return ""
    times, words = (factor, "large") if abs(factor) > 1 else (1 / factor, "small")
    return f"Every entry is {times:.6g} times too {words}."


def _accuracy(expected: np.ndarray, got: np.ndarray, allowed: float) -> str:
    """Say whether the numbers are right, but for fewer digits than the dtype has."""
    single = np.finfo(np.float32).eps * np.max(np.abs(expected), initial=0)
    if expected.dtype != np.float64 or not 0 < allowed < single:
        return ""  # not to be seen where float32 is what was asked for
    lost = np.finfo(np.float32).eps / np.finfo(np.float64).eps
    if largest_difference(expected, got) <= lost * allowed:
        return (
            "It has the accuracy of float32 only: somewhere it rounds to that dtype, or cuts off "
            "what is very small."
        )
    return ""
