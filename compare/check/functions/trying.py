"""Try a submission's functions on the cases of a stage, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison
from compare.check.functions.drawing import Case
from compare.check.functions.equations import Equations
from compare.check.functions.of_package import EQUATIONS
from compare.check.functions.stages import (
    Answer,
    Functions,
    Malformed,
    OurFunctions,
    Results,
    Stage,
    StageResult,
    forward,
    in_float64,
    run_quietly,
)
from compare.check.worker.client import Handle, Submission, Trouble
from compare.parity import Move, unmoved


class TheirFunctions:
    """The submission's functions."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one; Trouble if there is none of this name."""
        if name not in self.submission.names:
            raise Trouble("missing", f"no function {name}")
        return self.submission.call(name, *args, keep=keep)

    def kept(self) -> Any:
        """Return the handle of the last result."""
        return self.submission.last

    def look(self, kept: Any, k: int) -> Any:
        """Return an item of a result as it is now."""
        return self.submission.look(Handle(kept.number, (k,)))


class WithTape(TheirFunctions):
    """The submission's, but the tape is the one that the template suggests, from our forward pass."""

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one; for the forward pass, ours."""
        return ours(name, args) if name.endswith("_forward") else super().call(name, *args)


class AtOwnStates(TheirFunctions):
    """The submission's, to be judged at the states that its own forward pass gives."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(submission)
        self.result: Any = None  # what the forward pass has returned
        self.h_0 = np.empty(0)  # as the forward pass has left it

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one, the forward pass only once for each case."""
        if not name.endswith("_forward"):
            self.result = None if name == "next case" else self.result
            return None if name == "next case" else super().call(name, *args, keep=keep)
        if self.result is None:
            self.result = super().call(name, *args, keep=keep)
            self.h_0 = args[1].copy()
        return self.result


@lru_cache(maxsize=1024)
def cases_of(stage: Stage, seed: int) -> tuple[tuple[Case, Answer], ...]:
    """Return a stage's cases with the right results."""
    return tuple((case, stage.answer(case)) for case in stage.draw(seed))


def compared(answer: Answer, got: Results) -> tuple[Comparison, ...]:
    """Compare results with the right ones, in the order in which they are asked for."""
    return tuple(
        Comparison(name, expected, _of_kind(got[name], expected, answer), answer.allowed[name])
        for name, expected in answer.expected.items()
    )


def _of_kind(got: np.ndarray, expected: np.ndarray, answer: Answer) -> np.ndarray:
    """Return the numbers in float64, unless they should be and aren't, or are no numbers."""
    if expected.shape == () and got.size == 1:
        got = got.reshape(())
    coarse = got.dtype.kind == "f" and got.dtype.itemsize < np.dtype(answer.dtype).itemsize
    return got if coarse or got.dtype.kind not in "fiu" else got.astype(np.float64)


def try_stage(
    stage: Stage,
    functions: Functions,
    seed: int,
    answer_of: Callable[[Case], Answer | None] | None = None,
) -> StageResult:
    """Try a stage case by case until one is not right.

    Parameters
    ----------
    stage : Stage
    functions : Functions
    seed : int
    answer_of : function of a case, optional
        Gives, after it has been run, another right answer; None if there is none.
    """
    done = 0
    for case, right in cases_of(stage, seed):
        done += 1
        try:
            got = run_quietly(stage, functions, case.inputs)
            answer = right if answer_of is None else answer_of(case)
            comparisons = () if answer is None else compared(answer, got)
        except (Trouble, Malformed) as error:
            return StageResult(
                stage, error.verdict, done, case, expected=error.expected, got=error.got
            )
        wrong = next((c for c in comparisons if not c.ok), None)
        if wrong is not None:
            return StageResult(stage, "wrong", done, case, comparisons, wrong)
    return StageResult(stage, "right", done)


def try_all(
    submission_of: Callable[[], Submission], stages: Sequence[Stage], seed: int
) -> list[StageResult]:
    """Try all stages, each on its own.

    A stage that is not right gets a second chance: what it may call, and is not right itself, is
    replaced by ours. So a mistake is told once, where it is. What does not end is replaced at once.

    Parameters
    ----------
    submission_of : function
        Loads the submission anew.
    stages : sequence of Stage
    seed : int
    """
    found: list[StageResult] = []
    for stage in stages:
        helpers = [r for r in found if r.stage.name in stage.helped_by and not stage.wrap]
        broken = [r.stage.name for r in helpers if r.verdict != "right"]
        endless = [r.stage.name for r in helpers if r.verdict == "timeout"]
        endless = [name for name in endless if not name.endswith("_forward")]
        with submission_of() as submission:
            submission.replace(endless)
            result = try_stage(stage, TheirFunctions(submission), seed)
        if endless and result.verdict == "right":
            result.notes.append(_in_place(endless))
        if result.verdict != "right" and broken:
            result = _second_chance(submission_of, stage, seed, broken, result)
        found.append(result)
    return found


