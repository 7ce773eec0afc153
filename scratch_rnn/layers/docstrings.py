"""The shared sections of the public layers' docstrings, and the layers' `repr`."""

import inspect
from typing import Any, TypeVar

Layer = TypeVar("Layer", bound=type)

SECTIONS = {
    "sizes": """\
input_size : int
    V, features of each x_t.
hidden_size : int
    H, hidden units.
num_layers : int
    L.""",
    "options": """\
bias : bool
    Whether there are b_ih and b_hh.
batch_first : bool
    Whether x and output are (B, T, …) instead of (T, B, …). States never are.
dropout : float
    Probability of dropping an input of a layer, the first layer excepted, in training: that is,
    where masks are passed to `forward`.
bidirectional : bool
    Whether each layer also reads backward: D is 2, else 1.""",
    "one_layer": """\
input_size : int
    V, features of each x_t.
hidden_size : int
    H, hidden units.
num_layers : int
    1. For more, let one layer read the output of another.
bias : bool
    Whether there are biases.
batch_first : bool
    Whether x and output are (B, T, …) instead of (T, B, …). States never are.""",
    "initial": """\
dtype : float32 or float64, optional
    float32 if not given.
rng : numpy.random.Generator, optional
    Source of the initial parameters, uniform in ±1/√H as in torch.""",
    "notes": """\
Raises
------
ValueError, TypeError
    For what torch's layer refuses. The message says what was expected and what was passed.

Notes
-----
The layer keeps no state between calls. `scratch_rnn.layers.layer` describes the arguments and
results of `forward` and `backward`.""",
}


def fill_docstring(layer: Layer) -> Layer:
    """Put the sections in the place of ``%(sizes)s`` and so on in the docstring of a class."""
    if layer.__doc__ is not None:  # as with python -OO
        layer.__doc__ = inspect.cleandoc(layer.__doc__) % SECTIONS
    return layer


def show_call(layer: Any) -> str:
    """Return the call that makes such a layer, without options that have their defaults."""
    arguments = []
    for name, argument in inspect.signature(type(layer)).parameters.items():
        value = layer.dtype.name if name == "dtype" else getattr(layer, name, None)
        default = "float32" if name == "dtype" else argument.default
        if default is argument.empty:
            arguments.append(repr(value))
        elif value != default:
            arguments.append(f"{name}={value!r}")
    return f"{type(layer).__name__}({', '.join(arguments)})"
