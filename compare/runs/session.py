"""A run's directory while a training writes in it: begun, saved now and then, taken up again.

Between two updates a training stands still, and all that it is lies in a checkpoint. To take a run
up again is therefore to load the newest checkpoint, to make sure that text, model and optimiser
are still the same, and to cut the metrics back to the update of that checkpoint.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compare.files import RecordError
from compare.parity import CELLS, Materials, Trainee, describe_environment, passes_from
from compare.runs.checkpoint import (
    Checkpoint,
    Model,
    Optimizer,
    Position,
    Sampler,
    Store,
    TextName,
    container,
    save,
)
from compare.runs.config import RunConfig
from compare.runs.reading import (
    CHECKPOINTS,
    check_agreement,
    read_config,
    read_environment,
    read_tokens,
    weights_name,
)
from compare.runs.record import Record
from compare.runs.snapshots import is_kept, snapshot_name
from compare.terminal import (
    PACKAGE,
    CommandError,
    Terminal,
    UsageError,
    package_version,
    rank_and_size,
)
from scratch_rnn.text import Batch

CHANGEABLE = {"epochs", "quick", "threads", "device", "model", "text", "checkpoint_seconds"}
"""Flags that may differ when a run is taken up again; the text is known by its SHA-1."""


class TrainingStopped(CommandError):
    """A number of the training is not finite; the message is one line."""


@dataclass
class Session:
    """A training and the directory that it writes in."""

    command: str
    config: RunConfig
    materials: Materials
    trainees: Sequence[Trainee]
    record: Record
    done: int = 0
    """Updates that were done before."""
    _saved: float = field(default_factory=time.perf_counter)

    @property
    def store(self) -> Store:
        """The run's checkpoints."""
        return Store(self.record.directory / CHECKPOINTS, num_sides=len(self.trainees))

    @property
    def updates_per_epoch(self) -> int:
        """Batches of an epoch."""
        return len(self.materials.batches)

    @property
    def total(self) -> int:
        """Updates of the whole training."""
        return self.config.num_epochs * self.updates_per_epoch

    @property
    def passes(self) -> Iterator[tuple[int, Iterable[Batch]]]:
        """What is left to read."""
        return passes_from(self.materials.batches, self.done, self.config.num_epochs)

    @property
    def how_to_go_on(self) -> str:
        """The command that takes the run up again."""
        program = PACKAGE
        if self.trainees[0].parallel:
            program = f"torchrun --nproc-per-node {rank_and_size()[1]} -m compare"
        model = f" --model {self.trainees[0].side}" if self.command == "train" else ""
        directory = shlex.quote(str(self.record.directory))
        return f"{program} {self.command}{model} --resume {directory}"

    def save(self, update: int) -> None:
        """Save the training as it stands after an update.

        Raises
        ------
        TrainingStopped
            If a parameter is no finite number; then the checkpoints before are kept.
        OSError
            If there is no room, or no directory any more.
        """
        for trainee in self.trainees:
            for name, array in trainee.weights().items():
                if not np.isfinite(array).all():
                    raise TrainingStopped(
                        f"training stopped after update {update:,}: expected finite numbers, "
                        f"got others in {name} of {trainee.side}"
                    )
        self.record.sync()  # the metrics must not be behind the checkpoint
        self.store.save([self._checkpoint(trainee, update) for trainee in self.trainees])
        self._saved = time.perf_counter()

    def save_if_due(self, update: int) -> None:
        """Save, if it was long enough ago."""
        if time.perf_counter() - self._saved >= self.config.checkpoint_seconds:
            self.save(update)

    def save_snapshot(self, epoch: int) -> None:
        """Keep the weights after so many epochs, if it is one of those that are kept."""
        if is_kept(epoch):
            update = epoch * self.updates_per_epoch
            self._write(snapshot_name(epoch), self.trainees[0], update)

    def write_weights(self) -> None:
        """Write the weights at the end, under the names of those who have got that far."""
        for trainee in self.trainees:
            self._write(trainee.side, trainee, self.total)
        for side in {"scratch", "concise"} - {trainee.side for trainee in self.trainees}:
            (self.record.directory / weights_name(side)).unlink(missing_ok=True)

    def _write(self, name: str, trainee: Trainee, update: int) -> None:
        path = self.record.directory / weights_name(name)
        path.parent.mkdir(exist_ok=True)
        save(path, self._checkpoint(trainee, update))

    def _checkpoint(self, trainee: Trainee, update: int) -> Checkpoint:
        config, materials = self.config, self.materials
        position = Position.after(update, self.updates_per_epoch)
        return Checkpoint(
            side=trainee.side,
            model=Model(
                vocab_size=len(materials.vocab),
                cell=config.cell,
                hidden_size=config.hidden_size,
                num_layers=config.num_layers,
                nonlinearity=config.nonlinearity,
                dtype=config.dtype,
            ),
            text=TextName(name=materials.text.name, sha1=materials.text.sha1),
            vocabulary=tuple(materials.vocab.idx_to_token),
            sampler=Sampler(
                token=config.token,
                max_tokens=config.max_tokens,
                sampling=config.sampling,
                batch_size=config.batch_size,
                num_steps=config.num_steps,
                seed=config.seed,
                batches=self.updates_per_epoch,
            ),
            optimizer=Optimizer(
                lr=float(config.lr),
                max_norm=float(config.max_norm),
                carry_state=config.carry_state,
            ),
            position=position,
            state=trainee.state_as_array() if position.batch > 0 else None,
            weights=trainee.weights(),
        )


