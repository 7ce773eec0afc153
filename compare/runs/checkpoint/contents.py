"""What a checkpoint says: the parameters, and all else that decides how a training goes on.

In the file's metadata each entry is a text, most of them JSON:

=============  ====================================================================
``format``     ``rnn-parity checkpoint``
``version``    of the format; another one is refused
``side``       ``scratch`` or ``concise``: who wrote it. Either can read it
``model``      sizes and kind of the recurrent layer, and the dtype of everything
``text``       name and SHA-1 of the text
``vocabulary`` the tokens, in the order of their ids
``sampler``    how the text becomes batches: a pure function of this and the epoch
``optimizer``  learning rate, clipping, and whether the state is carried
``position``   the epoch, the batches done of it, and the updates done altogether
``state``      the carried hidden state in base64, or nothing where there is none
=============  ====================================================================

The state is no tensor of the file because it is no part of what was learnt: with it,
``load_state_dict`` would find a name that the model doesn't have.
"""

import base64
import binascii
import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from jaxtyping import Float

from compare.runs.checkpoint import container
from compare.runs.checkpoint.container import (
    CheckpointError,
    Problem,
    Shapes,
    excerpt,
    parse_json,
    shown,
)

FORMAT = "rnn-parity checkpoint"
VERSION = "1"
MOST_LAYERS = 1000

Side = Literal["scratch", "concise"]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The network: V tokens, L layers of H units, in D directions."""

    vocab_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    bias: bool = True
    bidirectional: bool = False
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter, under torch's names and in torch's order."""
        V, H = self.vocab_size, self.hidden_size
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        D = len(suffixes)
        shapes: Shapes = {}
        for layer in range(self.num_layers):
            for suffix in suffixes:
                shapes[f"rnn.weight_ih_l{layer}{suffix}"] = (H, V if layer == 0 else D * H)
                shapes[f"rnn.weight_hh_l{layer}{suffix}"] = (H, H)
                if self.bias:
                    shapes[f"rnn.bias_ih_l{layer}{suffix}"] = (H,)
                    shapes[f"rnn.bias_hh_l{layer}{suffix}"] = (H,)
        shapes["linear.weight"] = (V, D * H)
        shapes["linear.bias"] = (V,)
        return shapes

    def state_shape(self, batch_size: int) -> tuple[int, ...]:
        """Return the shape of a hidden state: (L·D, B, H)."""
        D = 2 if self.bidirectional else 1
        return self.num_layers * D, batch_size, self.hidden_size


