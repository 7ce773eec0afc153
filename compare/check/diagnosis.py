"""Which mistake does it look like? The one that, put into our own code, gives the same numbers.

The mistakes of `compare.check.mistakes` come first, then the catalogue's bugs, then what can be
seen in a tensor alone: a transposition, a sign, a factor. A mistake is named only if its results
are the stranger's to within rounding, in every case that is asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from compare.check.drawing import Case
from compare.check.mistakes import MISTAKES
from compare.check.of_package import OfPackage
from compare.check.stages import (
    AFTER_ANOTHER,
    HANDED_IN,
    SECOND,
    Answer,
    Functions,
    Malformed,
    Results,
    Stage,
    StageResult,
    run_quietly,
)
from compare.check.stranger.client import Trouble
from compare.check.trying import cases_of, compared
from compare.check.verdict import Comparison
from compare.parity import absolute_difference, allowances, largest_difference, unmoved

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

CASES_TO_AGREE = 9


def likely_mistake(result: StageResult, functions: Functions, seed: int) -> str:
    """Return in words what gives the stranger's wrong numbers; empty if nothing does.

    Parameters
    ----------
    result : StageResult
        What is wrong.
    functions : Functions
        The stranger's, to be asked once more.
    seed : int
    """
    if result.wrong is None or result.case is None:
        return ""
    said = by_its_name(result.comparisons)
    if said or _is_right_alone(result, functions, seed):
        return said or "It depends on earlier calls: something is kept from one call to the next."
    observed = _observed(result, functions, seed)
    found = in_the_tensor(
        result.wrong.expected, result.wrong.got, float(np.max(result.wrong.allowed))
    )
    for only in ("", result.wrong.tensor):  # all tensors; if nothing fits, the wrong one alone
        for words, equations in candidates(result.stage, deep=not result.wrong.problem):
            if all(_same(result.stage, *seen, equations, only) for seen in observed):
                return words
        if found:
            break
    return found


def _observed(
    result: StageResult, functions: Functions, seed: int
) -> list[tuple[Case, Answer, Results]]:
    """Return the case that is wrong, and others, with what the stranger makes of them."""
    observed: list[tuple[Case, Answer, Results]] = []
    for case, answer in cases_of(result.stage, seed):
        assert result.case is not None
        if case is result.case:
            observed.insert(0, (case, answer, {c.tensor: c.got for c in result.comparisons}))
        elif len(observed) < CASES_TO_AGREE and case.dtype == result.case.dtype:
            try:
                got = run_quietly(result.stage, functions, case.inputs)
            except (Trouble, Malformed):
                continue
            observed.append((case, answer, got))
    return observed


def by_its_name(comparisons: tuple[Comparison, ...]) -> str:
    """Say what it means that something has changed which must not; empty if nothing has."""
    wrong = next((c for c in comparisons if not c.ok), None)
    if wrong is None:
        return ""
    name, comma, rest = wrong.tensor.partition(",")
    if comma + rest == HANDED_IN:
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


def candidates(stage: Stage, *, deep: bool = True) -> Iterator[tuple[str, Any]]:
    """Yield words and the six functions of each mistake that can be in a stage.

    The catalogue's bugs, which give right shapes, come last and only if `deep`: loading them
    takes a second or two.
    """
    cell = stage.equations.cell
    for mistake in MISTAKES:
        if stage.kind in mistake.stages and cell in mistake.cells:
            yield _sentence(mistake.words), mistake.equations(cell)
    if deep:
        yield from _of_catalogue(stage.kind, cell)


def _sentence(words: str) -> str:
    begins_with_a_name = "_" in words.split()[0]
    return (words if begins_with_a_name else words[0].upper() + words[1:]) + "."


@lru_cache
def _of_catalogue(kind: str, cell: str) -> tuple[tuple[str, Any], ...]:
    from compare.check import BUGS  # they bring PyTorch, which is not needed until here

    files = FILES_OF_STAGES.get(kind, FILES_OF_THE_LAYER[cell] + FILES_OF_ALL_LAYERS)
    return tuple(
        (bug.story, OfPackage(_copy_with(bug), cell))
        for bug in BUGS
        if bug.package == "scratch_rnn" and all(file in files for file in bug.files)
    )


@lru_cache
def _copy_with(bug: Any) -> Any:
    return bug.load()


def _same(stage: Stage, case: Case, right: Answer, got: Results, equations: Any, only: str) -> bool:
    """Whether a mistake gives these numbers, to within its own rounding and that of the answer."""
    ours = stage.functions(equations)

    def run(move: Any) -> Results:
        return stage.run(ours, copy.deepcopy(case.inputs), move)

    try:
        with np.errstate(all="ignore"):
            mistaken = run(unmoved)
            names = [name for name in mistaken if not only or name == only]
            if any(not _near(mistaken[n], got.get(n), _coarse(mistaken[n])) for n in names):
                return False
            allowed = allowances(run, wobbles=6)[1]
            for name in names:
                if allowed[name].shape == right.allowed[name].shape:
                    allowed[name] = allowed[name] + right.allowed[name]
            return all(_near(mistaken[n], got[n], allowed[n]) for n in names)
    except Exception:  # a bug that refuses the case
        return False


def _coarse(array: np.ndarray) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return 1e-3 * float(finite.max()) if finite.size else 0.0


def _near(mistaken: np.ndarray, got: np.ndarray | None, allowed: np.ndarray | float) -> bool:
    if got is None or got.shape != mistaken.shape:
        return False
    if not np.array_equal(np.isnan(mistaken), np.isnan(got)):
        return False
    apart = absolute_difference(mistaken, got)
    return bool(np.all(np.isnan(mistaken) | (apart <= np.nan_to_num(allowed))))


def in_the_tensor(expected: np.ndarray, got: np.ndarray, allowed: float) -> str:
    """Say how a tensor alone differs, where that is simple; empty where it isn't."""
    coarse = got.dtype.kind == "f" and got.dtype.itemsize < expected.dtype.itemsize

    def same(array: np.ndarray) -> bool:
        return got.shape == array.shape and largest_difference(array, got) <= allowed

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
    if expected.dtype != np.float64 or allowed == 0:
        return ""
    lost = np.finfo(np.float32).eps / np.finfo(np.float64).eps
    if largest_difference(expected, got) <= lost * allowed:
        return "It has the accuracy of float32 only: somewhere it rounds to that dtype."
    return ""
