"""Several processes train as one does, and what stops one of them stops all."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import distributed

from compare.cli import main
from compare.parity.build import build_models
from compare.parity.comparison import scratch_step
from compare.parity.rows import ParityReport, compare_results
from compare.parity.tolerance import Move, allowances
from compare.runs.reading import read_metrics, read_weights
from concise_rnn import data_parallel
from scratch_rnn.text import load_time_machine
from tests.compare.runs import two_processes
from tests.compare.runs.runs import EPOCHS, FLAGS, contents, only
from tests.compare.runs.two_processes import LR, MAX_NORM, STOPPED, WHOLE
from tests.properties import demand

ROOT = Path(__file__).parents[3]


def against_one(cell: str, batch_size: int, results: dict[str, Any]) -> ParityReport:
    """Compare the step of two processes with that of one, which has all rows."""
    scratch, _, batch, state = two_processes.step_of(cell, batch_size)
    expected, allowed = allowances(
        lambda move: scratch_step(scratch, batch, state, LR, MAX_NORM, move)
    )
    return compare_results(expected, results, allowed)


def trained_by_one(text: Path, move: Move) -> dict[str, np.ndarray]:
    """Return what the training of FLAGS with a carried state comes to: losses and weights."""
    batches, vocab = load_time_machine(4, 8, text=text)
    model, _ = build_models(len(vocab), 4)
    measured = []
    for epoch in range(EPOCHS):
        state = model.begin_state(4)
        for batch in batches.epoch(epoch):
            results = scratch_step(model, batch, state, 0.5, 1.0, move)
            state = results["final state"]
            measured.append([results["loss"], results["gradient norm"]])
            for name, parameter in model.parameters.items():
                parameter[...] = results[f"updated {name}"]
    return {"loss and gradient norm": np.array(measured), **model.parameters}


@pytest.mark.skipif(
    not (distributed.is_available() and distributed.is_gloo_available()),
    reason="needs a PyTorch with torch.distributed and gloo",
)
def test_two_processes_train_as_one_does(fox: Path, tmp_path: Path) -> None:
    flags = f"train --model concise {FLAGS} --state carried --checkpoint-seconds 1e5".split()
    command = [sys.executable, "-m", two_processes.__name__, str(tmp_path), *flags]
    processes = [
        subprocess.Popen(
            [*command, "--text", str(fox)],
            cwd=ROOT,
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    shown = [process.communicate(timeout=800)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(shown)
    assert shown[1] == ""  # process 0 says it all
    assert "Stopped and saved after update 5 of 12" in shown[0]
    assert "To go on:  torchrun --nproc-per-node 2 -m compare train --model concise" in shown[0]

    steps = pickle.loads((tmp_path / "steps").read_bytes())
    for cell in ("rnn", "gru", "lstm"):
        demand(against_one(cell, 6, steps[cell]), "two processes take the step of one", cell)

    def failures(way: str, batch_size: int) -> list[str]:
        return [row.name for row in against_one("rnn", batch_size, steps[way]).failures]

    dropped = failures("the last rows are dropped", 7)
    assert dropped[:4] == ["hidden states", "final state", "logits", "loss"]
    assert failures("the shards are unequal", 7)[0] == "loss"
    assert failures("clipped before the mean", 6)[0] == "gradient of rnn.weight_ih_l0"

    whole, stopped = only(tmp_path / WHOLE), only(tmp_path / STOPPED)
    assert contents(stopped) == contents(whole)
    expected, allowed = allowances(lambda move: trained_by_one(fox, move))
    measured = [(u["concise_loss"], u["concise_grad_norm"]) for u in read_metrics(whole)]
    results = {"loss and gradient norm": np.array(measured, np.float32)}
    results |= read_weights(whole, "concise").weights
    report = compare_results(expected, results, allowed)
    demand(report, "two processes learn what one does", FLAGS)


def test_every_row_is_read_by_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "get_world_size", lambda: 3)
    read: list[int] = []
    for rank in range(3):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        read += range(12)[data_parallel.rows_of_process(12)]
    assert read == list(range(12))
    with pytest.raises(ValueError, match="expected a number of rows divisible by 3, got 13"):
        data_parallel.rows_of_process(13)


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ("run", "expected train --model concise with 2 processes, got run"),
        ("bench", "expected train --model concise with 2 processes, got bench"),
        (
            "train --model scratch",
            "expected train --model concise with 2 processes, got train --model scratch",
        ),
        (
            "train --model concise --batch-size 33",
            "expected a --batch-size divisible by the 2 processes, got 33",
        ),
    ],
)
def test_what_several_processes_cannot_do_is_told_by_the_first(
    arguments: str,
    refusal: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, told in (("0", f"rnn-parity: {refusal}\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        assert main(arguments.split()) == 2
        assert capsys.readouterr() == ("", told)


def test_a_rank_that_no_process_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "x")
    monkeypatch.setenv("RANK", "0")
    assert main(["run"]) == 2
    assert capsys.readouterr().err == (
        "rnn-parity: expected a RANK from 0 below WORLD_SIZE, got '0' and 'x'\n"
    )
