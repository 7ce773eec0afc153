"""A package like scratch_rnn with another recurrent layer: a submitted class."""

import inspect
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import scratch_rnn
from compare.implementations.cells import CELLS
from compare.implementations.layers.user_layer import three_gradients
from compare.terminal import UsageError
from scratch_rnn import RNNTape
from scratch_rnn.layers.states import arrays_of


@dataclass(frozen=True, slots=True)
class SubmittedTape(RNNTape):
    """The tape of a submitted layer, with the layout, which is all that the model reads."""

    own: Any
    one_hot: bool


_TAKEN = inspect.signature(scratch_rnn.RNN).parameters.values()
DEFAULTS = {p.name: p.default for p in _TAKEN if p.kind is not p.KEYWORD_ONLY}
"""The value of each argument that a class does not take."""


def package_with(rnn_class: type, cell: str = "rnn") -> SimpleNamespace:
    """Return scratch_rnn's public names with another class for the layer of a cell.

    The smallest class is ``Class(input_size, hidden_size)``, with `parameters` under torch's names,
    ``forward(x, state)`` that gives (output, state, tape), and ``backward(tape, d_output,
    d_state)`` that gives the gradients of x, of the state and of the parameters, as an object, a
    dict or three values. Arguments of `scratch_rnn.RNN` that it does not take must have their
    default here. It need not take token numbers, because it gets one-hot rows. `lengths` and
    `dropout_masks` are only passed if there are any.
    """
    base: Any = CELLS[cell].scratch_layer

    class SubmittedLayer(base):  # type: ignore[misc]
        parameters: dict[str, np.ndarray]

        def __init__(self, *sizes: Any, rng: np.random.Generator | None = None, **options: Any):
            super().__init__(*sizes, rng=rng, **options)
            initial = self.parameters
            self.own = built(rnn_class, self, sizes, options)
            self.parameters = check_parameters(rnn_class.__name__, self.own, initial)
            for name, array in initial.items():
                self.parameters[name][...] = array

        def forward(self, x: np.ndarray, state: Any = None, **more: Any) -> tuple[Any, Any, Any]:
            _, _, layout = self._lay_out(x, state, more.get("lengths"))  # raises if one is invalid
            given = {name: value for name, value in more.items() if value is not None}
            one_hot = x.dtype.kind != "f"
            if one_hot:
                x = np.eye(self.input_size, dtype=self.dtype)[x]
            output, last, tape = self.own.forward(x, state, **given)
            return output, last, SubmittedTape(layout, (), None, "", tape, one_hot)

        def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> Any:
            gradients = self.own.backward(tape.own, d_output, d_state)
            d_x, d_begun, d_parameters = three_gradients(gradients)
            if d_parameters is None:
                got = type(gradients).__name__
                raise UsageError(f"expected gradients with x, h0 and parameters, got {got}")
            d_h0, *d_c0 = arrays_of(d_begun)
            d_x = None if tape.one_hot else d_x
            return scratch_rnn.RNNGradients(d_x, d_h0, d_parameters, *d_c0)

    names = {name: getattr(scratch_rnn, name) for name in scratch_rnn.__all__}
    own = {base.__name__: SubmittedLayer, "text": scratch_rnn.text}
    return SimpleNamespace(**(names | own))


def built(layer_class: type, ours: Any, sizes: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the class's layer, given the arguments that it takes; UsageError if that fails."""
    name = layer_class.__name__
    rest = dict(zip(("num_layers", "nonlinearity"), sizes[2:], strict=False)) | options
    rest = {key: rest[key] for key in rest if key not in ("input_size", "hidden_size")}
    try:
        taken = inspect.signature(layer_class).parameters
    except ValueError:  # a class without a signature
        taken = None
    if taken is not None and all(p.kind is not p.VAR_KEYWORD for p in taken.values()):
        for key in [key for key in rest if key not in taken]:
            value = rest.pop(key)
            if key in DEFAULTS and value != DEFAULTS[key]:
                raise UsageError(f"expected {name} to take {key}, which is {value!r} here")
    try:
        return layer_class(ours.input_size, ours.hidden_size, **rest)
    except Exception as error:
        raise UsageError(
            f"expected {name} to take the arguments of scratch_rnn.RNN, "
            f"got {type(error).__name__}: {error}"
        ) from error


def check_parameters(name: str, layer: Any, ours: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a layer's parameters; UsageError unless they have our names, shapes and dtype."""
    theirs = getattr(layer, "parameters", None)
    if not isinstance(theirs, dict):
        raise UsageError(f"expected {name}.parameters to be a dict, got {type(theirs).__name__}")
    if theirs.keys() != ours.keys():
        raise UsageError(
            f"expected {name} with {', '.join(ours)}, got {', '.join(theirs) or 'none'}"
        )
    for key, array in ours.items():
        own = np.asarray(theirs[key])
        if (own.shape, own.dtype) != (array.shape, array.dtype):
            raise UsageError(
                f"expected {key} of {name} of shape {array.shape} and dtype {array.dtype}, "
                f"got {own.shape} and {own.dtype}"
            )
    return theirs
