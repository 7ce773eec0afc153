"""The contents of a checkpoint: the parameters, and the rest of the state of a training.

The tensors are the parameters under the names of a torch state_dict; ``state.0`` is the carried
hidden state, and for an LSTM ``state.1`` its c; ``memory.NAME`` is what the optimizer keeps. None
of the latter is there if there is none. The metadata are one JSON object: the version of the
format, which is read before any other key, and the fields of `Training`.

A change of the fields needs a new `VERSION`. A file of another version is refused in one line.
"""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from jaxtyping import Float

from compare.files import COUNT, NUMBERED, SchemaError, plain, read
from compare.implementations import Array, CellName
from compare.parity import Side, StepSettings
from compare.runs.checkpoint import container
from compare.runs.checkpoint.container import CheckpointError
from scratch_rnn.arrays import State, arrays_of, state_of

STATE, MEMORY = "state.", "memory."  # the prefixes of tensors that are no parameters

Size = Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The network: V tokens, L layers of H units."""

    cell: CellName
    vocab_size: Size
    hidden_size: Size
    num_layers: Size
    nonlinearity: Literal["tanh", "relu"]
    dtype: Literal["float32", "float64"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextName:
    """The name of the text, and its SHA-1."""

    name: str
    sha1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """The way from the text to batches; see `scratch_rnn.text.Batches`."""

    max_tokens: Annotated[int | None, COUNT]
    sampling: Literal["sequential", "random"]
    batch_size: Size
    num_steps: Size
    seed: Annotated[int, NUMBERED]
    batches: Size  # of an epoch


@dataclass(frozen=True, kw_only=True)
class OptimizerFacts(StepSettings):
    """The settings of a training step, and whether the state is carried to the next one."""

    carry_state: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The progress of a training."""

    epoch: Annotated[int, NUMBERED]  # from 0
    batch: Annotated[int, NUMBERED]  # batches done in the epoch
    update: Annotated[int, NUMBERED]  # updates done in all epochs

    @classmethod
    def locate(cls, update: int, batches: int) -> "Position":
        """Return the position after an update, with this number of batches in an epoch."""
        return cls(epoch=update // batches, batch=update % batches, update=update)


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """The part of a checkpoint that is JSON."""

    side: Side  # the model that wrote it; both can read it
    model: ModelFacts
    text: TextName
    vocabulary: tuple[str, ...]  # the tokens, in the order of their ids
    sampler: Sampler
    optimizer: OptimizerFacts
    position: Position


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint(Training):
    """The full state of a training between two updates."""

    state: State | None  # (L, B, H), or for an LSTM a pair; None: the next batch has zeros
    weights: dict[str, Float[Array, "..."]]
    memory: dict[str, Float[Array, "..."]] = field(default_factory=dict)  # of the optimizer

    @property
    def setting(self) -> dict[str, Any]:
        """The settings that resuming must not change, by name."""
        return {
            "text": self.text.sha1,
            "vocabulary": " ".join(self.vocabulary),
            **dataclasses.asdict(self.model),
            **dataclasses.asdict(self.sampler),
            **dataclasses.asdict(self.optimizer),
        }


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"expected checkpoint to be a Checkpoint, got {type(checkpoint).__name__}")
    training = Training(
        **{f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(Training)}
    )
    tensors = dict(checkpoint.weights)
    if checkpoint.state is not None:
        tensors |= {f"{STATE}{k}": array for k, array in enumerate(arrays_of(checkpoint.state))}
    tensors |= {MEMORY + name: array for name, array in checkpoint.memory.items()}
    container.write(path, tensors, {"version": container.VERSION, **plain(training)})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; a CheckpointError says why it cannot be read."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    try:
        tensors, values = container.read(Path(path))
        container.check_version(values.pop("version", None), "a checkpoint")
        training = read(Training, values, "a checkpoint")
    except SchemaError as error:
        where = str(path) if str(path).isprintable() else ascii(str(path))
        raise CheckpointError(f"expected {error.expected} in {where}, got {error.got}") from None
    state = [tensors.pop(name) for name in sorted(tensors) if name.startswith(STATE)]
    memory = [name for name in tensors if name.startswith(MEMORY)]
    return Checkpoint(
        **vars(training),
        state=state_of(state) if state else None,
        memory={name.removeprefix(MEMORY): tensors.pop(name) for name in memory},
        weights=tensors,
    )
