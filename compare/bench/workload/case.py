"""The weights and inputs for a shape, equal for every row, and the jobs of a row: its phases."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float

import scratch_rnn
from compare.bench.workload.shapes import BACKWARD, FORWARD, GENERATION, STEP, Shape
from compare.implementations import CELLS, Array, Results, load_parameters
from compare.parity import StepSettings, name_state, write_parameters
from scratch_rnn.arrays import State, each, state_of
from scratch_rnn.layers.layer import Layer
from scratch_rnn.text import Batch, Vocab

Arrays = Mapping[str, Array]
TimedCall = Callable[[], object]
Convert = Callable[[Any], Array]

LOUD = 20
"""Factor on the input weights in generation. Without it an untrained model writes the same
character again and again, and errors would not show."""

STATE, GRADIENTS, UPDATED = "final state", "gradient of", "updated"

RESULTS = {
    ("layer", FORWARD): ("output", STATE),
    ("layer", BACKWARD): ("output", STATE, "gradient of x", GRADIENTS),
    ("model", FORWARD): ("logits", STATE),
    ("model", BACKWARD): ("loss", STATE, GRADIENTS),
    ("model", STEP): ("loss", STATE, "gradient norm", UPDATED),
}
"""The results of a call in each phase. Gradients and updated parameters have names, or are in the
order of the case's parameters. A generation returns its text or the token ids."""


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of one case for one row.

    `results` gets the value that `run` returned, so the timed call is the checked call. `inputs`
    are tensors with a batch axis 1 that `run` reads; they may change between blocks of calls.
    `time` returns the mean time of a number of calls, as the process that makes them measures it;
    without it, calls of `run` are timed here.
    """

    run: TimedCall
    results: Callable[[object], Arrays]
    inputs: tuple[torch.Tensor, ...] = ()
    time: Callable[[int], float] | None = None

    def turn(self, places: int = 1) -> None:
        """Change the inputs: each sequence moves this many places in the batch."""
        for tensor in self.inputs:
            tensor.data.copy_(tensor.data.roll(places, 1))


@dataclass(frozen=True, slots=True)
class Inputs:
    """The base of a layer's case and a model's case."""

    shape: Shape
    dtype: str
    parameters: Results  # with PyTorch's names; for a model, as in its state_dict
    state: State  # (1, B, H), for an LSTM a pair of them

    def jobs(
        self,
        runs: Mapping[str, TimedCall],
        take: Convert = np.asarray,
        take_state: Convert | None = None,
        inputs: tuple[torch.Tensor, ...] = (),
    ) -> dict[str, Job]:
        """Return the jobs of a row.

        `runs` are the calls of its phases; they return what `RESULTS` says. `take` converts what
        the row computes with to arrays, and `take_state` a state to arrays of (1, B, H).
        """

        def named(name: str, value: object) -> Arrays:
            if name == STATE:
                arrays = value if isinstance(value, tuple | list) else [value]
                return name_state(STATE, state_of(map(take_state or take, arrays)))
            if name in (GRADIENTS, UPDATED):
                if not isinstance(value, Mapping):
                    assert isinstance(value, Iterable)
                    value = dict(zip(self.parameters, value, strict=True))
                return {f"{name} {key}": take(item).copy() for key, item in value.items()}
            is_float = isinstance(value, float)
            return {name: np.asarray(value, self.dtype) if is_float else take(value)}

        def results(phase: str, value: object) -> Arrays:
            if isinstance(self, ModelInputs) and phase == GENERATION:
                return self.generated(value)
            assert isinstance(value, Iterable)
            parts = zip(RESULTS[self.shape.kind, phase], value, strict=True)
            return {key: array for part in parts for key, array in named(*part).items()}

        return {phase: Job(run, partial(results, phase), inputs) for phase, run in runs.items()}


@dataclass(frozen=True, slots=True)
class LayerInputs(Inputs):
    """A layer without a model, its input, and the upstream gradient of its output."""

    x: Float[Array, "T B V"]
    d_output: Float[Array, "T B H"]

    def scratch(self) -> Layer:
        """Return scratch's layer with a copy of the parameters."""
        rnn = make_scratch_layer(self.shape, self.dtype)
        load_parameters(rnn, self.parameters)
        return rnn


