"""The numbers that a shape is measured with: drawn once, and the same for every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

import scratch_rnn
from compare.bench.shapes import Shape
from scratch_rnn.text import Batch, Vocab

Arrays = Mapping[str, np.ndarray]

LR = 0.1
MAX_NORM = 1.0
NUM_PREDS = 200
"""Characters that one call of a generation writes."""

LOUD = 20
"""In the generation the input counts so many times as much, or an untrained model would write one
and the same character for ever, and hide whatever is wrong."""


@dataclass(frozen=True, slots=True)
class LayerCase:
    """A bare layer, its input, and the gradient that comes back to its output."""

    shape: Shape
    dtype: str
    parameters: dict[str, np.ndarray]  # as nn.RNN names them
    x: Float[np.ndarray, "T B V"]
    h_0: Float[np.ndarray, "1 B H"]
    d_output: Float[np.ndarray, "T B H"]


@dataclass(frozen=True, slots=True)
class ModelCase:
    """A language model and a batch."""

    shape: Shape
    dtype: str
    parameters: dict[str, np.ndarray]  # as a model's state_dict names them
    generation_parameters: dict[str, np.ndarray]
    batch: Batch
    h_0: Float[np.ndarray, "1 B H"]
    vocab: Vocab


Case = LayerCase | ModelCase


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of one case, ready to be run by one row.

    What is timed is what is checked: `results` reads the very value that `run` returned.
    """

    run: Callable[[], Any]
    results: Callable[[Any], Arrays]
    units: int = field(default=1)  # of what a call does: characters of a generation


def make_case(shape: Shape, *, dtype: str = "float32", seed: int = 0) -> Case:
    """Draw parameters, inputs and an upstream gradient for a shape."""
    rng = np.random.default_rng(seed)
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    rnn = scratch_rnn.RNN(V, H, nonlinearity=shape.nonlinearity, dtype=np.dtype(dtype), rng=rng)
    if shape.nonlinearity == "relu":
        keep_from_the_kink(rnn.parameters, rng)
    h_0 = rng.uniform(-1, 1, (1, B, H)).astype(dtype)
    if shape.kind == "layer":
        x = rng.uniform(-1, 1, (T, B, V)).astype(dtype)
        d_output = rng.uniform(-1, 1, (T, B, H)).astype(dtype)
        return LayerCase(shape, dtype, rnn.parameters, x, h_0, d_output)
    model = scratch_rnn.RNNModel(rnn, V, rng=rng)
    tokens = rng.integers(0, V, (B, T + 1))
    batch = Batch(tokens[:, :-1].copy(), tokens[:, 1:].copy())
    loud = dict(model.parameters)
    loud["rnn.weight_ih_l0"] = LOUD * loud["rnn.weight_ih_l0"]
    vocab = Vocab([f"token{k}" for k in range(1, V)])
    return ModelCase(shape, dtype, model.parameters, loud, batch, h_0, vocab)


def keep_from_the_kink(parameters: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Let each unit of a ReLU layer be either always on or always off, in place.

    At 0 the derivative of a ReLU jumps, and among millions of units some would come so near to 0
    that rounding decides on which side they are. A bias of ±1 and weights of an eighth of the
    usual size keep all of them far away; how long the arithmetic takes doesn't depend on it.
    """
    for name in ("weight_ih_l0", "weight_hh_l0"):
        parameters[name] /= 8
    H = len(parameters["bias_ih_l0"])
    parameters["bias_ih_l0"][:] = rng.choice((-1, 1), H)
    parameters["bias_hh_l0"] /= 8


def scratch_layer(case: LayerCase) -> scratch_rnn.RNN:
    """Return scratch's layer with the case's parameters, copied."""
    shape = case.shape
    rnn = scratch_rnn.RNN(
        shape.V, shape.H, nonlinearity=shape.nonlinearity, dtype=np.dtype(case.dtype)
    )
    for name, array in case.parameters.items():
        rnn.parameters[name][...] = array
    return rnn


def scratch_model(case: ModelCase, parameters: Arrays | None = None) -> scratch_rnn.RNNModel:
    """Return scratch's model with these parameters, or else the case's, copied."""
    shape = case.shape
    rnn = scratch_rnn.RNN(
        shape.V, shape.H, nonlinearity=shape.nonlinearity, dtype=np.dtype(case.dtype)
    )
    model = scratch_rnn.RNNModel(rnn, shape.V)
    for name, array in (parameters or case.parameters).items():
        model.parameters[name][...] = array
    return model


def first_token(case: ModelCase) -> list[str]:
    """Return the prefix of the generation: one token."""
    return [case.vocab.idx_to_token[1]]


def text_results(case: ModelCase, text: str) -> Arrays:
    """Return the numbers of the tokens in a text that `predict` wrote."""
    return {"text": np.array([case.vocab[token] for token in text.split(" ")], np.float64)}
