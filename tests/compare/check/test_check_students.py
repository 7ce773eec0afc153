"""``rnn-parity check`` on what students hand in: 134 wrong solutions, and 200 right ones.

Each wrong one is told at its own stage and nowhere else, and its likely mistake is named; no right
one is ever called wrong.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compare.check import CheckConfig
from compare.check.command import try_stages
from compare.check.functions.exercises import STAGES as ALL_STAGES
from compare.check.functions.stages import StageResult
from compare.check.functions.trying import ours, try_all
from compare.check.worker.client import Source, Submission
from tests.annotations import unchecked
from tests.compare.check.corpus import Mistake, Right, mistakes, right_variants, single_variants
from tests.counts import Count, number

STAGES = ALL_STAGES["rnn"]


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():  # a check of annotations costs many times what it checks
        yield


def source_of(folder: Path, text: str) -> Source:
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    return Source(file=str(file), in_process=True)


@pytest.mark.parametrize("mistake", mistakes()[:: number(10, 1)], ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_at_its_own_stage_and_named(
    mistake: Mistake, tmp_path: Path, count: Count
) -> None:
    source = source_of(tmp_path, mistake.source)
    config = CheckConfig(target=source.file)
    results = try_stages(lambda: Submission(source, ours), STAGES, config)
    verdicts = {result.stage.name: result.verdict for result in results}
    assert verdicts == {stage.name: "right" for stage in STAGES} | {mistake.stage: "wrong"}
    likely = next(r.likely for r in results if r.stage.name == mistake.stage)
    assert re.search(mistake.likely, likely, re.IGNORECASE), likely
    count("students' mistakes told where they are, and named")


def wrong_ones(source: Source, seed: int) -> list[StageResult]:
    results = try_all(lambda: Submission(source, ours), STAGES, seed)
    return [result for result in results if result.verdict != "right"]


@pytest.mark.parametrize("part", range(8))
def test_a_right_solution_is_never_called_wrong(part: int, tmp_path: Path, count: Count) -> None:
    solutions: list[Right] = [*right_variants(200), *single_variants()]
    for k, right in enumerate(solutions[part :: number(160, 8)]):
        for seed in range(k, k + number(1, 10)):
            alarms = wrong_ones(source_of(tmp_path, right.source), seed % 5)
            assert not alarms, (right.name, right.variants, alarms[0].stage.name, alarms[0].case)
            count("right solutions that were called right")
