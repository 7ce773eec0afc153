"""Snapshots of the weights during a training.

A run writes its weights before training and after 1, 2, 5, 10, 20, 50, … epochs, each as a
checkpoint::

    runs/<run>/snapshots/epoch-00010.safetensors
    runs/<run>/scratch.safetensors                      the weights at the end
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from compare.files import RecordError
from compare.implementations import Array
from compare.parity import SIDES, SharedOptions
from compare.runs.checkpoint import Checkpoint, load
from compare.runs.record.history import History
from compare.runs.record.reading import CHECKPOINTS, SNAPSHOTS, read_metrics, weights_name
from compare.terminal import plural
from scratch_rnn.text import Vocab

Weights = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Weights, and the progress of the training."""

    epoch: float | None  # number of passes over the text, if it is known
    label: str  # on a page
    weights: Weights


@dataclass(frozen=True, slots=True)
class Course:
    """A finished or interrupted training: its configuration, and snapshots of its weights.

    Somebody's own network has one snapshot. What its setting says of the training is then what a
    page trains with.
    """

    source: str  # name of the run or the file
    setting: SharedOptions
    vocab: Vocab
    snapshots: tuple[Snapshot, ...]  # from the first to the last; at least one
    curve: tuple[float, ...] = ()  # perplexity of each epoch, if it is known
    is_of_a_run: bool = True  # whether the setting comes from the training


def is_kept(epoch: int) -> bool:
    """Return whether a run keeps a snapshot of an epoch: 0, and 1, 2, 5 times a power of ten."""
    return epoch == 0 or re.fullmatch("[125]0*", str(epoch)) is not None


def snapshot_name(epoch: int) -> str:
    """Return the file of a snapshot, without the suffix."""
    return f"{SNAPSHOTS}/epoch-{epoch:05d}"


def newest_run(runs: Path) -> Path | None:
    """Return the newest run that has weights, or None."""
    if not runs.is_dir():
        return None
    with_weights = [directory for directory in runs.iterdir() if _files(directory)]
    return max(with_weights, key=lambda directory: directory.name, default=None)


def read_course(path: Path) -> Course:
    """Read the snapshots of a run, or one checkpoint; a RecordError says why it cannot be read."""
    is_run = path.is_dir()
    files = _files(path) if is_run else [path]
    if not files:
        raise RecordError(f"expected a run with weights, got {path}")
    checkpoints = [load(file) for file in files]
    by_update = {checkpoint.position.update: checkpoint for checkpoint in checkpoints}
    return Course(
        source=path.name or path.resolve().name,
        setting=_setting(checkpoints[-1]),
        vocab=Vocab.from_list(checkpoints[-1].vocabulary),
        snapshots=tuple(_snapshot(by_update[update]) for update in sorted(by_update)),
        curve=_curve(path) if is_run else (),
    )


def _files(directory: Path) -> list[Path]:
    """Return a run's checkpoints: the snapshots, the weights at the end, and the newest one.

    The newest one is later than the end if the training was resumed and interrupted.
    """
    snapshots = sorted((directory / SNAPSHOTS).glob("epoch-*.safetensors"))
    ends = [directory / weights_name(side) for side in SIDES]
    checkpoints = sorted((directory / CHECKPOINTS).glob("*.safetensors"))
    return snapshots + [end for end in ends if end.is_file()][:1] + checkpoints[-1:]


def _setting(checkpoint: Checkpoint) -> SharedOptions:
    model = checkpoint.model
    if model.num_layers > 1:
        raise RecordError(f"expected a model of one layer, got {model.num_layers} layers")
    options = {field.name for field in fields(SharedOptions)} - {"text"}
    known = {name: value for name, value in checkpoint.setting.items() if name in options}
    return SharedOptions(state="carried" if checkpoint.optimizer.carry_state else "reset", **known)


def _snapshot(checkpoint: Checkpoint) -> Snapshot:
    position = checkpoint.position
    epochs = position.update / checkpoint.sampler.batches
    if position.update == 0:
        label = "untrained"
    elif position.batch > 0:
        label = f"after {plural(position.update, 'update')}"
    else:
        label = f"after {plural(position.epoch, 'epoch')}"
    return Snapshot(epochs, label, checkpoint.weights)


def _curve(directory: Path) -> tuple[float, ...]:
    """Return the perplexity of each epoch, of a model that was trained."""
    history = History()
    try:
        for update in read_metrics(directory):
            history.add(update)
    except (RecordError, OSError):
        return ()
    return tuple(history.perplexities("scratch") or history.perplexities("concise"))
