"""SimpleRNN, GRU or LSTM of Keras, on the backend that KERAS_BACKEND names.

Its batch is first, its states have no axis for layers, and its weights are (in, out).
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

LIBRARIES = ("keras",)
CLASSES = ("keras.layers:SimpleRNN", "keras.layers:GRU", "keras.layers:LSTM")

BACKEND: str = keras.backend.backend()
GRADIENTS = BACKEND in ("tensorflow", "torch", "jax")
if BACKEND == "jax":
    import jax

Arrays = dict[str, np.ndarray]
Pull = Callable[[list[np.ndarray]], list[Any]]
"""Takes the results' gradients; returns those of x, the states and the variables."""


def build(
    layer_class: Callable[..., Any],
    input_size: int,
    hidden_size: int,
    *,
    nonlinearity: str = "tanh",
    bias: bool = True,
    dtype: str = "float32",
) -> Any:
    """Build the layer."""
    if BACKEND == "jax":
        jax.config.update("jax_enable_x64", dtype == "float64")
    results = {"return_sequences": True, "return_state": True, "dtype": dtype}
    layer = layer_class(hidden_size, activation=nonlinearity, use_bias=bias, **results)
    layer.build((None, None, input_size))
    return layer


def read(layer: Any) -> Arrays:
    """Return the parameters by Keras's names."""
    return {v.name: keras.ops.convert_to_numpy(v) for v in layer.trainable_variables}


def write(layer: Any, arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters; Keras has no other way than to assign them."""
    for variable in layer.trainable_variables:
        variable.assign(arrays[variable.name])


def to_torch(layer_class: type, arrays: Arrays) -> Arrays:
    """Return parameters by PyTorch's names; the gates z r n of a GRU become r z n."""
    found = {
        "weight_ih_l0": arrays["kernel"].T,
        "weight_hh_l0": arrays["recurrent_kernel"].T,
    }
    if "bias" in arrays:
        rows = np.atleast_2d(arrays["bias"])
        found |= zip(("bias_ih_l0", "bias_hh_l0"), rows, strict=False)
    return _swap_gates(layer_class, found)


def from_torch(layer_class: type, parameters: Arrays) -> Arrays:
    """Return parameters by Keras's names; a GRU alone has two biases."""
    own = _swap_gates(layer_class, parameters)
    found = {"kernel": own["weight_ih_l0"].T, "recurrent_kernel": own["weight_hh_l0"].T}
    biases = [own[name] for name in ("bias_ih_l0", "bias_hh_l0") if name in own]
    if biases:
        has_both = len(biases) == 2 and _is_gru(layer_class)
        found["bias"] = np.stack(biases) if has_both else np.sum(biases, axis=0)
    return found


def _is_gru(layer_class: type) -> bool:
    return issubclass(layer_class, keras.layers.GRU)


def _swap_gates(layer_class: type, parameters: Arrays) -> Arrays:
    """Exchange the first two of a GRU's three gates."""
    if not _is_gru(layer_class):
        return parameters
    gates = {name: np.split(array, 3) for name, array in parameters.items()}
    return {name: np.concatenate([b, a, c]) for name, (a, b, c) in gates.items()}


def run(layer: Any, x: np.ndarray, state: Any = None) -> tuple[Any, Any]:
    """Return output and last state, and the function that computes the gradients."""
    states = () if state is None else state if isinstance(state, tuple) else (state,)

    def to_keras(output: np.ndarray, *states: np.ndarray) -> list[np.ndarray]:
        arrays = (output.swapaxes(0, 1), *(h[0] for h in states))
        return [np.ascontiguousarray(array, layer.variable_dtype) for array in arrays]

    def from_keras(output: Any, *states: Any) -> list[np.ndarray]:
        arrays = map(keras.ops.convert_to_numpy, (output, *states))
        return [next(arrays).swapaxes(0, 1), *(h[None] for h in arrays)]

    results, pull_own = RUNS[BACKEND](layer, to_keras(x, *states))
    output, *last = from_keras(*results)

    def pull(d_output: np.ndarray | None, d_state: Any) -> tuple[Any, Any, Arrays]:
        d_states = d_state if isinstance(d_state, tuple) else (d_state,) * len(last)
        given = zip((output, *last), (d_output, *d_states), strict=True)
        upstream = (np.zeros_like(result) if d is None else d for result, d in given)
        found = pull_own(to_keras(*upstream))
        variables = layer.trainable_variables
        d_x, *d_initial = from_keras(*found[: -len(variables)])
        arrays = map(keras.ops.convert_to_numpy, found[-len(variables) :])
        d_own = {v.name: array for v, array in zip(variables, arrays, strict=True)}
        return d_x, _one_or_tuple(d_initial), to_torch(type(layer), d_own)

    return (output, _one_or_tuple(last)), pull


def _one_or_tuple(states: list[np.ndarray]) -> Any:
    """Return the state of these arrays; None of none."""
    return tuple(states) if len(states) > 1 else next(iter(states), None)


# A pass on each backend: the results of x and the states, and the function of their gradients -----


def _run_tensorflow(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], Pull]:
    import tensorflow as tf

    x, *states = (tf.constant(array) for array in inputs)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, *states])
        results = layer(x, initial_state=states or None)
    sources = [x, *states, *(v.value for v in layer.trainable_variables)]
    return results, lambda d_results: tape.gradient(
        results, sources, output_gradients=d_results, unconnected_gradients="zero"
    )


def _run_torch(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], Pull]:
    import torch

    x, *states = (torch.tensor(array, requires_grad=True) for array in inputs)
    results = layer(x, initial_state=states or None)
    sources = [x, *states, *(v.value for v in layer.trainable_variables)]

    def pull(d_results: list[np.ndarray]) -> list[Any]:
        upstream = [torch.from_numpy(d) for d in d_results]
        options = dict.fromkeys(("retain_graph", "allow_unused", "materialize_grads"), True)
        return [*torch.autograd.grad(results, sources, upstream, **options)]

    return results, pull


def _run_jax(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], Pull]:
    others = [v.value for v in layer.non_trainable_variables]

    def compute(x: Any, states: list[Any], variables: list[Any]) -> Any:
        return layer.stateless_call(variables, others, x, initial_state=states or None)[0]

    x, *states = inputs
    results, vjp = jax.vjp(compute, x, states, [v.value for v in layer.trainable_variables])

    def pull(d_results: list[np.ndarray]) -> list[Any]:
        d_x, d_states, d_variables = vjp(type(results)(d_results))
        return [d_x, *d_states, *d_variables]

    return results, pull


def _run_forward(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], None]:
    x, *states = inputs
    return layer(x, initial_state=states or None), None


RUNS: dict[str, Callable[[Any, list[np.ndarray]], tuple[list[Any], Any]]] = {
    "tensorflow": _run_tensorflow,
    "torch": _run_torch,
    "jax": _run_jax,
    "numpy": _run_forward,
}
