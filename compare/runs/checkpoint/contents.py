"""The contents of a checkpoint: the parameters, and the rest of the state of a training.

The tensors are the parameters under the names of a torch state_dict; ``state.0`` is the carried
hidden state, and for an LSTM ``state.1`` its c; ``memory.NAME`` is what the optimizer keeps. None
of the latter is there if there is none. The metadata are one JSON object:

==============  ===================================================================
``format``      ``rnn-parity checkpoint``
``version``     of the format, read before any other key
``side``        ``scratch`` or ``concise``: the model that wrote it. Both can read it
``model``       sizes and kind of the recurrent layer, and the dtype of everything
``text``        name and SHA-1 of the text
``vocabulary``  the tokens, in the order of their ids
``sampler``     how the text becomes batches: a pure function of this and the epoch
``optimizer``   the settings of a step, and whether the state is carried
``position``    the epoch, the batches done in it, and the updates done in all
==============  ===================================================================

A field that is added later needs a default, for older files, and a new `VERSION`, so that older
programs refuse the file in one line with both versions.
"""

import dataclasses
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float

from compare.files import COUNT, NUMBERED, JsonObject, SchemaError, excerpt, plain, read
from compare.implementations import CELLS, Array, CellName
from compare.parity import OPTIMIZERS, Side, StepSettings
from compare.runs.checkpoint import container
from compare.runs.checkpoint.container import CheckpointError
from scratch_rnn.layers.states import arrays_of, state_of

FORMAT = "rnn-parity checkpoint"
OLDEST, VERSION = 3, 3  # that this module reads; `version_2` turns the one before into 3

STATE, MEMORY = "state.", "memory."  # the prefixes of tensors that are no parameters

