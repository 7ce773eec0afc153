"""What a checkpoint says: the parameters, and all else that decides how a training goes on.

The file's metadata are one JSON object:

==============  ===================================================================
``sha256``      of the file, see `container`
``format``      ``rnn-parity checkpoint``
``version``     of the format; another one is refused
``side``        ``scratch`` or ``concise``: who wrote it. Either can read it
``model``       sizes and kind of the recurrent layer, and the dtype of everything
``text``        name and SHA-1 of the text
``vocabulary``  the tokens, in the order of their ids
``sampler``     how the text becomes batches: a pure function of this and the epoch
``optimizer``   learning rate, clipping, and whether the state is carried
``position``    the epoch, the batches done of it, and the updates done altogether
``state``       the carried hidden state in base64, or null where there is none; h, then c
==============  ===================================================================

The state is no tensor of the file because it is no part of what was learnt: with it,
``load_state_dict`` would find a name that the model doesn't have.
"""

import base64
import binascii
import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float

from compare.files import (
    COUNT,
    LEARNING_RATE,
    MAX_NORM,
    Length,
    Range,
    SchemaError,
    excerpt,
    plain,
    read,
)
from compare.parity import CELLS, CellName
from compare.runs.checkpoint import container
from compare.runs.checkpoint.container import CheckpointError

MOST_LAYERS = 1000

Side = Literal["scratch", "concise"]
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
        V, H, GH = (
            self.vocab_size,
            self.hidden_size,
            CELLS[self.cell].num_gates * self.hidden_size,
        )
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
    """Which text it was."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """How an update is made: by gradient descent, which remembers nothing."""

    name: Literal["SGD"] = "SGD"
    lr: Annotated[float, LEARNING_RATE]
    max_norm: Annotated[float, MAX_NORM]
    carry_state: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a training is."""

    epoch: int  # from 0
    batch: int  # batches of the epoch that are done
    update: int  # updates that are done, over all epochs

    @classmethod
    def after(cls, update: int, batches: int) -> "Position":
        """Return where a training is after so many updates, with so many batches an epoch."""
        return cls(epoch=update // batches, batch=update % batches, update=update)


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """All that a checkpoint says in words and single numbers."""

    side: Side
    model: Model
    text: TextName
    vocabulary: tuple[Token, ...]
    sampler: Sampler
    optimizer: Optimizer
    position: Position


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint(Training):
    """A training at rest, after a whole number of updates."""

    state: State  # an array (L·D, B, H) or a pair; None: the next batch begins with zeros
    weights: dict[str, Float[np.ndarray, "..."]]

    @property
    def setting(self) -> dict[str, Any]:
        """All that must stay the same when the training goes on, by name."""
        return {
            "text": self.text.sha1,
            "vocabulary": self.vocabulary,
            **dataclasses.asdict(self.model),
            **dataclasses.asdict(self.sampler),
            **dataclasses.asdict(self.optimizer),
        }


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: the whole of it, or nothing.

    Raises
    ------
    ValueError
        If the checkpoint contradicts itself, or a number in it is not finite.
    OSError
        If the file cannot be written.
    """
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"expected checkpoint to be a Checkpoint, got {type(checkpoint).__name__}")
    metadata = _metadata(checkpoint)
    read(_Metadata, metadata, "a checkpoint")
    _check(checkpoint)
    weights = {name: checkpoint.weights[name] for name in checkpoint.model.shapes}
    container.write(path, weights, metadata)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If it cannot be read, or anything in it is not as it was when it was saved.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    try:
        weights, metadata = container.read(Path(path))
        checkpoint = _from_metadata(read(_Metadata, metadata, "a checkpoint"), weights)
        _check(checkpoint)
        return checkpoint
    except SchemaError as error:
        where = str(path) if str(path).isprintable() else ascii(str(path))
        raise CheckpointError(f"expected {error.expected} in {where}, got {error.got}") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Metadata(Training):
    """What the file's metadata hold."""

    format: Literal["rnn-parity checkpoint"] = "rnn-parity checkpoint"
    version: Literal["2"] = "2"
    state: Annotated[str | None, Length(container.MOST_HEADER_BYTES)]


def _metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    state = checkpoint.state
    text = None
    if state is not None:
        text = base64.b64encode(b"".join(map(_little_endian, _arrays_of(state)))).decode()
    return plain(_Metadata(**_training(checkpoint), state=text))


def _from_metadata(metadata: _Metadata, weights: dict[str, np.ndarray]) -> Checkpoint:
    _check_tensors(weights, metadata.model.shapes, metadata.model.dtype)
    state = _state(metadata.state, metadata.model, metadata.sampler.batch_size)
    return Checkpoint(**_training(metadata), state=state, weights=weights)


def _training(whole: Training) -> dict[str, Any]:
    return {field.name: getattr(whole, field.name) for field in dataclasses.fields(Training)}


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
    if checkpoint.state is not None:
        arrays, shapes = _arrays_of(checkpoint.state), model.state_shapes(sampler.batch_size)
        names = ["state"] if len(shapes) == 1 else ["state h", "state c"]
        _check_tensors(
            dict(zip(names, arrays, strict=True)),
            dict(zip(names, shapes, strict=True)),
            model.dtype,
        )


def _check_tensors(tensors: dict[str, np.ndarray], shapes: Shapes, dtype: str) -> None:
    if odd := sorted(tensors.keys() ^ shapes.keys()):
        what = f"no {odd[0]}" if odd[0] in shapes else f"{excerpt(odd[0])} too"
        raise SchemaError(f"the tensors {', '.join([*shapes][:4])}, …", what)
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            raise SchemaError(
                f"{name} of shape {shape} and {dtype}", f"{tensor.shape} and {tensor.dtype}"
            )
        if not np.isfinite(tensor).all():
            raise SchemaError(f"finite numbers in {name}", "one that is not")


def _state(text: str | None, model: Model, batch_size: int) -> State:
    if text is None:
        return None
    shapes = model.state_shapes(batch_size)
    kind = np.dtype(model.dtype).newbyteorder("<")
    size = sum(map(math.prod, shapes)) * kind.itemsize
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SchemaError("a state in base64", "something else") from None
    if len(content) != size:
        raise SchemaError(f"a state of {size:,} bytes", f"{len(content):,}")
    parts = np.split(np.frombuffer(bytearray(content), kind).astype(model.dtype), len(shapes))
    arrays = tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return arrays if len(arrays) > 1 else arrays[0]


def _arrays_of(state: State) -> tuple[np.ndarray, ...]:
    return state if isinstance(state, tuple) else (state,)


def _little_endian(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), order="C").tobytes()
