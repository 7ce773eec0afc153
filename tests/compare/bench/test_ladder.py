"""Every rung of the ladder takes the same training step."""

import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare.bench import ladder
from compare.bench.ladder import RungRow, the_rungs
from compare.bench.ladder_picture import BEGIN, END, draw_ladder, table, write_table
from compare.bench.ladder_result import Ladder
from compare.bench.measure import timing as timing_of_jobs
from compare.bench.measure.check_rows import judge
from compare.bench.measure.gate import Gate
from compare.bench.results.result import (
    TIMED,
)
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import ModelCase, make_case
from compare.bench.workload.work import STEP
from scratch_rnn import Batch
from tests.compare.bench.bench_help import MODEL


def test_every_rung_is_right() -> None:
    case = make_case(MODEL)
    rungs = [RungRow(label, how) for label, _, how in the_rungs()]
    rows = {row: row.prepare(case) for row in (Scratch(), TorchRow(), *rungs)}
    judged = judge(STEP, rows, Gate(case), 1)
    assert len(judged) == 2 + len(rungs) >= 11
    assert {row.name: verdict.reason for row, verdict in judged.items() if verdict.reason} == {}
    assert {verdict.outcome for verdict in judged.values()} == {TIMED}


def test_parts_of_a_batch_are_timed_alone_and_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, list[int]]] = []  # which thread took which sequences' first tokens
    here, meeting = threading.get_ident(), threading.Barrier(2, timeout=800)

    def record(model: object, batch: Batch, h_0: np.ndarray) -> None:
        assert h_0.shape[1] == len(batch.inputs) == len(batch.targets)
        seen.append((threading.get_ident(), batch.inputs[:, 0].tolist()))
        if threading.get_ident() != here:
            meeting.wait()  # so that neither thread does the other one's work

    monkeypatch.setattr(ladder, "loss_and_gradients", record)
    monkeypatch.setattr(timing_of_jobs, "calls_of_a_warm_up", lambda seconds, threads: 0)
    monkeypatch.setattr(timing_of_jobs, "calls_of_a_block", lambda seconds: 1)
    case = make_case(replace(MODEL, B=4))
    assert isinstance(case, ModelCase)
    alone, beside = ladder.measure_parts(case, 2)
    assert (len(alone.seconds), len(beside.seconds)) == (15, 2 * 15)

    halves = [case.batch.inputs[k::2, 0].tolist() for k in (0, 1)]
    assert all(tokens == halves[0] for thread, tokens in seen if thread == here)
    elsewhere = [(thread, tokens) for thread, tokens in seen if thread != here]
    assert sorted(tokens for _, tokens in elsewhere) == sorted(15 * halves)
    assert len({thread for thread, _ in elsewhere}) == 2


def test_a_part_beside_others_is_warmed_up_as_on_several_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads_told: list[int] = []

    def record(run: object, seconds: float, threads: int) -> float:
        threads_told.append(threads)
        return seconds

    monkeypatch.setattr(ladder, "time_a_block", record)
    case = make_case(MODEL)
    assert isinstance(case, ModelCase)
    ladder.measure_parts(case, 2)
    assert threads_told == 15 * [1, 2, 2]


def test_more_threads_than_sequences_leave_no_part_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_of_jobs, "calls_of_a_block", lambda seconds: 1)
    monkeypatch.setattr(timing_of_jobs, "calls_of_a_warm_up", lambda seconds, threads: 0)
    monkeypatch.setattr("compare.bench.measure.roofline.SIZE", 64)
    monkeypatch.setattr("compare.bench.measure.roofline.COPIED_BYTES", 2**16)
    found = ladder.climb(ladder.LadderConfig(rounds=1, threads=3), replace(MODEL, B=2))
    assert (
        found.asides[-1].name == "one of 2 parts of the batch, forward and back, beside the others"
    )


def test_every_rung_of_the_ladder_is_right_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing_of_jobs, "calls_of_a_block", lambda seconds: 1)
    monkeypatch.setattr("compare.bench.measure.roofline.SIZE", 64)
    monkeypatch.setattr("compare.bench.measure.roofline.COPIED_BYTES", 2**16)
    found = ladder.climb(ladder.LadderConfig(rounds=1), replace(MODEL, H=32))
    assert len(found.rungs) == len(ladder.the_rungs()) + 2
    assert [rung.threads for rung in found.rungs[-2:]] == [1, 2]
    path = tmp_path / "ladder.json"
    found.write(path)
    assert Ladder.read(path) == found
    page = tmp_path / "speed.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_table(found, page)
    text = page.read_text()
    assert text == f"before\n{BEGIN}\n\n{table(found)}\n\n{END}\nafter\n"
    rows = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) == len(found.rungs)
    second = found.rungs[1]
    gave = f"{1 - second.median / found.rungs[0].median:.0%}"
    gave = "0%" if gave == "-0%" else gave
    assert f"| {1e3 * second.median:.2f} ms | {gave} |" in rows[1]
    assert draw_ladder(found, path) == tmp_path / "ladder.png"
    assert (tmp_path / "ladder.png").stat().st_size > 10_000
    page.write_text("no marks")
    with pytest.raises(ValueError, match="got a page without them"):
        write_table(found, page)


def test_a_rung_that_is_wrong_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ladder.steps.add_at_gradient

    def wrong(*arguments: object) -> object:
        return 2 * right(*arguments)  # type: ignore[arg-type]

    bad = replace(ladder.steps.OCCURRING, input_gradient=wrong)  # type: ignore[arg-type]
    monkeypatch.setattr(ladder, "the_rungs", lambda: [("bad", "", bad)])
    with pytest.raises(RuntimeError, match="bad: refused: "):
        ladder.climb(ladder.LadderConfig(rounds=1), MODEL)