Shapes = dict[str, tuple[int, ...]]
State = Any
"""ndarray of shape (L·D, B, H), or for an LSTM a pair (h, c) of them; None means zeros."""
Size = Annotated[int, COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The network: V tokens, L layers of H units, in D directions."""

    cell: CellName = "rnn"
    vocab_size: Size
    hidden_size: Size
    num_layers: Size = 1
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    bias: bool = True
    bidirectional: bool = False
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter, under torch's names and in torch's order."""
        V, H = self.vocab_size, self.hidden_size
        cell = CELLS[self.cell]
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        D = len(suffixes)
        shapes: Shapes = {}
        for layer in range(self.num_layers):
            sizes = (cell.num_gates * H, V if layer == 0 else D * H, H)
            for suffix in suffixes:
                for each in cell.parameters:
                    if each.columns or self.bias:
                        shapes[f"rnn.{each.kind}_l{layer}{suffix}"] = each.shape(*sizes)
        shapes["linear.weight"] = (V, D * H)
        shapes["linear.bias"] = (V,)
        return shapes

    def state_shapes(self, batch_size: int) -> list[tuple[int, ...]]:
        """Return the shape of each array of a state: (L·D, B, H), twice for an LSTM's (h, c)."""
        D = 2 if self.bidirectional else 1
        shape = (self.num_layers * D, batch_size, self.hidden_size)
        return [shape] * len(CELLS[self.cell].states)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextName:
    """The name of the text, and its SHA-1."""

    name: str
    sha1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How the text becomes batches; see `scratch_rnn.text.Batches`."""

    token: Literal["char", "word"]
    max_tokens: Annotated[int | None, COUNT]
    sampling: Literal["sequential", "random"]
    batch_size: Size
    num_steps: Size
    seed: Annotated[int, NUMBERED]
    batches: Size  # of an epoch


@dataclass(frozen=True, kw_only=True)
class Optimizer(StepSettings):
    """The settings of a training step, and whether the state is carried to the next one."""

    carry_state: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The progress of a training."""

    epoch: Annotated[int, NUMBERED]  # from 0
    batch: Annotated[int, NUMBERED]  # batches done in the epoch
    update: Annotated[int, NUMBERED]  # updates done in all epochs

    @classmethod
    def after(cls, update: int, batches: int) -> "Position":
        """Return the position after an update, with this number of batches in an epoch."""
        return cls(epoch=update // batches, batch=update % batches, update=update)


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """The part of a checkpoint that is JSON."""

    side: Side
    model: Model
    text: TextName
    vocabulary: tuple[str, ...]
    sampler: Sampler
    optimizer: Optimizer
    position: Position


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint(Training):
    """The full state of a training between two updates."""

    state: State  # an array (L·D, B, H) or a pair; None: the next batch starts with zeros
    weights: dict[str, Float[Array, "..."]]
    memory: dict[str, Float[Array, "..."]] = field(default_factory=dict)  # of the optimizer

    @property
    def memory_shapes(self) -> Shapes:
        """The shape of all that the optimizer keeps."""
        return OPTIMIZERS[self.optimizer.optimizer].memory_shapes(self.model.shapes)

    @property
    def setting(self) -> dict[str, Any]:
        """The settings that resuming must not change, by name."""
        return {
            "text": self.text.sha1,
            "vocabulary": self.vocabulary,
            **dataclasses.asdict(self.model),
            **dataclasses.asdict(self.sampler),
            **dataclasses.asdict(self.optimizer),
        }


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically; one that contradicts itself is refused with a ValueError."""
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"expected checkpoint to be a Checkpoint, got {type(checkpoint).__name__}")
    _check(checkpoint)
    training = Training(
        **{f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(Training)}
    )
    tensors = {name: checkpoint.weights[name] for name in checkpoint.model.shapes}
    tensors |= _name_state(checkpoint.state)
    tensors |= {MEMORY + name: array for name, array in checkpoint.memory.items()}
    container.write(path, tensors, {"format": FORMAT, "version": VERSION, **plain(training)})


def load(path: Path, within: Path | None = None) -> Checkpoint:
    """Read a checkpoint; a CheckpointError says why it cannot be read, or is not in `within`."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    try:
        tensors, values = container.read(Path(path), within)
        checkpoint = _checkpoint(tensors, values)
        _check(checkpoint)
        return checkpoint
    except SchemaError as error:
        where = str(path) if str(path).isprintable() else ascii(str(path))
        raise CheckpointError(f"expected {error.expected} in {where}, got {error.got}") from None


def _checkpoint(tensors: Mapping[str, Array], values: JsonObject) -> Checkpoint:
    if values.pop("format", None) != FORMAT:
        raise SchemaError(f"the format {FORMAT}", "another one")
    if (version := values.pop("version", None)) not in range(OLDEST, VERSION + 1):
        known = " or ".join(map(str, range(2, VERSION + 1)))
        raise SchemaError(f"version {known} of the checkpoint format", excerpt(version))
    training = read(Training, values, "a checkpoint")
    state = [tensors[name] for name in sorted(tensors) if name.startswith(STATE)]
    memory = {name: array for name, array in tensors.items() if name.startswith(MEMORY)}
    return Checkpoint(
        **vars(training),
        state=state_of(state) if state else None,
        weights={n: a for n, a in tensors.items() if not n.startswith((STATE, MEMORY))},
        memory={name.removeprefix(MEMORY): array for name, array in memory.items()},
    )


def _name_state(state: State) -> dict[str, Array]:
    arrays = [] if state is None else arrays_of(state)
    return {f"{STATE}{number}": array for number, array in enumerate(arrays)}


def _check(checkpoint: Checkpoint) -> None:
    """Raise `SchemaError` where one thing contradicts another, or a number is not finite."""
    model, sampler, position = checkpoint.model, checkpoint.sampler, checkpoint.position
    tokens = checkpoint.vocabulary
    if len(tokens) != model.vocab_size:
        raise SchemaError(f"a vocabulary of {model.vocab_size:,} tokens", f"{len(tokens):,}")
    if len(set(tokens)) < len(tokens):
        raise SchemaError("each token once", "one of them twice")
    if position != Position.after(position.update, sampler.batches):
        raise SchemaError(f"a position with {sampler.batches:,} batches an epoch", position)
    carried = checkpoint.optimizer.carry_state and position.batch > 0
    if carried != (checkpoint.state is not None):
        raise SchemaError(
            "a carried state" if carried else "no state", "none" if carried else "one"
        )
    _check_tensors(checkpoint.weights, model.shapes, model.dtype)
    _check_tensors(checkpoint.memory, checkpoint.memory_shapes, model.dtype)
    OPTIMIZERS[checkpoint.optimizer.optimizer].check_counts(checkpoint.memory)
    if checkpoint.state is not None:
        shapes = dict(enumerate(model.state_shapes(sampler.batch_size)))
        names = {f"{STATE}{number}": shape for number, shape in shapes.items()}
        _check_tensors(_name_state(checkpoint.state), names, model.dtype)


def _check_tensors(tensors: Mapping[str, Array], shapes: Shapes, dtype: str) -> None:
    _check_names("the tensors", tensors, shapes)
    for name, shape in shapes.items():
        got_shape, got_dtype = tensors[name].shape, str(tensors[name].dtype)
        if (got_shape, got_dtype) != (shape, dtype):
            raise SchemaError(
                f"{name} of shape {shape} and {dtype}", f"{excerpt(got_shape)} and {got_dtype}"
            )
        if not np.isfinite(tensors[name]).all():
            raise SchemaError(f"finite numbers in {name}", "one that is not")


def _check_names(what: str, names: Collection[str], right: Collection[str]) -> None:
    if odd := sorted(set(names) ^ set(right)):
        got = f"no {odd[0]}" if odd[0] in right else f"{excerpt(odd[0])} too"
        raise SchemaError(f"{what} {', '.join([*right][:4])}, …", got)
