"""Keras's SimpleRNN, GRU or LSTM, on the backend that KERAS_BACKEND names.

TensorFlow and PyTorch compute gradients; on JAX and NumPy the adapter runs forward alone.

Its batch is first, its states have no axis for layers, and its weights are (in, out).

A file ``model.keras`` or ``model.h5`` is a model in which such a layer is found, however deep. The
layer's configuration decides what it computes; it can be given any weights.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
State = Array | tuple[Array, ...] | None
Target: TypeAlias = "keras.Layer | type[keras.Layer]"

LOWEST = [3, 11, 3]  # an older version may run the code of a Lambda that is in a file
BACKEND: str = keras.backend.backend()
GRADIENTS = BACKEND in ("tensorflow", "torch")

Arrays = dict[str, Array]
Pull = Callable[[list[Array]], list[object]]
"""Takes the results' gradients; returns the gradients of x, the states and the variables."""


def build(
    target: Target,
    input_size: int,
    hidden_size: int,
    *,
    nonlinearity: str = "",
    bias: bool = True,
    dtype: str = "float32",
) -> "keras.Layer":
    """Build a layer of a class, or one like a layer of a file with other weights."""
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_enable_x64", dtype == "float64")
    options = {"units": hidden_size, "use_bias": bias, "dtype": dtype}
    options |= {"return_sequences": True, "return_state": True}
    if not isinstance(target, type):
        options = target.get_config() | options | {"trainable": True, "stateful": False}
        if nonlinearity not in ("", options["activation"]):
            has = f"expected the nonlinearity {options['activation']} of the file"
            raise NotImplementedError(f"{has}, got {nonlinearity}")
        layer = find_class(target).from_config(options)
    else:
        layer = target(activation=nonlinearity or "tanh", name=target.__name__.lower(), **options)
    layer.build((None, None, input_size))
    return layer


def read(layer: "keras.Layer") -> Arrays:
    """Return the parameters by Keras's names, even if the layer is not trainable."""
    return {v.name: keras.ops.convert_to_numpy(v) for v in layer.weights}


def write(layer: "keras.Layer", arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters; Keras has no other way than to assign them."""
    for variable in layer.trainable_variables:
        variable.assign(arrays[variable.name])


def to_torch(target: Target, arrays: Arrays) -> Arrays:
    """Return parameters by PyTorch's names; the gates z r n of a GRU become r z n."""
    parameters = {
        "weight_ih_l0": arrays["kernel"].T,
        "weight_hh_l0": arrays["recurrent_kernel"].T,
    }
    if "bias" in arrays:
        rows = np.atleast_2d(arrays["bias"])
        parameters |= zip(("bias_ih_l0", "bias_hh_l0"), rows, strict=False)
    return _swap_gates(target, parameters)


def from_torch(target: Target, parameters: Arrays) -> Arrays:
    """Return parameters by Keras's names; a GRU alone has two biases."""
    swapped = _swap_gates(target, parameters)
    arrays = {"kernel": swapped["weight_ih_l0"].T, "recurrent_kernel": swapped["weight_hh_l0"].T}
    biases = [swapped[name] for name in ("bias_ih_l0", "bias_hh_l0") if name in swapped]
    if biases:
        has_both = len(biases) == 2 and _is_gru(target)
        arrays["bias"] = np.stack(biases) if has_both else np.sum(biases, axis=0)
    return arrays


def _is_gru(target: Target) -> bool:
    return issubclass(find_class(target), keras.layers.GRU)


def _swap_gates(target: Target, parameters: Arrays) -> Arrays:
    """Exchange the first two of a GRU's three gates."""
    if not _is_gru(target):
        return parameters
    gates = {name: np.split(array, 3) for name, array in parameters.items()}
    return {name: np.concatenate([b, a, c]) for name, (a, b, c) in gates.items()}


def run(
    layer: "keras.Layer", x: Array, state: State = None
) -> tuple[tuple[Array, State], Callable[..., tuple[Array, State, Arrays]]]:
    """Return output and last state, and the function that computes the gradients."""
    states = () if state is None else state if isinstance(state, tuple) else (state,)

    def to_keras(output: Array, *states: Array) -> list[Array]:
        arrays = (output.swapaxes(0, 1), *(h[0] for h in states))
        return [np.ascontiguousarray(array, layer.variable_dtype) for array in arrays]

    def from_keras(output: object, *states: object) -> list[Array]:
        arrays = map(keras.ops.convert_to_numpy, (output, *states))
        return [next(arrays).swapaxes(0, 1), *(h[None] for h in arrays)]

    results, pull_own = RUNS[BACKEND](layer, to_keras(x, *states))
    output, *last = from_keras(*results)

    def pull(d_output: Array | None, d_state: State) -> tuple[Array, State, Arrays]:
        d_states = d_state if isinstance(d_state, tuple) else (d_state,) * len(last)
        pairs = zip((output, *last), (d_output, *d_states), strict=True)
        upstream = (np.zeros_like(result) if d is None else d for result, d in pairs)
        assert pull_own is not None  # a backend without gradients has no backward pass
        gradients = pull_own(to_keras(*upstream))
        variables = layer.trainable_variables
        d_x, *d_initial = from_keras(*gradients[: -len(variables)])
        arrays = map(keras.ops.convert_to_numpy, gradients[-len(variables) :])
        d_own = {v.name: array for v, array in zip(variables, arrays, strict=True)}
        return d_x, _unpack_single(d_initial), to_torch(type(layer), d_own)

    return (output, _unpack_single(last)), pull


def _unpack_single(states: list[Array]) -> State:
    """Return the state of these arrays; None of none."""
    return tuple(states) if len(states) > 1 else next(iter(states), None)


# A pass on each backend: the results of x and the states, and the function of their gradients -----


def _run_tensorflow(layer: "keras.Layer", inputs: list[Array]) -> tuple[list[object], Pull]:
    import tensorflow as tf

    x, *states = (tf.constant(array) for array in inputs)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, *states])
        results = layer(x, initial_state=states or None)
    sources = [x, *states, *(v.value for v in layer.trainable_variables)]
    return results, lambda d_results: tape.gradient(
        results, sources, output_gradients=d_results, unconnected_gradients="zero"
    )


