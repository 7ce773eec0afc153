"""Search further for a case in which a stage is wrong (`--deep`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from compare.check.cases.parts import Case
from compare.check.cases.searching import EXAMPLES, search
from compare.check.functions.drawing import DTYPES, Kind
from compare.check.functions.stages import Stage, StageResult
from compare.check.functions.trying import Attempt, cases_of
from compare.check.worker.client import Submission

FIELDS = {"dtype": DTYPES, "order": ("C", "F")}


def search_stage(
    result: StageResult, submission: Submission, seed: int, examples: int = EXAMPLES
) -> StageResult:
    """Return the result of a right stage after a search.

    If a case is wrong, it is the first one of the result's stage.
    """
    attempt, stage = Attempt(result.replaced), result.stage

    def is_wrong(drawn: dict[str, Any]) -> bool:
        submission.revive()
        return attempt.run(_with(stage, drawn, alone=True), submission, seed).verdict != "right"

    found = search(FIELDS, is_wrong, seed, examples)
    cases_of.cache_clear()  # many of them are large
    if found.found is not None:
        submission.revive()
        again = attempt.run(_with(stage, found.found), submission, seed)
        if again.verdict != "right":
            result = again
    result.cases += len(found.tried)
    result.tried += found.tried
    return result


def _with(stage: Stage, drawn: dict[str, Any], *, alone: bool = False) -> Stage:
    """Return the stage with a case more, before its own."""
    kind = Kind(**{name: value for name, value in drawn.items() if name != "seed"})

    def draw(seed: int) -> Iterator[Case]:
        yield from stage.draw(drawn["seed"], [kind])
        yield from () if alone else stage.draw(seed)

    return replace(stage, draw=draw)
