"""Non-finite numbers, full disks, vanished directories: the last checkpoint can be resumed."""

import errno
import math
import signal

import numpy as np
import pytest
from rich.console import Console

import compare.runs.commands
import scratch_rnn
from compare.cli import main, parse
from compare.runs.checkpoint import load
from compare.runs.record.reading import read_metrics
from compare.terminal import Terminal
from tests.compare.runs.failing import Failing, calls_of, error, put_in
from tests.compare.runs.runs import (
    VARIANTS,
    contents,
    newest,
    resume_command,
    signalled,
)

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


WILD = "--nonlinearity relu --lr 1e9 --max-norm inf --state carried --checkpoint-seconds 0"


@pytest.mark.parametrize("variant", ["train --model concise", "run"])
def test_a_training_stops_at_a_number_that_is_not_finite(variant, trainings, refused):
    side = "concise" if "concise" in variant else "scratch"
    line = refused(trainings.flags(f"{variant} {WILD}"), 1, prints=True)
    directory = trainings.directory()
    done = [update.update for update in read_metrics(directory)]
    assert done == list(range(1, len(done) + 1))
    assert line == (
        f"training stopped at update {len(done) + 1} (epoch 1): "
        f"the loss of {side} is not finite; "
        "likely because of --lr 1e+09, --max-norm inf, --nonlinearity relu; "
        f"the last good checkpoint in {directory} is from update {len(done)}"
    )
    assert load(newest(directory, side)).position.update == len(done)
    assert not (directory / "result.json").exists()
    assert refused(f"{variant.split()[0]} --resume {directory}", 1, prints=True) == line


@pytest.mark.parametrize(
    ("variant", "norm", "named"),
    [  # losses of about 1e30 are finite, but not their exponentials
        ("train --model concise --lr 1e30", None, "perplexity of concise"),
        ("run --lr 1e30", None, "perplexity of scratch"),
        ("train --model scratch", math.inf, "gradient norm of scratch"),
    ],
)
def test_a_number_that_is_not_finite_is_named(
    variant, norm, named, trainings, monkeypatch, refused
):
    if norm is not None:
        monkeypatch.setattr(scratch_rnn, "clip_grad_norm", lambda *arguments: norm)
    line = refused(trainings.flags(variant), 1, prints=True)
    assert f"the {named} is not finite; likely because of" in line


def test_parameters_that_are_not_finite_are_not_saved(trainings, monkeypatch, refused):
    right = scratch_rnn.train_step

    def spoil(model, *arguments, **options):
        step = right(model, *arguments, **options)
        model.parameters["linear.bias"][1] = np.inf
        return step

    monkeypatch.setattr(scratch_rnn, "train_step", spoil)
    flags = trainings.flags("train --model scratch --checkpoint-seconds 0")
    assert refused(flags, 1, prints=True) == (
        "training stopped after update 1: linear.bias of scratch has non-finite numbers"
    )
    assert newest(trainings.directory()).name == "0000000-scratch.safetensors"


def test_a_full_disk_gets_one_line_and_the_run_can_be_resumed(trainings, capsys):
    """From the middle of a training on all calls fail; then the disk has space again."""
    variant = f"{VARIANTS['both']} --checkpoint-seconds 0"
    calls = calls_of(lambda: trainings.whole(variant))
    capsys.readouterr()
    with put_in(Failing(len(calls) // 2, error(errno.ENOSPC), lasting=True)):
        assert main(trainings.flags(variant)) == 3
    shown, directory = capsys.readouterr(), trainings.directory()
    assert shown.err.startswith(f"rnn-parity: expected to read or write {directory}")
    assert shown.err.endswith(", got: No space left on device\n")
    assert shown.err.count("\n") == 1
    assert main(resume_command(shown.out)) == 0
    assert contents(directory) == contents(trainings.directory("whole"))


def test_the_command_that_resumes_is_one_line(trainings, capsys):
    """It is not wrapped, however narrow the terminal is."""
    config = parse(trainings.flags(VARIANTS["both"], to="a  b 'c'"))
    console = Console(width=20, force_terminal=True, color_system="truecolor")
    with signalled(5, signal.SIGINT), pytest.raises(KeyboardInterrupt):
        compare.runs.commands.run(config, Terminal(console))
    again = resume_command(capsys.readouterr().out.replace("\x1b[0m", ""))
    assert again == ["run", "--resume", str(trainings.directory("a  b 'c'"))]
    assert main(again) == 0
