"""Try a submission's functions on the cases of each stage, and on others (`--deep`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison, Results, compared_soon, widened
from compare.check.cases.parts import Case
from compare.check.cases.searching import EXAMPLES, search
from compare.check.subjects.drawing import DTYPES, Kind
from compare.check.subjects.plain import PlainFunctions
from compare.check.subjects.stages import Expected, Stage, StageResult, run_quietly
from compare.implementations import (
    CELLS,
    Malformed,
    Order,
    Submission,
    SubmissionFunctions,
    Trouble,
    parse_order,
    read_signatures,
    translate_call,
)


def reference(name: str, args: Any, order: str | None = None) -> Any:
    """Call the plain version's function of this name, with the gates in the order of --gates."""
    cell = name.partition("_")[0]
    call = partial(PlainFunctions(cell).call, name)
    return translate_call(call, name, cell, args, parse_order(order, cell), CELLS[cell].gates)


@lru_cache(maxsize=1024)
def cases_of(stage: Stage, seed: int) -> tuple[tuple[Case, Expected], ...]:
    """Return a stage's cases with the right results."""
    return tuple((case, stage.expected(case)) for case in stage.draw(seed))


def compared(right: Expected, got: Results) -> tuple[Comparison, ...]:
    """Compare results with the right ones, in the order in which they are computed."""
    wide = {name: widened(array, right.dtype) for name, array in got.items()}
    for name, expected in right.results.items():
        if expected.shape == () and wide[name].size == 1:
            wide[name] = wide[name].reshape(())
    return compared_soon(right.results, right.tolerance, wide)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to try a stage, perhaps at its own states, from h_0 times `begins_with`."""

    replaced: tuple[str, ...] = ()  # the submission's functions that the reference replaces
    begins_with: float | None = None
    order: Order = ()  # of the gates in the submission's weights

    def note(self, stage: Stage) -> list[str]:
        """Return what a report says if the stage is right in this way."""
        forward = f"{stage.cell}_forward"
        if self.begins_with is not None:
            return [f"as the gradient at the states that your {forward} returned"]
        if forward in self.replaced:
            tape = ", ".join(read_signatures(stage.cell).tape)
            return [f"with the tape ({tape}) of the reference's {forward}"]
        if self.replaced:
            return [f"with the reference's {' and '.join(self.replaced)} in the place of yours"]
        return []

    def run(self, stage: Stage, submission: Submission, seed: int) -> StageResult:
        """Try a stage case by case until one is not right."""
        replaced, is_at_states = self.replaced, self.begins_with is not None
        for done, (case, right) in enumerate(cases_of(stage, seed), start=1):
            functions = SubmissionFunctions(
                submission, stage.cell, self.order, replaced, runs_forward_once=is_at_states
            )
            try:
                got = run_quietly(stage, functions, case.inputs)
                expected: Expected | None = right
                if is_at_states:
                    expected = _at_own_states(stage, case, functions, self.begins_with or 0.0)
                comparisons = () if expected is None else compared(expected, got)
            except Trouble as error:
                return StageResult.without(stage, error, cases=done, case=case, replaced=replaced)
            wrong = next((c for c in comparisons if not c.ok), None)
            if wrong is not None:
                return StageResult(
                    stage, "wrong", done, case, comparisons, wrong, replaced=replaced
                )
        return StageResult(stage, "right", done, replaced=replaced, notes=self.note(stage))


def try_all(
    submission_of: Callable[[], Submission],
    stages: Sequence[Stage],
    seed: int,
    order: Order = (),
) -> list[StageResult]:
    """Try all stages, each on its own.

    If a stage is not right, it is tried again with the reference in the place of those functions
    that it may call and that are not right themselves. So a mistake is reported once, where it is.
    `submission_of` loads the submission anew.
    """
    found: list[StageResult] = []
    for stage in stages:
        helpers = [result for result in found if result.stage.name in stage.helped_by]
        broken = {r.stage.name: r.verdict for r in helpers if r.verdict != "right"}
        results: list[StageResult] = []
        for attempt in _attempts(stage, broken):
            attempt = replace(attempt, order=order)
            try:
                with submission_of() as submission:
                    result = attempt.run(stage, submission, seed)
            except Trouble as trouble:  # it cannot be loaded, or not again
                result = StageResult.without(stage, trouble)
            if attempt.begins_with is None or result.verdict == "right":
                results.append(result)
            if result.verdict in ("right", "timeout"):  # another attempt would take as long
                break
        if result.verdict != "right":
            result = _most_telling(results, broken.get(f"{stage.cell}_forward", ""), stage)
        found.append(result)
    return found


def _attempts(stage: Stage, broken: dict[str, str]) -> Iterator[Attempt]:
    """Yield the ways to try a stage; a helper that timed out is replaced at once."""
    forward = f"{stage.cell}_forward"
    steps = tuple(name for name in broken if name != forward)
    if broken.get(forward) == "timeout":
        yield Attempt((*steps, forward))
        return
    attempts = [Attempt(tuple(name for name in steps if broken[name] == "timeout")), Attempt(steps)]
    if forward in broken:
        attempts.append(Attempt((*steps, forward)))
        if len(read_signatures(stage.cell).states) == 1:
            attempts += [Attempt(steps, begins_with) for begins_with in (1.0, 0.0)]
    yield from dict.fromkeys(attempts)


def _most_telling(results: Sequence[StageResult], forward: str, stage: Stage) -> StageResult:
    """Return the result to report if no attempt is right; `forward` is that of a broken forward."""
    first = results[0]
    if forward == "timeout" and first.wrong is None:  # its tape is another one
        no_tape = Trouble("timeout", f"no tape, as {stage.cell}_forward gives no result in time")
        return StageResult.without(stage, no_tape, cases=first.cases, case=first.case)
    if first.verdict in ("missing", "timeout"):
        return first
    wrong = [r for r in results if r.verdict == "wrong" and r.wrong is not None]
    return wrong[0 if forward else -1] if wrong else first


def search_stage(
    result: StageResult,
    submission: Submission,
    seed: int,
    examples: int = EXAMPLES,
    order: Order = (),
) -> StageResult:
    """Return the result of a right stage after a search: a case that is wrong comes first."""
    attempt, stage = Attempt(result.replaced, order=order), result.stage

    def is_wrong(drawn: dict[str, Any]) -> bool:
        submission.revive()
        return attempt.run(_with(stage, drawn, alone=True), submission, seed).verdict != "right"

    fields = {"dtype": DTYPES, "order": ("C", "F")}
    found, tried = search(fields, is_wrong, seed, examples)
    cases_of.cache_clear()  # many of them are large
    if found is not None:
        submission.revive()
        again = attempt.run(_with(stage, found), submission, seed)
        if again.verdict != "right":
            result = again
    result.cases += len(tried)
    result.tried += tried
    return result


def _with(stage: Stage, drawn: dict[str, Any], *, alone: bool = False) -> Stage:
    """Return the stage with a case more, before its own."""
    kind = Kind(**{name: value for name, value in drawn.items() if name != "seed"})

    def draw(seed: int) -> Iterator[Case]:
        yield from stage.draw(drawn["seed"], [kind])
        yield from () if alone else stage.draw(seed)

    return replace(stage, draw=draw)


def _at_own_states(
    stage: Stage, case: Case, functions: SubmissionFunctions, begins_with: float
) -> Expected | None:
    """Return the right results at the states of the submission; None if they are not finite."""
    (_, h_0, *_), (output, *_) = functions.forward_pass
    shape = case.inputs["d_output"].shape
    if np.shape(output) != shape:
        raise Malformed(f"output of shape {shape}", f"{np.shape(output)}")
    states = np.concatenate([begins_with * h_0[None], output])
    if not np.isfinite(states).all():
        return None
    at_states = partial(PlainFunctions, states=states)
    right = stage.expected(case, at_states)
    if np.asarray(output).dtype.itemsize < states.dtype.itemsize:  # states in float32
        inputs = {name: np.asarray(value, np.float32) for name, value in case.inputs.items()}
        coarse = stage.expected(Case(case.words, inputs, "float32"), at_states)
        return replace(coarse, results=right.results)
    return right
