"""Small trainings, and functions that interrupt, resume and compare them."""

import json
import shlex
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from compare.cli import main
from compare.parity import Update
from compare.runs.record.directory import Record

EPOCHS, BATCHES = 2, 6
UPDATES = EPOCHS * BATCHES

TEXT = "The quick brown fox jumps over the lazy dog\n" * 5
"""5 · 43 - 1 = 214 characters after cleaning: (214 - 8) // (4 · 8) = 6 batches an epoch."""

DIFFERENT = ("result.json", "config.json", "environment.json", "curves.png")

SMALL = "--hidden-size 4 --batch-size 4 --num-steps 8 --lr 0.5"
FLAGS = f"{SMALL} --epochs {EPOCHS}"

VARIANTS = {  # small trainings, by what they try
    "both": "run --state carried",
    "both, reset, float64": "run --state reset --dtype float64",
    "scratch": "train --model scratch --state carried",
    "scratch, 2 layers of relu, random": (
        "train --model scratch --sampling random --num-layers 2 --nonlinearity relu --max-norm inf"
    ),
    "concise": "train --model concise --state carried",
    "both, LSTM": "run --cell lstm --state carried",
    "scratch, GRU": "train --model scratch --cell gru --state carried",
    "concise, reset": "train --model concise --batch-size 2 --num-steps 2",
}


def arguments(variant, text, runs, *more):
    return [*f"{variant.split()[0]} {FLAGS}".split(),
            "--checkpoint-seconds", "1e5",  # on however slow a machine, the same checkpoints
            *variant.split()[1:], "--text", str(text), "--runs", str(runs), *more]  # fmt: skip


def only(runs):
    [directory] = runs.iterdir()
    return directory


def read(directory, name):
    return json.loads((directory / name).read_text(encoding="utf-8"))


HANG_UP = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has no SIGHUP
SIGNALS = {HANG_UP: 129, signal.SIGTERM: 143, signal.SIGINT: 130}
"""What asks a training to stop, and with which code it ends then."""


@contextmanager
def after_each_update(act):
    """Call `act` with the directory of the run and the number of each update that is recorded."""
    right = Record.add_metrics

    def add_metrics(self, metrics):
        right(self, metrics)
        act(self.directory, metrics.update)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "add_metrics", add_metrics)
        yield


@contextmanager
def signalled(update, *numbers):
    """Let the process get signals while it is at an update."""

    def send(_, now):
        for number in numbers if now == update else ():
            signal.raise_signal(number)

    before = signal.signal(HANG_UP, signal.SIG_DFL)  # which nohup has processes ignore
    try:
        with after_each_update(send):
            yield
    finally:
        signal.signal(HANG_UP, before)


@dataclass
class Trainings:
    """The small trainings of a test, each in a folder of its own."""

    text: Path
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def flags(self, variant, *more, to="runs"):
        return arguments(variant, self.text, self.folder / to, *more)

    def directory(self, of="runs"):
        return only(self.folder / of)

    def whole(self, variant, *more, to="whole"):
        assert main(self.flags(variant, *more, to=to)) == 0
        return self.directory(to)

    def interrupted(self, variant, update, *more):
        """Interrupt a training after an update; return the arguments that it says go on."""
        self.capsys.readouterr()
        with signalled(update, signal.SIGINT):
            assert main(self.flags(variant, *more)) == 130
        return resume_command(self.capsys.readouterr().out)


def resume_command(shown):
    [line] = [line for line in shown.splitlines() if line.startswith("To resume:  rnn-parity ")]
    return shlex.split(line.removeprefix("To resume:  rnn-parity "))


def contents(directory):
    """Return all that a run has written, but for times, its place and its first process."""
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in DIFFERENT
    }
    checkpoints = sorted(name for name in files if name.startswith("checkpoints/"))
    for name in checkpoints:  # when they are made depends on the clock; the last one doesn't
        if int(Path(name).name.split("-")[0]) != int(Path(checkpoints[-1]).name.split("-")[0]):
            del files[name]
    return files


def update(number, epoch=0, loss=2.0, **more):
    """Return an update of one model."""
    numbers = {"num_tokens": 10, "scratch_loss": loss, "scratch_grad_norm": 0.5}
    return Update(epoch, number, **(numbers | more))


def of_both(number, epoch=0, loss=2.0, **more):
    """Return an update of both models."""
    other = {"concise_loss": loss, "concise_grad_norm": 0.5, "largest_difference": 1e-8}
    return update(number, epoch, loss, **(other | more))


def lines(*updates):
    """Return what ``metrics.jsonl`` holds."""
    return "".join(json.dumps(update.to_json()) + "\n" for update in updates)


def untouched(directory):
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def newest(directory, side="scratch"):
    return max((directory / "checkpoints").glob(f"*-{side}.safetensors"))