def _run_torch(layer: "keras.Layer", inputs: list[Array]) -> tuple[list[object], Pull]:
    import torch

    x, *states = (torch.tensor(array, requires_grad=True) for array in inputs)
    results = layer(x, initial_state=states or None)
    sources = [x, *states, *(v.value for v in layer.trainable_variables)]

    def pull(d_results: list[Array]) -> list[object]:
        upstream = [torch.from_numpy(d) for d in d_results]
        options = dict.fromkeys(("retain_graph", "allow_unused", "materialize_grads"), True)
        return [*torch.autograd.grad(results, sources, upstream, **options)]

    return results, pull


def _run_forward(layer: "keras.Layer", inputs: list[Array]) -> tuple[list[object], None]:
    x, *states = inputs
    return layer(x, initial_state=states or None), None


RUNS: dict[str, Callable[["keras.Layer", list[Array]], tuple[list[object], Pull | None]]] = {
    "tensorflow": _run_tensorflow,
    "torch": _run_torch,
    "jax": _run_forward,
    "numpy": _run_forward,
}


# A file with such layers --------------------------------------------------------------------------


def read_layers(path: str) -> dict[str, "keras.Layer"]:
    """Return the recurrent layers of a file by name; ValueError if two have the same name."""
    if [*map(int, re.findall(r"\d+", keras.__version__)[:3])] < LOWEST:
        raise ValueError(f"expected Keras 3.11.3 or newer for a file, got {keras.__version__}")
    kinds = (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM)
    model = keras.models.load_model(path, compile=False)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, kinds)]
    by_name = {layer.name: layer for layer in layers}
    if len(by_name) < len(layers):
        names = ", ".join(layer.name for layer in layers)
        expected = f"expected another name for each recurrent layer in {path}"
        raise ValueError(f"{expected}, got {names}")
    return by_name


def find_class(target: Target) -> "type[keras.Layer]":
    """Return the class of a target: itself, or the class of a layer in a file."""
    return target if isinstance(target, type) else type(target)


def read_file(path: str) -> dict[str, Arrays]:
    """Return the parameters of each recurrent layer by PyTorch's names."""
    return {name: to_torch(type(layer), read(layer)) for name, layer in read_layers(path).items()}


def write_file(
    path: str, layer_class: Target, parameters: Arrays, *, nonlinearity: str = ""
) -> None:
    """Write a model of one layer, which returns all outputs, with these parameters."""
    V = parameters["weight_ih_l0"].shape[1]
    H, dtype = parameters["weight_hh_l0"].shape[1], str(parameters["weight_ih_l0"].dtype)
    bias = "bias_ih_l0" in parameters
    layer = build(layer_class, V, H, nonlinearity=nonlinearity, bias=bias, dtype=dtype)
    write(layer, from_torch(layer_class, parameters))
    layer.return_state = False
    keras.Sequential([keras.Input((None, V), dtype=dtype), layer]).save(path)
