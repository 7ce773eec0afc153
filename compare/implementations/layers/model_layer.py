"""Any implementation as the recurrent layer of our language model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import scratch_rnn
from compare.implementations.core.failures import CallFailed, UnexpectedResult
from compare.implementations.core.interface import Array, Implementation
from compare.terminal import UsageError
from scratch_rnn import RNNGradients, RNNTape
from scratch_rnn.arrays import State, arrays_of
from scratch_rnn.layers.layer import Layer

HIDDEN = {"nonlinearity": "tanh", "batch_first": False, "dropout": 0.0}
"""Arguments of nn.RNN that weights do not show, and their defaults."""

Package = ModuleType | SimpleNamespace
"""`scratch_rnn`, or a module with its public names."""


@dataclass(frozen=True, slots=True)
class ModelTape(RNNTape):
    """The tape of another layer, with the layout, which is all that the model reads."""

    layer_tape: object
    one_hot: bool


class ModelLayer(Layer):
    """A layer with the sizes, the weights and the checks of ours; another one computes its passes.

    It is built like `scratch_rnn.RNN`, and each forward pass loads the weights of `parameters`. The
    implementation need not take token numbers, because it gets one-hot rows. `lengths` and
    `dropout_masks` are only passed if there are any.
    """

    def __init__(self, implementation: Implementation, *sizes: int, **options: object) -> None:
        ours = implementation.cell.scratch_layer(*sizes, **options)
        vars(self).update(vars(ours), cell=ours.cell, STATES=ours.STATES)
        self._implementation = implementation
        options_of_ours = {name: getattr(ours, name, default) for name, default in HIDDEN.items()}
        self._hidden = {
            name: value for name, value in options_of_ours.items() if value != HIDDEN[name]
        }
        try:
            self._load()
        except CallFailed as failure:
            names = ", ".join(self.parameters)
            raise UsageError(f"expected {implementation.title} with {names}; {failure}") from None
        except ValueError as error:
            raise UsageError(str(error)) from None
        self._shares_bias = _check_layer(implementation, self.parameters)

    def _load(self) -> None:
        self._implementation.load(self.parameters, **self._hidden)

    def step_in_columns(self, weights: object) -> None:
        """Return None: each step is the implementation's own."""

    def __call__(self, x: Array, state: State | None = None, **more: Any) -> tuple[Array, State]:
        """Return output and last state."""
        return self.forward(x, state, **more)[:2]

    def forward(
        self, x: Array, state: State | None = None, **more: Any
    ) -> tuple[Array, State, ModelTape]:
        """Return output, last state and tape; raise what our layer raises for these arguments."""
        _, _, layout = self._lay_out(x, state, more.get("lengths"))
        self._load()
        one_hot = x.dtype.kind != "f"
        if one_hot:
            x = np.eye(self.input_size, dtype=self.dtype)[x]
        passed = {name: value for name, value in more.items() if value is not None}
        output, last, tape = self._implementation.layer.forward(x, state, **passed)
        if last is None:
            raise UnexpectedResult("a last state", "None")
        return output, last, ModelTape(layout, (), None, "", tape, one_hot)

    def backward(
        self, tape: RNNTape, d_output: Array | None = None, d_state: State | None = None
    ) -> RNNGradients:
        """Return the gradients; a single bias moves as much as both of ours together."""
        assert isinstance(tape, ModelTape)
        gradients = self._implementation.layer.backward(tape.layer_tape, d_output, d_state)
        parameters = dict(gradients.parameters)
        for name in self.parameters if self._shares_bias else ():
            if name not in parameters:
                parameters[name] = parameters[name.replace("_hh_", "_ih_")].copy()
        if gradients.state is None:
            raise UnexpectedResult("a gradient of the state", "None")
        d_h0, *d_c0 = arrays_of(gradients.state)
        return RNNGradients(None if tape.one_hot else gradients.x, d_h0, parameters, *d_c0)


def _check_layer(implementation: Implementation, ours: Mapping[str, Array]) -> bool:
    """Return whether one bias is the sum of two of ours; UsageError if it cannot be trained."""
    title, parameters = implementation.title, implementation.parameters
    if getattr(implementation.layer, "forward_only", False):
        raise UsageError(f"expected {title} with forward and backward, got no backward")
    for name, array in parameters.items():
        if array.dtype != ours[name].dtype:
            expected = f"{name} of {title} of dtype {ours[name].dtype}"
            raise UsageError(f"expected {expected}, got {array.dtype}")
    return any(name not in parameters for name in ours) and implementation.cell.adds_biases


def build_package(implementation: Implementation) -> SimpleNamespace:
    """Return scratch_rnn's public names, with an implementation for the layer of its cell."""
    names = {name: getattr(scratch_rnn, name) for name in scratch_rnn.__all__}
    layer = {implementation.cell.layer: partial(ModelLayer, implementation)}
    return SimpleNamespace(**(names | {"text": scratch_rnn.text} | layer))
