"""The contents of a checkpoint: the parameters, and the rest of the state of a training.

The file's metadata are one JSON object:

==============  ===================================================================
``sha256``      of the file, see `container`
``format``      ``rnn-parity checkpoint``
``version``     of the format, read before any other key
``side``        ``scratch`` or ``concise``: the model that wrote it. Both can read it
``model``       sizes and kind of the recurrent layer, and the dtype of everything
``text``        name and SHA-1 of the text
``vocabulary``  the tokens, in the order of their ids
``sampler``     how the text becomes batches: a pure function of this and the epoch
``optimizer``   its name, the other settings of a step, and whether the state is carried
``position``    the epoch, the batches done in it, and the updates done in all
``state``       the carried hidden state in base64, or null if there is none; h, then c
``memory``      the optimizer's arrays in base64, by name; missing if it keeps none
==============  ===================================================================

State and memory are not among the tensors of the file, because ``load_state_dict`` accepts the
model's parameters only.

A field that is added later needs a default, for older files, and a new `VERSION`, so that older
programs refuse the file in one line with both versions.
"""

import base64
import binascii
import dataclasses
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float

from compare.files import (
    COUNT,
    JsonObject,
    Length,
    SchemaError,
    excerpt,
    plain,
    read,
)
from compare.implementations import CELLS, Array, CellName
from compare.parity import OPTIMIZERS, Side, StepSettings, name_optimizer
from compare.runs.checkpoint import container
from compare.runs.checkpoint.container import CheckpointError
from compare.terminal import Range
from scratch_rnn.layers.states import arrays_of, state_of

FORMAT: Literal["rnn-parity checkpoint"] = "rnn-parity checkpoint"
OLDEST, VERSION = 2, 2  # the versions of the format that are read; the newest one is written

MOST_LAYERS = 1000

