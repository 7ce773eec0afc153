"""Non-finite numbers, full disks, vanished directories: the last checkpoint can be resumed."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import compare.runs.commands
import scratch_rnn
from compare.cli import main, parse
from compare.runs.checkpoint import load
from compare.runs.reading import read_metrics
from compare.runs.record import Record
from compare.terminal.output import Terminal
from tests.compare.runs.failing import Crash, Disk, Failing, put_in
from tests.compare.runs.runs import (
    VARIANTS,
    arguments,
    contents,
    how_to_go_on,
    newest,
    only,
    signalled,
    untouched,
)
from tests.counts import Count, number

Refused = Callable[..., str]

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


WILD = "--nonlinearity relu --lr 1e9 --max-norm inf --state carried --checkpoint-seconds 0"


@pytest.mark.parametrize("variant", ["train --model scratch", "train --model concise", "run"])
def test_the_first_tensor_that_is_not_finite_is_named(
    variant: str, fox: Path, tmp_path: Path, refused: Refused
) -> None:
    side = "concise" if "concise" in variant else "scratch"
    line = refused(arguments(f"{variant} {WILD}", fox, tmp_path / "a"), 1, prints=True)
    directory = only(tmp_path / "a")
    done = [update["update"] for update in read_metrics(directory)]
    assert done == list(range(1, len(done) + 1))
    assert line == (
        f"training stopped at update {len(done) + 1} (epoch 1): "
        f"{side} has non-finite numbers, first in its hidden states; "
        "likely because of --lr 1e+09, --max-norm inf, --nonlinearity relu; "
        f"{directory} keeps the training after update {len(done)}"
    )
    assert load(newest(directory, side)).position.update == len(done)
    assert not (directory / "result.json").exists()
    assert refused(f"{variant.split()[0]} --resume {directory}", 1, prints=True) == line


@pytest.mark.parametrize("variant", ["train --model scratch", "train --model concise", "run"])
def test_a_perplexity_that_overflows_is_named(
    variant: str, fox: Path, tmp_path: Path, refused: Refused
) -> None:
    """The losses are about 1e30: finite, but not their exponentials."""
    line = refused(arguments(f"{variant} --lr 1e30", fox, tmp_path / "a"), 1, prints=True)
    side = "concise" if "concise" in variant else "scratch"
    assert f"{side} has non-finite numbers, first in its perplexity; likely because of" in line


def test_a_gradient_norm_that_overflows_is_named(
    fox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    def overflowing(gradients: Any, max_norm: float) -> float:
        return float("inf")

    monkeypatch.setattr(sys.modules["scratch_rnn.train"], "clip_grad_norm", overflowing)
    monkeypatch.setattr(scratch_rnn, "clip_grad_norm", overflowing)
    line = refused(arguments("train --model scratch", fox, tmp_path / "a"), 1, prints=True)
    assert "scratch has non-finite numbers, first in its gradient norm; " in line


def test_parameters_that_are_not_finite_are_not_saved(
    fox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    right = scratch_rnn.train_step

    def spoil(model: Any, *arguments: Any, **options: Any) -> Any:
        step = right(model, *arguments, **options)
        model.parameters["linear.bias"][1] = np.inf
        return step

    monkeypatch.setattr(scratch_rnn, "train_step", spoil)
    flags = arguments("train --model scratch --checkpoint-seconds 0", fox, tmp_path / "a")
    assert refused(flags, 1, prints=True) == (
        "training stopped after update 1: linear.bias of scratch has non-finite numbers"
    )
    assert newest(only(tmp_path / "a")).name == "0000000-scratch.safetensors"


# ---------------------------------------------------------------- disks and directories


def test_a_training_that_fails_at_any_system_call_can_be_resumed(
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: Count,
) -> None:
    """The disk is full from some call on; then it has space again."""
    variant = "run --state carried --checkpoint-seconds 0 --epochs 1"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    whole = uninterrupted(variant)
    counting = Failing(0, Crash())
    with monkeypatch.context() as patch:
        put_in(patch, counting)
        assert main(arguments(variant, fox, tmp_path / "counted")) == 0
    renamed = [at for at, name in enumerate(counting.calls, 1) if name == "replace"]
    begun = renamed[6]  # four files of JSON, weights, and a checkpoint of either side
    for at in range(1, len(counting.calls) + 1, number(19, 1)):
        runs = tmp_path / f"full-{at}"
        with monkeypatch.context() as patch:
            put_in(patch, Failing(at, full, lasting=True))
            assert main(arguments(variant, fox, runs)) == 3
        shown = capsys.readouterr()
        assert shown.err.startswith("rnn-parity: expected ")
        assert "No space left on device" in shown.err
        assert shown.err.count("\n") == 1
        count("crash points tried")
        if not any(runs.iterdir()):
            continue  # not even a directory
        metrics = only(runs) / "metrics.jsonl"
        if metrics.exists() and metrics.read_text():  # something was trained
            assert "To resume:  rnn-parity run --resume " in shown.out
        ended = (only(runs) / "result.json").exists()
        with monkeypatch.context() as patch:
            put_in(patch, Failing(0, Crash()))
            again = main(["run", "--resume", str(only(runs))])
        capsys.readouterr()
        if at <= begun:
            assert again == 3  # nothing was trained yet
        else:
            assert again == (2 if ended else 0)  # 2: nothing is left to do
            assert contents(only(runs)) == contents(whole)
            count("resumes compared bit for bit")


@pytest.mark.parametrize("names_too", [False, True])
def test_a_training_during_which_the_power_fails_can_be_resumed(
    names_too: bool,
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    count: Count,
) -> None:
    """The disk has what was forced onto it, and of the rest a part."""
    variant = "train --model scratch --checkpoint-seconds 0 --epochs 1"
    whole = uninterrupted(variant)
    counting = Failing(0, Crash())
    with monkeypatch.context() as patch:
        put_in(patch, counting)
        assert main(arguments(variant, fox, tmp_path / "counted")) == 0
    begun = next(at for at, name in enumerate(counting.calls, 1) if name == "unlink")
    for at in range(begun, len(counting.calls) + 1, number(19, 1)):
        runs = tmp_path / f"lost-{at}"
        disk = Disk(at)
        with monkeypatch.context() as patch:
            put_in(patch, disk)
            with pytest.raises(Crash):
                main(arguments(variant, fox, runs))
        disk.lose_power(runs, names_too=names_too)
        count("crash points tried")
        if (only(runs) / "result.json").exists():
            assert contents(only(runs)) == contents(whole)
            continue
        with monkeypatch.context() as patch:
            put_in(patch, Failing(0, Crash()))
            assert main(["train", "--resume", str(only(runs))]) == 0
        assert contents(only(runs)) == contents(whole)
        count("resumes compared bit for bit")


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS])
def test_a_run_that_is_not_writable(
    error: int, stopped: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    before = untouched(stopped)
    put_in(monkeypatch, Failing(1, OSError(error, os.strerror(error))))
    assert refused(f"run --resume {stopped}", 3) == (
        f"expected a run's directory to write in, got {stopped}: {os.strerror(error)}"
    )
    assert untouched(stopped) == before


def test_a_directory_that_vanishes(
    fox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    right = Record.add_metrics

    def add_metrics(self: Record, metrics: Any) -> None:
        right(self, metrics)
        if metrics["update"] == 5:
            shutil.rmtree(self.directory)

    monkeypatch.setattr(Record, "add_metrics", add_metrics)
    line = refused(arguments(VARIANTS["both"], fox, tmp_path / "a"), 3, prints=True)
    assert line.startswith(f"expected to read or write {tmp_path / 'a'}")
    assert line.endswith(", got: No such file or directory")
    assert list((tmp_path / "a").iterdir()) == []


# ---------------------------------------------------------------- terminals


@pytest.mark.parametrize("width", [20, 40, 120])
def test_the_command_that_resumes_is_one_line(
    width: int, fox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "a  b 'c'"
    config = parse(arguments(VARIANTS["both"], fox, runs))
    console = Console(width=width, force_terminal=True, color_system="truecolor")
    with signalled(5, signal.SIGINT), pytest.raises(KeyboardInterrupt):
        compare.runs.commands.run(config, Terminal(console))
    again = how_to_go_on(capsys.readouterr().out.replace("\x1b[0m", ""))
    assert again == ["run", "--resume", str(only(runs))]
    assert main(again) == 0