def read_setting(directory: Path, command: str) -> RunConfig:
    """Return the setting of a run, with which it can be taken up again.

    Parameters
    ----------
    directory : Path
        The run's.
    command : {"run", "train"}
        What it was begun with.

    Raises
    ------
    RecordError
        If it cannot be read.
    UsageError
        If it was begun with another command.
    """
    before, config = read_config(directory)
    if before != command:
        raise UsageError(
            f"expected --resume with a run begun by {command}, got {directory}, begun by {before}"
        )
    return dataclasses.replace(config, resume=directory)


def check_resumable(command: str, config: RunConfig) -> None:
    """Refuse to take up a run with another setting, before anything is built.

    Raises
    ------
    UsageError
        If a flag differs from the run's, or nothing is left to do.
    RecordError, CheckpointError
        If the record is damaged, or its setting is not that of its newest checkpoint.
    """
    directory = config.resume
    assert directory is not None
    _check_flags(config, read_setting(directory, command))
    store = Store(directory / CHECKPOINTS, num_sides=2 if command == "run" else 1)
    checkpoints, _ = store.newest()
    for checkpoint in checkpoints.values():
        check_agreement(directory, config, read_tokens(directory), checkpoint)
        _check_length(directory, config, checkpoint)


@contextmanager
def begun(
    command: str,
    config: RunConfig,
    materials: Materials,
    trainees: Sequence[Trainee],
    known: Mapping[str, Mapping[str, Any]],
) -> Iterator[Session]:
    """Make a new run's directory, and save the training before its first update.

    Parameters
    ----------
    command, config, materials, trainees
        Those of the session.
    known : mapping
        What is known already of the record: the content of JSON files, by name.

    Raises
    ------
    RecordError
        If the directory cannot be made.
    UsageError
        If the model is larger than a checkpoint may be.
    """
    _check_size(config, trainees)
    with Record.create(config.runs, config.run_name) as record:
        session = Session(command, config, materials, trainees, record)
        _write_config(session)
        record.write_json(
            "environment.json",
            describe_environment(text=materials.text, dtype=config.dtype, device=config.device),
        )
        record.write_json("vocab.json", {"tokens": materials.vocab.idx_to_token})
        for name, values in known.items():
            record.write_json(name, values)
        session.save_snapshot(0)
        session.save(0)  # the last of it: from here on the run can be taken up
        yield session


