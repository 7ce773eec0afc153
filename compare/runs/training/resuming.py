"""Open a run again, and refuse what does not fit its record.

The configuration, the newest checkpoint and the metrics are read once each; the parser of the
options reads the configuration before, for their defaults. The directory is locked from before the
checkpoint is read until the training ends.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compare.files import RecordError, excerpt
from compare.parity import describe_software
from compare.runs.checkpoint import Checkpoint, CheckpointError, Store
from compare.runs.config import RunConfig
from compare.runs.record.directory import Record
from compare.runs.record.reading import CHECKPOINTS, read_config, read_json
from compare.terminal import UsageError, changeable, flag_of


@dataclass(frozen=True)
class Past:
    """A run that is resumed: its record, its newest checkpoint, and the errors of newer ones."""

    record: Record
    checkpoints: Mapping[str, Checkpoint]
    damaged: Sequence[CheckpointError]

    def choose_checkpoint(self, side: str) -> Checkpoint:
        """Return the checkpoint of a model, or of the other model if it has none."""
        return self.checkpoints.get(side) or next(iter(self.checkpoints.values()))


def read_setting(directory: Path, command: str) -> RunConfig:
    """Return the configuration with which a run can be resumed, by the command that began it."""
    before, config = read_config(directory)
    if before != command:
        raise UsageError(
            f"expected --resume with a run begun by {command}, got {directory}, begun by {before}"
        )
    return dataclasses.replace(config, resume=directory)


@contextmanager
def reopen(command: str, config: RunConfig) -> Iterator[Past | None]:
    """Lock the run of ``--resume``, if there is one, and read its newest checkpoint.

    An option that may not change, a damaged record, and a run with nothing left to do are refused.
    """
    if config.resume is None:
        yield None
        return
    _check_options(config, read_setting(config.resume, command))
    directory = config.resume
    with Record(directory) as record:
        store = Store(directory / CHECKPOINTS, num_sides=2 if command == "run" else 1)
        past = Past(record, *store.newest())
        _check_length(directory, config, next(iter(past.checkpoints.values())))
        yield past


def _check_options(config: RunConfig, before: RunConfig) -> None:
    """Refuse an option that differs from the run's."""
    now, then, free = config.to_json(), before.to_json(), changeable(type(config))
    differences = [
        f"{flag_of(name)} {now[name]} instead of {then[name]}"
        for name in now
        if name not in free and now[name] != then[name]
    ]
    if differences:
        raise UsageError(f"expected the options of {config.resume}, got {', '.join(differences)}")


def _check_length(directory: Path, config: RunConfig, checkpoint: Checkpoint) -> None:
    """Refuse a number of epochs that are all done."""
    finished = (directory / "result.json").exists()
    done = math.ceil(checkpoint.position.update / checkpoint.sampler.batches)
    epochs = config.num_epochs
    if epochs < done or (finished and epochs == done):
        raise UsageError(
            f"expected more epochs than the {done:,} that {directory} has, got {epochs:,}"
        )


def check_setting(directory: Path, before: Checkpoint, now: Checkpoint) -> None:
    """Refuse to resume from a checkpoint of another text, vocabulary, model or optimizer."""
    differences = [
        f"{name} {excerpt(here)} instead of {excerpt(there)}"
        for (name, here), there in zip(now.setting.items(), before.setting.values(), strict=True)
        if here != there
    ]
    if differences:
        raise RecordError(
            f"expected what {directory} was trained with, got {'; '.join(differences)}"
        )


def name_changed_versions(directory: Path) -> str:
    """Name the libraries whose version is another one now, which may change the last bits."""
    before = read_json(directory, "environment.json").get("versions", {})
    now = describe_software()["versions"]
    changed = [
        f"{name} {now[name]} instead of {before.get(name)}"
        for name in ("numpy", "torch")
        if now[name] != before.get(name)
    ]
    return f", with {' and '.join(changed)}" if changed else ""