def _second_chance(
    submission_of: Callable[[], Submission],
    stage: Stage,
    seed: int,
    broken: list[str],
    first: StageResult,
) -> StageResult:
    """Try a stage with right inputs; return what it makes of them."""
    cell, names = stage.equations.cell, stage.equations.tape_names
    steps = [name for name in broken if not name.endswith("_forward")]
    is_forward_broken = len(steps) < len(broken)

    def theirs(submission: Submission) -> Functions:
        submission.replace(steps)
        return TheirFunctions(submission)

    def with_tape(submission: Submission) -> Functions:
        submission.replace(steps)
        return WithTape(submission)

    def at_own_states(submission: Submission) -> Functions:
        submission.replace(steps)
        return AtOwnStates(submission)

    attempts: list[tuple[str, Callable[[Submission], Functions], float | None]] = []
    if steps:
        attempts.append((_in_place(steps), theirs, None))
    if is_forward_broken:
        attempts.append(
            (f"with the tape ({', '.join(names)}) of our {cell}_forward", with_tape, None)
        )
    if is_forward_broken and len(stage.equations.states) == 1:
        words = f"as the gradient at the states that your {cell}_forward gave"
        attempts += [(words, at_own_states, 1.0), (words, at_own_states, 0.0)]
    results = [first]
    for words, functions_of, first_state in attempts:
        with submission_of() as submission:
            functions = functions_of(submission)
            answer_of = None
            if isinstance(functions, AtOwnStates):
                answer_of = _at_own_states(stage, functions, first_state or 0.0)
            result = try_stage(stage, functions, seed, answer_of)
        if result.verdict == "right":
            result.notes.append(words)
            return result
        if first_state is None:
            result.functions_of = functions_of
            results.append(result)
    if first.verdict in ("missing", "timeout"):
        return first
    wrong = [r for r in results if r.verdict == "wrong" and r.wrong is not None]
    return wrong[0 if is_forward_broken else -1] if wrong else first


def _in_place(names: Sequence[str]) -> str:
    return f"with our {' and '.join(names)} in the place of yours"


def _at_own_states(
    stage: Stage, functions: AtOwnStates, first: float
) -> Callable[[Case], Answer | None]:
    """Return the right answers at the states of the submission's own forward pass.

    With `first` zero it has begun at zero, whatever state it was handed.
    """
    kind = stage.equations

    def answer_of(case: Case) -> Answer | None:
        output, _, _ = forward(kind, functions, None, [None], [])
        functions.call("next case")
        shape = case.inputs["d_output"].shape
        if np.shape(output) != shape:
            raise Malformed(f"output of shape {shape}", f"{np.shape(output)}")
        states = np.concatenate([first * functions.h_0[None], output])
        if not np.isfinite(states).all():
            return None

        def at_these(move: Move) -> Equations:
            equations = kind(move)
            equations.forward = partial(_forward_at, equations, states)  # type: ignore[method-assign]
            return equations

        ours_there = OurFunctions(at_these(unmoved))
        expected = run_quietly(stage, ours_there, in_float64(case.inputs))
        if np.asarray(output).dtype.itemsize < states.dtype.itemsize:  # states in float32
            case = Case(case.words, _in_float32(case.inputs), "float32")
        return Answer(expected, stage.allowed(case, at_these), case.dtype)

    return answer_of


def _forward_at(equations: Equations, states: Any, x: Any, _: Any, *weights: Any) -> Any:
    """Return what a forward pass returns if these are its states."""
    states = states.astype(x.dtype)
    gates = [
        equations.parts_of(equations.step(x_t, h, *weights))[1]
        for x_t, h in zip(x, states, strict=False)
    ]
    return states[1:], states[-1], equations.tape(x, [states], gates, weights)


def _in_float32(given: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value, np.float32) for name, value in given.items()}


def ours(name: str, args: Any) -> Any:
    """Answer for a function of ours that stands in the place of a submission's."""
    return OurFunctions(EQUATIONS[name.partition("_")[0]]()).call(name, *args)