@contextmanager
def resumed(
    command: str,
    config: RunConfig,
    materials: Materials,
    trainees: Sequence[Trainee],
    terminal: Terminal,
) -> Iterator[Session]:
    """Take up a run where its newest checkpoint is.

    Raises
    ------
    RecordError, CheckpointError, LockError
        If the record is damaged, or of another text, or another process is writing in it.
    """
    assert config.resume is not None
    directory = config.resume
    with Record.open(directory) as record:
        session = Session(command, config, materials, trainees, record)
        found, damaged = session.store.newest()
        for error in damaged:
            terminal.line(f"Left aside: {error}")
        update = next(iter(found.values())).position.update
        for trainee in trainees:
            checkpoint = found.get(trainee.side) or next(iter(found.values()))
            _check_setting(session, checkpoint)
            trainee.restore(checkpoint.weights, checkpoint.state)
        record.cut_metrics(update)
        session.done = update
        _write_config(session)
        record.tidy()
        terminal.line(
            f"Going on with {directory} after update {update:,} of {session.total:,}"
            f"{_changed_versions(session)}"
        )
        terminal.line()
        yield session


def _write_config(session: Session) -> None:
    values = {"command": session.command, "version": package_version()}
    session.record.write_json("config.json", {**values, **session.config.to_json()})


def _check_size(config: RunConfig, trainees: Sequence[Trainee]) -> None:
    """Refuse what no checkpoint has room for."""
    model = sum(array.nbytes for array in trainees[0].weights().values())
    itemsize = np.dtype(config.dtype).itemsize
    arrays = len(CELLS[config.cell].states)
    state = arrays * config.num_layers * config.batch_size * config.hidden_size * itemsize
    for name, size, most in (
        ("a model", model, container.MOST_BYTES - container.MOST_HEADER_BYTES),
        ("a state", state * config.carry_state, container.MOST_HEADER_BYTES // 2),  # in base64
    ):
        if size > most:
            raise UsageError(
                f"expected {name} of at most {most:,} bytes, which a checkpoint has room for, "
                f"got {size:,}"
            )


def _check_flags(config: RunConfig, before: RunConfig) -> None:
    """Refuse flags that are not those that the run began with."""
    now, then = config.to_json(), before.to_json()
    differences = [
        f"--{name.replace('_', '-')} {now[name]} instead of {then[name]}"
        for name in now
        if name not in CHANGEABLE and now[name] != then[name]
    ]
    if differences:
        raise UsageError(f"expected the settings of {config.resume}, got {', '.join(differences)}")


def _check_setting(session: Session, checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint of another text, vocabulary, model or optimiser."""
    here = session._checkpoint(session.trainees[0], 0).setting
    differences = [
        _difference(name, value, here[name])
        for name, value in checkpoint.setting.items()
        if value != here[name]
    ]
    if differences:
        raise RecordError(f"expected what {session.record.directory} was trained with, "
                          f"got {'; '.join(differences)}")  # fmt: skip


def _difference(name: str, before: Any, here: Any) -> str:
    if name == "text":
        return f"a text with SHA-1 {here[:8]} instead of {before[:8]}"
    if name == "vocabulary":
        pairs = enumerate(zip(before, here, strict=False))
        number = next((k for k, (a, b) in pairs if a != b), min(len(before), len(here)))
        return (
            f"a vocabulary of {len(here):,} tokens instead of {len(before):,}, "
            f"in which {number:,} is {_token(here, number)} instead of {_token(before, number)}"
        )
    return f"{name} {here} instead of {before}"


def _token(vocabulary: Sequence[str], number: int) -> str:
    return repr(vocabulary[number]) if number < len(vocabulary) else "nothing"


def _check_length(directory: Path, config: RunConfig, checkpoint: Checkpoint) -> None:
    """Refuse what has nothing left to do."""
    finished = (directory / "result.json").exists()
    done = math.ceil(checkpoint.position.update / checkpoint.sampler.batches)
    epochs = config.num_epochs
    if epochs < done or (finished and epochs == done):
        raise UsageError(
            f"expected more epochs than the {done:,} that {directory} has, got {epochs:,}"
        )


def _changed_versions(session: Session) -> str:
    """Say what is no longer as it was when the run began, and may change the last bits."""
    before = read_environment(session.record.directory).versions
    config, text = session.config, session.materials.text
    now = describe_environment(text=text, dtype=config.dtype, device=config.device)["versions"]
    changed = [
        f"{name} {now[name]} instead of {before.get(name)}"
        for name in ("numpy", "torch")
        if now[name] != before.get(name)
    ]
    return f", with {' and '.join(changed)}" if changed else ""