Shapes = dict[str, tuple[int, ...]]
State = Any
"""ndarray of shape (L·D, B, H), or for an LSTM a pair (h, c) of them; None means zeros."""
Size = Annotated[int, Range(1, container.MOST_BYTES)]
Token = Annotated[str, Length(1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The network: V tokens, L layers of H units, in D directions."""

    cell: CellName = "rnn"
    vocab_size: Size
    hidden_size: Size
    num_layers: Annotated[int, Range(1, MOST_LAYERS)] = 1
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    bias: bool = True
    bidirectional: bool = False
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter, under torch's names and in torch's order."""
        V, H = self.vocab_size, self.hidden_size
        GH = CELLS[self.cell].num_gates * H
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        D = len(suffixes)
        shapes: Shapes = {}
        for layer in range(self.num_layers):
            for suffix in suffixes:
                shapes[f"rnn.weight_ih_l{layer}{suffix}"] = (GH, V if layer == 0 else D * H)
                shapes[f"rnn.weight_hh_l{layer}{suffix}"] = (GH, H)
                if self.bias:
                    shapes[f"rnn.bias_ih_l{layer}{suffix}"] = (GH,)
                    shapes[f"rnn.bias_hh_l{layer}{suffix}"] = (GH,)
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
    seed: int
    batches: Size  # of an epoch


@dataclass(frozen=True, kw_only=True)
class Optimizer(StepSettings):
    """The settings of a training step, and whether the state is carried to the next one."""

    carry_state: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The progress of a training."""

    epoch: int  # from 0
    batch: int  # batches done in the epoch
    update: int  # updates done in all epochs

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
    vocabulary: tuple[Token, ...]
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
    metadata = _metadata(checkpoint)
    _read_metadata(metadata)
    _check(checkpoint)
    weights = {name: checkpoint.weights[name] for name in checkpoint.model.shapes}
    container.write(path, weights, metadata)


def load(path: Path, within: Path | None = None) -> Checkpoint:
    """Read a checkpoint; a CheckpointError says why it cannot be read, or is not in `within`."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    try:
        weights, metadata = container.read(Path(path), _read, within)
        checkpoint = _checkpoint(metadata, weights)
        _check(checkpoint)
        return checkpoint
    except SchemaError as error:
        where = str(path) if str(path).isprintable() else ascii(str(path))
        raise CheckpointError(f"expected {error.expected} in {where}, got {error.got}") from None


Encoded = Annotated[str, Length(container.MOST_HEADER_BYTES)]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Metadata(Training):
    """The metadata of the file."""

    format: Literal["rnn-parity checkpoint"]
    version: str
    state: Annotated[str | None, Length(container.MOST_HEADER_BYTES)]
    memory: dict[str, Encoded] = field(default_factory=dict)


def _metadata(checkpoint: Checkpoint) -> JsonObject:
    state = None if checkpoint.state is None else _encode(arrays_of(checkpoint.state))
    memory = {name: _encode([array]) for name, array in checkpoint.memory.items()}
    values = _Metadata(
        **_training(checkpoint), format=FORMAT, version=str(VERSION), state=state, memory=memory
    )
    metadata = {key: value for key, value in plain(values).items() if key != "memory" or value}
    name = OPTIMIZERS[checkpoint.optimizer.optimizer].name
    optimizer = metadata["optimizer"] | {"optimizer": name}
    return metadata | {"optimizer": _rename(optimizer, "optimizer", "name")}


def _read_metadata(values: object) -> "_Metadata":
    """Read the metadata, in which the setting `optimizer` is the ``name`` of its class."""
    if isinstance(values, dict) and isinstance(values.get("optimizer"), dict):
        optimizer = name_optimizer(_rename(values["optimizer"], "name", "optimizer"))
        values = values | {"optimizer": optimizer}
    metadata: _Metadata = read(_Metadata, values, "a checkpoint")
    return metadata


def _rename(values: JsonObject, old: str, new: str) -> JsonObject:
    if new in values:
        return values
    return {new if key == old else key: value for key, value in values.items()}


def _read(shapes: container.Shapes, values: object) -> _Metadata:
    """Read the metadata of tensors with these shapes and dtypes."""
    versions = [str(version) for version in range(OLDEST, VERSION + 1)]
    if isinstance(values, dict) and values.get("version", str(VERSION)) not in versions:
        expected = f"version {' or '.join(versions)} of the checkpoint format"
        raise SchemaError(expected, excerpt(values["version"]))
    metadata = _read_metadata(values)
    _check_shapes(shapes, metadata.model.shapes, metadata.model.dtype)
    return metadata


def _checkpoint(metadata: _Metadata, weights: dict[str, Array]) -> Checkpoint:
    model, dtype = metadata.model, metadata.model.dtype
    state = None
    if metadata.state is not None:
        shapes = model.state_shapes(metadata.sampler.batch_size)
        state = state_of(_decode("a state", metadata.state, shapes, dtype))
    checkpoint = Checkpoint(**_training(metadata), state=state, weights=weights)
    texts, shapes_of_memory = metadata.memory, checkpoint.memory_shapes
    _check_names("the optimizer's arrays", texts, shapes_of_memory)
    for name, shape in shapes_of_memory.items():
        [checkpoint.memory[name]] = _decode(name, texts[name], [shape], dtype)
    return checkpoint


def _training(whole: Training) -> JsonObject:
    return {f.name: getattr(whole, f.name) for f in dataclasses.fields(Training)}


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
        shapes, states = model.state_shapes(sampler.batch_size), CELLS[model.cell].states
        names = ["state"] if len(states) == 1 else [f"state {name}" for name in states]
        arrays = dict(zip(names, arrays_of(checkpoint.state), strict=True))
        _check_tensors(arrays, dict(zip(names, shapes, strict=True)), model.dtype)


def _check_tensors(tensors: Mapping[str, Array], shapes: Shapes, dtype: str) -> None:
    found = {name: (tensor.shape, str(tensor.dtype)) for name, tensor in tensors.items()}
    _check_shapes(found, shapes, dtype)
    for name in shapes:
        if not np.isfinite(tensors[name]).all():
            raise SchemaError(f"finite numbers in {name}", "one that is not")


def _check_shapes(found: container.Shapes, shapes: Shapes, dtype: str) -> None:
    _check_names("the tensors", found, shapes)
    for name, shape in shapes.items():
        if found[name] != (shape, dtype):
            got_shape, got_dtype = found[name]
            raise SchemaError(
                f"{name} of shape {shape} and {dtype}", f"{excerpt(got_shape)} and {got_dtype}"
            )


def _check_names(what: str, names: Collection[str], right: Collection[str]) -> None:
    if odd := sorted(set(names) ^ set(right)):
        got = f"no {odd[0]}" if odd[0] in right else f"{excerpt(odd[0])} too"
        raise SchemaError(f"{what} {', '.join([*right][:4])}, …", got)


def _encode(arrays: Sequence[Array]) -> str:
    little_endian = (a.astype(a.dtype.newbyteorder("<"), order="C").tobytes() for a in arrays)
    return base64.b64encode(b"".join(little_endian)).decode()


def _decode(name: str, text: str, shapes: Sequence[tuple[int, ...]], dtype: str) -> list[Array]:
    kind = np.dtype(dtype).newbyteorder("<")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SchemaError(f"{name} in base64", "something else") from None
    if len(content) != (size := sum(map(math.prod, shapes)) * kind.itemsize):
        raise SchemaError(f"{name} of {size:,} bytes", f"{len(content):,}")
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(np.frombuffer(bytearray(content), kind).astype(dtype), ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
