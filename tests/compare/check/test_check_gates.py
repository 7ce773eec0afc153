"""``rnn-parity check`` on the functions of a GRU and of an LSTM: right ones and wrong ones."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compare.check import CheckConfig
from compare.check.command import examine_functions, try_stages, write_template
from compare.check.functions.exercises import STAGES
from compare.check.functions.stages import StageResult
from compare.check.functions.trying import ours
from compare.check.worker.client import Source, Submission
from compare.terminal import Terminal
from scratch_rnn.plain import elman, gru, lstm
from tests.annotations import unchecked
from tests.counts import number, only_in_deep

GATED = ("gru", "lstm")
STUDENTS = tomllib.loads(
    (Path(__file__).parent / "students" / "gates.toml").read_text(encoding="utf-8")
)


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():  # a check of annotations costs many times what it checks
        yield


def page(cell: str) -> str:
    """Return the cell's page as it stands, with the loss and the clipping of page one."""
    own = {"gru": gru, "lstm": lstm}[cell]
    text = Path(elman.__file__).read_text(encoding="utf-8")
    parts = [Path(own.__file__).read_text(encoding="utf-8")]
    for name in ("one_hot", "cross_entropy", "clip_grad_norm"):
        found = re.search(rf"^def {name}\(.*?(?=^def )", text, re.MULTILINE | re.DOTALL)
        assert found
        parts.append(found[0])
    return "\n\n".join(parts)


def changed(cell: str, *changes: tuple[str, str]) -> str:
    text = page(cell)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def tried(folder: Path, cell: str, text: str, seed: int = 0) -> dict[str, StageResult]:
    """Try a file in this process."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    source = Source(file=str(file), in_process=True)
    config = CheckConfig(target=str(file), seed=seed)
    results = try_stages(lambda: Submission(source, ours), STAGES[cell], config)
    return {result.stage.name: result for result in results}


@pytest.mark.parametrize("cell", GATED)
def test_the_functions_of_the_page_are_right(cell: str, tmp_path: Path) -> None:
    if cell != "lstm":
        only_in_deep()
    for seed in range(number(1, 20)):
        results = tried(tmp_path, cell, page(cell), seed)
        assert {r.verdict for r in results.values()} == {"right"}
    assert len(results) == 6


@pytest.mark.parametrize("cell", GATED)
def test_the_cell_is_found_out_and_the_untouched_template_scores_nothing(
    cell: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    write_template(file, cell)
    source = Source(file=str(file), in_process=True)
    config = CheckConfig(target=str(file))
    report = examine_functions(config, lambda: Submission(source, ours), Terminal(quiet=True))
    assert (report.cell, report.score) == (cell, 0.0)
    names = [f"{cell}_{kind}" for kind in ("step", "forward", "step_backward", "backward")]
    names += ["cross_entropy", "clip_grad_norm"]
    assert [r.stage.name for r in report.stages] == names
    assert {r.verdict for r in report.stages} == {"missing"}


@pytest.mark.parametrize("cell", GATED)
def test_right_in_other_words_is_right(cell: str, tmp_path: Path) -> None:
    variants = [(v["old"], v["new"]) for v in STUDENTS["variant"] if v["cell"] == cell]
    for changes in (*([v] for v in variants), variants):
        for seed in range(number(1, 10)):
            results = tried(tmp_path, cell, changed(cell, *changes), seed)
            wrong = [(name, r.wrong) for name, r in results.items() if r.verdict != "right"]
            assert not wrong, changes


@pytest.mark.parametrize(
    "wrong", STUDENTS["mistake"][:: number(4, 1)], ids=lambda w: f"{w['cell']} {w['likely']}"
)
def test_a_mistake_is_told_at_its_own_stage_and_named(wrong: Any, tmp_path: Path) -> None:
    cell, name = wrong["cell"], f"{wrong['cell']}_{wrong['stage']}"
    results = tried(tmp_path, cell, changed(cell, (wrong["old"], wrong["new"])))
    assert [n for n, r in results.items() if r.verdict != "right"] == [name]
    assert results[name].verdict == "wrong"
    assert re.search(wrong["likely"], results[name].likely, re.IGNORECASE), results[name].likely


def test_gates_that_are_no_tuple_are_told(tmp_path: Path) -> None:
    results = tried(tmp_path, "gru", changed("gru", ("z * h, (r, z, n, q)", "z * h, (r, z, n)")))
    step = results["gru_step"]
    assert (step.verdict, step.expected, step.got) == (
        "wrong",
        "gates (r, z, n, q)",
        "a list or tuple of 3",
    )