@dataclass(frozen=True, slots=True)
class ModelInputs(Inputs):
    """A language model and a batch."""

    generation_parameters: Results
    batch: Batch
    vocab: Vocab
    settings: StepSettings
    num_preds: ClassVar = 200  # number of characters that one call of generation writes

    @property
    def first(self) -> list[str]:
        """The prefix of the generation: one token."""
        return [self.vocab.idx_to_token[1]]

    def scratch(self, parameters: Arrays | None = None) -> scratch_rnn.RNNModel:
        """Return scratch's model with a copy of these parameters, by default the case's."""
        model = scratch_rnn.RNNModel(make_scratch_layer(self.shape, self.dtype), self.shape.V)
        write_parameters(model, parameters or self.parameters)
        return model

    def generated(self, text: object) -> Arrays:
        """Return the result of a generation from its text or token ids."""
        ids = [self.vocab[token] for token in text.split(" ")] if isinstance(text, str) else text
        return {"text": np.array(ids, np.float64)}


Case = LayerInputs | ModelInputs


def make_case(
    shape: Shape,
    *,
    dtype: str = "float32",
    seed: int = 0,
    settings: StepSettings | None = None,
) -> Case:
    """Draw parameters, inputs and gradients for a shape; the settings are those of its step."""
    rng = np.random.default_rng(seed)
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    rnn = make_scratch_layer(shape, dtype, rng)
    if shape.nonlinearity == "relu":
        keep_from_the_kink(rnn.parameters, rng)
    state = each(lambda zeros: rng.uniform(-1, 1, zeros.shape).astype(dtype), rnn.begin_state(B))
    if shape.kind == "layer":
        x = rng.uniform(-1, 1, (T, B, V)).astype(dtype)
        d_output = rng.uniform(-1, 1, (T, B, H)).astype(dtype)
        return LayerInputs(shape, dtype, rnn.parameters, state, x, d_output)
    model = scratch_rnn.RNNModel(rnn, V, rng=rng)
    tokens = rng.integers(0, V, (B, T + 1))
    batch = Batch(tokens[:, :-1].copy(), tokens[:, 1:].copy())
    loud = dict(model.parameters)
    loud["rnn.weight_ih_l0"] = LOUD * loud["rnn.weight_ih_l0"]
    vocab = Vocab([f"token{k}" for k in range(1, V)])
    settings, parameters = settings or StepSettings(), model.parameters
    return ModelInputs(shape, dtype, parameters, state, loud, batch, vocab, settings)


def widen(case: Case) -> Case:
    """Return the case with the same numbers in float64."""
    parameters = {name: array.astype(np.float64) for name, array in case.parameters.items()}
    state = each(lambda array: array.astype(np.float64), case.state)
    wide = replace(case, dtype="float64", parameters=parameters, state=state)
    if isinstance(wide, LayerInputs):
        x, d_output = wide.x.astype(np.float64), wide.d_output.astype(np.float64)
        return replace(wide, x=x, d_output=d_output)
    return wide


def keep_from_the_kink(parameters: Results, rng: np.random.Generator) -> None:
    """Change the weights of a ReLU layer in place, so that each unit is always on or always off.

    The derivative of ReLU jumps at 0. Among millions of values a few would be so close to 0 that
    rounding decides their sign. A bias of ±1 and weights of an eighth of the usual size keep all
    values away from 0. The time of the computation does not depend on these values.
    """
    for name in ("weight_ih_l0", "weight_hh_l0"):
        parameters[name] /= 8
    H = len(parameters["bias_ih_l0"])
    parameters["bias_ih_l0"][:] = rng.choice((-1, 1), H)
    parameters["bias_hh_l0"] /= 8


def make_scratch_layer(shape: Shape, dtype: str, rng: np.random.Generator | None = None) -> Layer:
    """Return scratch's layer of this cell and these sizes."""
    layer = CELLS[shape.cell].scratch_layer
    return layer(shape.V, shape.H, **shape.options, dtype=np.dtype(dtype), rng=rng)


def select_layer(parameters: Arrays) -> Results:
    """Return the parameters of the model's recurrent layer, with the layer's own names."""
    prefix = "rnn."
    return {n.removeprefix(prefix): a for n, a in parameters.items() if n.startswith(prefix)}


def turn_back(results: Arrays, turns: int) -> Results:
    """Return results of turned inputs in the old order; sums over the batch do not change."""
    return {
        name: np.roll(array, -turns, 1) if _has_batch_axis(name) else array
        for name, array in results.items()
    }


def _has_batch_axis(name: str) -> bool:
    """Return whether a result has a row for each sequence; an LSTM's states have two names."""
    return name in ("output", "gradient of x") or name.endswith(STATE)
