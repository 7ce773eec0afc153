"""A training and its record: begin a run, save it, resume it.

A checkpoint between two updates holds the full state. A run is resumed in three steps: load the
newest checkpoint, check that text, model and optimizer are the same, and cut the metrics after the
update of the checkpoint.
"""

import platform
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from compare.files import JsonObject
from compare.parity import SIDES, Experiment, Trainee, describe_device, describe_software
from compare.runs.checkpoint import (
    VERSION,
    Checkpoint,
    ModelFacts,
    OptimizerFacts,
    Position,
    Sampler,
    Store,
    TextName,
    save,
)
from compare.runs.config import RunConfig
from compare.runs.record.directory import Record
from compare.runs.record.history import History
from compare.runs.record.reading import CHECKPOINTS, read_json, weights_name
from compare.runs.record.snapshots import is_kept, snapshot_name
from compare.runs.training.resuming import Past, check_setting, name_changed_versions
from compare.terminal import PACKAGE, CommandError, Terminal
from scratch_rnn.text import Batch


class TrainingStopped(CommandError):
    """A number of the training is not finite; the message is one line."""


@dataclass
class Session:
    """A training, and the directory of its record."""

    command: str
    config: RunConfig
    experiment: Experiment
    trainees: Sequence[Trainee]
    record: Record
    parity: JsonObject = field(default_factory=dict)  # the content of ``parity.json``
    done: int = 0  # number of updates that were done before
    history: History = field(default_factory=History)
    _saved: float = field(default_factory=time.perf_counter)

    def begin(self, parity: JsonObject) -> None:
        """Write what is known of a new run, and save the training before its first update."""
        self.parity = parity
        self.write_config()
        self.record.write_json("environment.json", self.environment)
        self.record.write_json("vocab.json", {"tokens": self.experiment.vocab.idx_to_token})
        if parity:
            self.record.write_json("parity.json", parity)
        self.save_snapshot(0)
        self.save(0)  # last: from here on the run can be resumed

    def resume(self, past: Past, terminal: Terminal) -> None:
        """Continue a run from its newest checkpoint, if text, model and optimizer are the same."""
        directory = self.record.directory
        for error in past.damaged:
            terminal.line(f"Skipped: {error}")
        for trainee in self.trainees:
            checkpoint = past.choose_checkpoint(trainee.side)
            check_setting(directory, checkpoint, self.make_checkpoint(self.trainees[0], 0))
            trainee.restore(checkpoint.weights, checkpoint.state, checkpoint.memory)
        versions = name_changed_versions(directory)
        if (directory / "parity.json").exists():  # not if one model is trained
            self.parity = read_json(directory, "parity.json")
        self.done = past.choose_checkpoint("scratch").position.update
        self.record.cut_metrics(self.done, self.history)  # from here on files are changed
        (directory / "result.json").unlink(missing_ok=True)
        self.write_config()
        progress = f"after update {self.done:,} of {self.total:,}"
        terminal.line(f"Resuming {directory} {progress}{versions}")
        terminal.line()

    @property
    def store(self) -> Store:
        """The run's checkpoints."""
        return Store(self.record.directory / CHECKPOINTS, num_sides=len(self.trainees))

    @property
    def updates_per_epoch(self) -> int:
        """Batches of an epoch."""
        return len(self.experiment.batches)

    @property
    def total(self) -> int:
        """Updates of the whole training."""
        return self.config.num_epochs * self.updates_per_epoch

    @property
    def passes(self) -> Iterator[tuple[int, Iterable[Batch]]]:
        """The epochs that remain, with their numbers; the first may be partly done."""
        first, done = divmod(self.done, self.updates_per_epoch)
        for epoch in range(first, self.config.num_epochs):
            yield epoch, self.experiment.batches.epoch(epoch, done if epoch == first else 0)

    @property
    def environment(self) -> JsonObject:
        """The text, the device and the software, without any path."""
        text = self.experiment.text
        return {
            "text": {"name": text.name, "source": text.source, "sha1": text.sha1},
            "dtype": self.config.dtype,
            "device": describe_device(self.config.device),
            "machine": platform.machine(),
            **describe_software(),
        }

    @property
    def resume_command(self) -> str:
        """The command that resumes the run."""
        model = f" --model {self.trainees[0].side}" if self.command == "train" else ""
        directory = shlex.quote(str(self.record.directory))
        return f"{PACKAGE} {self.command}{model} --resume {directory}"

    def save(self, update: int) -> None:
        """Save the state of the training after an update.

        If a parameter is not finite, nothing is saved, and TrainingStopped is raised.
        """
        checkpoints = [self.make_checkpoint(trainee, update) for trainee in self.trainees]
        for checkpoint in checkpoints:
            for name, array in checkpoint.weights.items():
                if not np.isfinite(array).all():
                    raise TrainingStopped(
                        f"training stopped after update {update:,}: "
                        f"{name} of {checkpoint.side} has non-finite numbers"
                    )
        self.record.sync()  # the metrics must not be behind the checkpoint
        self.store.save(checkpoints)
        self._saved = time.perf_counter()

    def save_if_due(self, update: int) -> None:
        """Save, if the last checkpoint is old enough."""
        if time.perf_counter() - self._saved >= self.config.checkpoint_seconds:
            self.save(update)

    def save_snapshot(self, epoch: int) -> None:
        """Write a snapshot of the weights after some epochs; see `is_kept`."""
        if is_kept(epoch):
            update = epoch * self.updates_per_epoch
            self._write(snapshot_name(epoch), self.trainees[0], update)

    def write_weights(self) -> None:
        """Write the weights at the end, and remove those of a model that was not trained so far."""
        for trainee in self.trainees:
            self._write(trainee.side, trainee, self.total)
        for side in set(SIDES) - {trainee.side for trainee in self.trainees}:
            (self.record.directory / weights_name(side)).unlink(missing_ok=True)

    def _write(self, name: str, trainee: Trainee, update: int) -> None:
        path = self.record.directory / weights_name(name)
        path.parent.mkdir(exist_ok=True)
        save(path, self.make_checkpoint(trainee, update))

    def write_config(self) -> None:
        """Write ``config.json``."""
        values = {"command": self.command, "version": VERSION}
        self.record.write_json("config.json", {**values, **self.config.to_json()})

    def make_checkpoint(self, trainee: Trainee, update: int) -> Checkpoint:
        """Return the full state of one model after an update."""
        config, experiment = self.config, self.experiment
        position = Position.locate(update, self.updates_per_epoch)
        return Checkpoint(
            side=trainee.side,
            model=ModelFacts(vocab_size=len(experiment.vocab), **_options(config, ModelFacts)),
            text=TextName(name=experiment.text.name, sha1=experiment.text.sha1),
            vocabulary=tuple(experiment.vocab.idx_to_token),
            sampler=Sampler(batches=self.updates_per_epoch, **_options(config, Sampler)),
            optimizer=OptimizerFacts(**vars(config.step), carry_state=config.carry_state),
            position=position,
            state=trainee.state_as_array() if position.batch > 0 else None,
            weights=trainee.weights(),
            memory=trainee.memory(),
        )


def _options(config: RunConfig, part: type[ModelFacts | Sampler]) -> dict[str, Any]:
    """Return the fields of a part of a checkpoint that are options of the same name."""
    names = [field.name for field in fields(part)]
    return {name: getattr(config, name) for name in names if hasattr(config, name)}
