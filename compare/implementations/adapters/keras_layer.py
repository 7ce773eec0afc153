"""SimpleRNN, GRU or LSTM of Keras, on the backend that KERAS_BACKEND names."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

LIBRARIES = ("keras",)
CLASSES = ("keras.layers:SimpleRNN", "keras.layers:GRU", "keras.layers:LSTM")

BACKEND: str = keras.backend.backend()
if BACKEND == "jax":
    import jax

Pull = Callable[[list[Any]], list[Any]]  # of the results' gradients, those of x, states, variables


def adapted(layer_class: Any) -> type:
    """Return the layer as a class that `check` expects."""
    is_gru = issubclass(layer_class, keras.layers.GRU)

    class Adapted:
        def __init__(
            self,
            input_size: int,
            hidden_size: int,
            *,
            nonlinearity: str = "tanh",
            bias: bool = True,
            dtype: str = "float32",
        ) -> None:
            if BACKEND == "jax":
                jax.config.update("jax_enable_x64", dtype == "float64")
            self.dtype = dtype
            results = {"return_sequences": True, "return_state": True, "dtype": dtype}
            self.layer = layer_class(hidden_size, activation=nonlinearity, use_bias=bias, **results)
            self.layer.build((None, None, input_size))

        @property
        def parameters(self) -> dict[str, np.ndarray]:
            arrays = [keras.ops.convert_to_numpy(v) for v in self.layer.trainable_variables]
            return self.named(arrays)

        def named(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
            """Return arrays by the variables' names; the gates z r n of a GRU become r z n."""
            found = {v.name: a for v, a in zip(self.layer.trainable_variables, arrays, strict=True)}
            if is_gru:
                found = {name: _turned(array) for name, array in found.items()}
            if "bias" in found and found["bias"].ndim == 2:
                found["bias"], found["recurrent_bias"] = found["bias"]
            return found

        def load(self, values: dict[str, np.ndarray]) -> None:
            for variable in self.layer.trainable_variables:
                value = values[variable.name]
                if variable.name == "bias" and len(variable.shape) == 2:
                    value = np.stack([value, values["recurrent_bias"]])
                variable.assign(_turned(value) if is_gru else value)

        def forward(self, x: np.ndarray, state: Any = None) -> tuple[Any, Any, Any]:
            states = [] if state is None else list(state) if isinstance(state, tuple) else [state]
            inputs = [np.asarray(array, self.dtype) for array in (x, *states)]
            results, pull = RUNS[BACKEND](self.layer, inputs)
            output, *last = (keras.ops.convert_to_numpy(result) for result in results)
            return output, tuple(last) if len(last) > 1 else last[0], (output, last, pull)

        def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> dict[str, Any]:
            output, last, pull = tape
            d_states = d_state if isinstance(d_state, tuple) else (d_state,) * len(last)
            d_results = [
                np.zeros_like(result) if d is None else np.asarray(d, self.dtype)
                for result, d in zip((output, *last), (d_output, *d_states), strict=True)
            ]
            found = [keras.ops.convert_to_numpy(gradient) for gradient in pull(d_results)]
            many = len(self.layer.trainable_variables)
            d_x, *d_initial = found[:-many]
            h0 = tuple(d_initial) if len(d_initial) > 1 else next(iter(d_initial), None)
            return {"x": d_x, "h0": h0, "parameters": self.named(found[-many:])}

    if BACKEND not in ("tensorflow", "torch", "jax"):
        del Adapted.backward  # a backend without gradients
    return Adapted


def _turned(array: np.ndarray) -> np.ndarray:
    """Exchange the first two of three gates."""
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)


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

    def pull(d_results: list[Any]) -> list[Any]:
        upstream = [torch.from_numpy(d) for d in d_results]
        options = dict.fromkeys(("retain_graph", "allow_unused", "materialize_grads"), True)
        return [*torch.autograd.grad(results, sources, upstream, **options)]

    return results, pull


def _run_jax(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], Pull]:
    others = [v.value for v in layer.non_trainable_variables]

    def run(x: Any, states: list[Any], variables: list[Any]) -> Any:
        return layer.stateless_call(variables, others, x, initial_state=states or None)[0]

    x, *states = inputs
    results, pull = jax.vjp(run, x, states, [v.value for v in layer.trainable_variables])

    def flat(d_results: list[Any]) -> list[Any]:
        d_x, d_states, d_variables = pull(type(results)(d_results))
        return [d_x, *d_states, *d_variables]

    return results, flat


def _run_forward(layer: Any, inputs: list[np.ndarray]) -> tuple[list[Any], Any]:
    x, *states = inputs
    return layer(x, initial_state=states or None), None


RUNS = {"tensorflow": _run_tensorflow, "torch": _run_torch, "jax": _run_jax, "numpy": _run_forward}