@dataclass(frozen=True, slots=True, kw_only=True)
class TextName:
    """Which text it was."""

    name: str
    sha1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """How the text becomes batches; see `scratch_rnn.text.Batches`."""

    token: Literal["char", "word"]
    max_tokens: int | None
    sampling: Literal["sequential", "random"]
    batch_size: int
    num_steps: int
    seed: int
    batches: int  # of an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """How an update is made: by gradient descent, which remembers nothing."""

    name: Literal["SGD"] = "SGD"
    lr: float
    max_norm: float
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A training at rest, after a whole number of updates."""

    side: Side
    model: Model
    text: TextName
    vocabulary: tuple[str, ...]
    sampler: Sampler
    optimizer: Optimizer
    position: Position
    state: Float[np.ndarray, "LD B H"] | None  # None: the next batch begins with zeros
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
    try:
        _check(checkpoint)
    except Problem as problem:
        raise ValueError(f"expected {problem.expected}, got {problem.got}") from None
    weights = {name: checkpoint.weights[name] for name in checkpoint.model.shapes}
    container.write(path, weights, _metadata(checkpoint))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If it cannot be read, or anything in it is not as it was when it was saved.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    weights, metadata = container.read(Path(path), _promised)
    try:
        checkpoint = _from_metadata(metadata, weights)
        _check(checkpoint)
        return checkpoint
    except Problem as problem:
        raise CheckpointError(
            f"expected {problem.expected} in {shown(path)}, got {problem.got}"
        ) from None


# Between a checkpoint and the metadata of its file ------------------------------------------------

SECTIONS: dict[str, type] = {
    "model": Model,
    "text": TextName,
    "sampler": Sampler,
    "optimizer": Optimizer,
    "position": Position,
}


def _metadata(checkpoint: Checkpoint) -> dict[str, str]:
    state = checkpoint.state
    return {
        "format": FORMAT,
        "version": VERSION,
        "side": checkpoint.side,
        **{name: _to_json(getattr(checkpoint, name)) for name in SECTIONS},
        "vocabulary": json.dumps(checkpoint.vocabulary),
        "state": "" if state is None else base64.b64encode(_little_endian(state)).decode(),
    }


def _promised(metadata: dict[str, str]) -> tuple[Shapes, str]:
    """Return the shapes and the dtype that the metadata promise; their sizes are plausible."""
    _check_format(metadata)
    model = _section(metadata, "model", Model)
    _check_sizes(model, "vocab_size", "hidden_size", "num_layers")
    if model.num_layers > MOST_LAYERS:
        raise Problem(f"at most {MOST_LAYERS:,} layers", f"{model.num_layers:,}")
    return model.shapes, model.dtype


def _from_metadata(metadata: dict[str, str], weights: dict[str, np.ndarray]) -> Checkpoint:
    sections = {name: _section(metadata, name, kind) for name, kind in SECTIONS.items()}
    vocabulary = parse_json(metadata["vocabulary"])
    if not isinstance(vocabulary, list) or not all(isinstance(token, str) for token in vocabulary):
        raise Problem("a vocabulary of tokens", "something else")
    side = _checked(metadata["side"], Side, "side")
    state = _state(metadata["state"], sections["model"], sections["sampler"].batch_size)
    return Checkpoint(
        side=side, vocabulary=tuple(vocabulary), state=state, weights=weights, **sections
    )


def _check_format(metadata: dict[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise Problem(f"the format {FORMAT!r}", excerpt(metadata.get("format", "none")))
    if metadata.get("version") != VERSION:
        raise Problem(f"version {VERSION} of the format", excerpt(metadata.get("version", "none")))
    names = {"format", "version", "side", "vocabulary", "state", *SECTIONS}
    if metadata.keys() != names:
        odd = min(metadata.keys() ^ names)
        raise Problem(
            f"the metadata {', '.join(sorted(names))}",
            f"{excerpt(odd)} too" if odd in metadata else f"no {odd}",
        )


def _check(checkpoint: Checkpoint) -> None:
    """Raise `Problem` where one thing contradicts another, or a number is not finite."""
    model, sampler, position = checkpoint.model, checkpoint.sampler, checkpoint.position
    _check_sizes(sampler, "batch_size", "num_steps", "batches")
    if len(checkpoint.vocabulary) != model.vocab_size:
        raise Problem(
            f"a vocabulary of {model.vocab_size:,} tokens", f"{len(checkpoint.vocabulary):,}"
        )
    if len(set(checkpoint.vocabulary)) < len(checkpoint.vocabulary):
        raise Problem("tokens that differ from each other", "one of them twice")
    if position.update < 0 or position != Position.after(position.update, sampler.batches):
        raise Problem(f"a position with {sampler.batches:,} batches an epoch", excerpt(position))
    carried = checkpoint.optimizer.carry_state and position.batch > 0
    if carried != (checkpoint.state is not None):
        raise Problem("a carried state" if carried else "no state", "none" if carried else "one")
    _check_tensors(checkpoint.weights, model.shapes, model.dtype)
    if checkpoint.state is not None:
        shapes = {"state": model.state_shape(sampler.batch_size)}
        _check_tensors({"state": checkpoint.state}, shapes, model.dtype)


def _check_tensors(tensors: dict[str, np.ndarray], shapes: Shapes, dtype: str) -> None:
    if tensors.keys() != shapes.keys():
        raise Problem(f"the tensors {sorted(shapes)}", sorted(tensors))
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            raise Problem(
                f"{name} of shape {shape} and {dtype}", f"{tensor.shape} and {tensor.dtype}"
            )
        if not np.isfinite(tensor).all():
            raise Problem(f"finite numbers in {name}", "one that is not")


def _check_sizes(section: object, *names: str) -> None:
    for name in names:
        size = getattr(section, name)
        if not 1 <= size <= container.MOST_BYTES:
            raise Problem(f"{name} in 1 … {container.MOST_BYTES:,}", excerpt(size))


def _state(text: str, model: Model, batch_size: int) -> np.ndarray | None:
    if not text:
        return None
    shape = model.state_shape(batch_size)
    kind = np.dtype(model.dtype).newbyteorder("<")
    size = math.prod(shape) * kind.itemsize
    if len(text) != 4 * -(-size // 3):
        raise Problem(f"a state of {size:,} bytes in base64", f"{len(text):,} characters")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("a state in base64", "something else") from None
    if len(content) != size:
        raise Problem(f"a state of {size:,} bytes", f"{len(content):,}")
    return np.frombuffer(bytearray(content), kind).reshape(shape).astype(model.dtype)


def _little_endian(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), order="C").tobytes()


# Between a section and its JSON -------------------------------------------------------------------


def _to_json(section: Any) -> str:
    """Return a section as JSON; infinity, which JSON has not, as a text."""
    values = dataclasses.asdict(section)
    return json.dumps(
        {name: "inf" if value == math.inf else value for name, value in values.items()},
        allow_nan=False,
    )


def _section(metadata: dict[str, str], name: str, kind: type) -> Any:
    """Return a section of the metadata; each of its values must be of the type of its field."""
    values = parse_json(metadata[name])
    hints = get_type_hints(kind)
    if not isinstance(values, dict) or values.keys() != hints.keys():
        raise Problem(f"{name} with {', '.join(hints)}", excerpt(metadata[name]))
    return kind(**{key: _checked(values[key], hint, key) for key, hint in hints.items()})


def _checked(value: Any, hint: Any, name: str) -> Any:
    """Return the value if it is one that a field with this type can have."""
    if get_origin(hint) is Literal:
        fits = isinstance(value, str) and value in get_args(hint)
    elif hint is float:
        value = math.inf if value == "inf" else value
        fits = isinstance(value, float) and value > 0
    elif isinstance(hint, UnionType):
        fits = any(type(value) is kind for kind in get_args(hint))
    else:
        fits = type(value) is hint
    if not fits:
        expected = " or ".join(map(str, get_args(hint))) or getattr(hint, "__name__", hint)
        raise Problem(f"{name} of {expected}", excerpt(value))
    return value
