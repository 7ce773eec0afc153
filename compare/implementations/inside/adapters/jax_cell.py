"""A Flax (nnx) or Equinox cell, run over a sequence by jax.lax.scan; gradients by jax.vjp.

Parameters have PyTorch's names inside of the function whose gradients are computed, so that JAX
itself translates the gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import jax
import numpy as np
from jax import numpy as jnp

Array = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
GRADIENTS = True

Arrays = dict[str, jax.Array]
T = TypeVar("T")
State: TypeAlias = jax.Array | tuple[jax.Array, ...]
Results: TypeAlias = tuple[jax.Array, State]  # output, and the last state
Step = Callable[[jax.Array, State], State]  # x_t (B, V) and the state, to the next state

ARRAYS_OF_GATES = {"dense_i": ("ii", "if_", "ig", "io"), "dense_h": ("hi", "hf", "hg", "ho")}
"""The layers of Flax's LSTMCell, which are one layer each in its other cells."""


@dataclass
class JaxLayer:
    """A cell, and its parameters by the library's names."""

    cell: object
    arrays: Arrays
    dtype: jnp.dtype


def build(
    cell_class: type,
    input_size: int,
    hidden_size: int,
    *,
    dtype: str = "float32",
    **options: bool,
) -> JaxLayer:
    """Build the cell."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    kind = jnp.dtype(dtype)
    if _is_of_flax(cell_class):
        cell, arrays = _build_flax(cell_class, input_size, hidden_size, kind, **options)
    else:
        cell, arrays = _build_equinox(cell_class, input_size, hidden_size, kind, **options)
    return JaxLayer(cell, arrays, kind)


def read(model: JaxLayer) -> Arrays:
    """Return the parameters by the library's names."""
    return model.arrays


def write(model: JaxLayer, arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters; JAX has no other way than new arrays."""
    model.arrays = {name: jnp.asarray(arrays[name], model.dtype) for name in model.arrays}


def to_torch(cell_class: type, arrays: Arrays) -> Arrays:
    """Return parameters by PyTorch's names."""
    return (_flax_to_torch if _is_of_flax(cell_class) else _equinox_to_torch)(arrays)


def from_torch(cell_class: type, parameters: Arrays) -> Arrays:
    """Return parameters by the library's names."""
    if not _is_of_flax(cell_class):
        return _equinox_from_torch(parameters)
    return _flax_from_torch(parameters, [base.__name__ for base in cell_class.__mro__])


def run(
    model: JaxLayer, x: Array, state: Array | tuple[Array, ...] | None = None
) -> tuple[Results, Callable[..., tuple[jax.Array, State, Arrays]]]:
    """Return output and last state, and the function that computes the gradients."""

    def convert(arrays: T) -> T:
        converted: T = jax.tree.map(lambda array: jnp.asarray(array, model.dtype), arrays)
        return converted

    forward, backward = PASS
    results, vjp = forward(model.cell, model.arrays, convert(x), convert(state))

    def pull(
        d_output: Array | None, d_state: Array | tuple[Array, ...] | None
    ) -> tuple[jax.Array, State, Arrays]:
        output, last = jax.tree.map(lambda array: np.zeros(array.shape), results)
        upstream = (output if d_output is None else d_output, last if d_state is None else d_state)
        d_parameters, d_x, d_initial = backward(vjp, convert(upstream))
        return d_x, d_initial, d_parameters

    return results, pull


def _differentiate(
    cell: object, arrays: Arrays, x: jax.Array, state: State | None
) -> tuple[Results, jax.tree_util.Partial]:
    """Return output and last state, and their vector-Jacobian product."""
    parameters = to_torch(type(cell), arrays)
    rows, H = parameters["weight_hh_l0"].shape
    if state is None:
        zeros = jnp.zeros((1, x.shape[1], H), x.dtype)
        state = (zeros, zeros) if rows == 4 * H else zeros
    results, vjp = jax.vjp(partial(_compute, cell), parameters, x, state)
    return results, vjp


def _compute(cell: object, parameters: Arrays, x: jax.Array, state: State) -> Results:
    """Return output and last state."""
    fill = _fill_flax if _is_of_flax(type(cell)) else _fill_equinox
    next_state = fill(cell, from_torch(type(cell), parameters))

    def step(state: State, x_t: jax.Array) -> tuple[State, jax.Array]:
        state = next_state(x_t, state)
        return state, state[0] if isinstance(state, tuple) else state

    last, output = jax.lax.scan(step, jax.tree.map(lambda array: array[0], state), x)
    return output, jax.tree.map(lambda array: array[None], last)


PASS = jax.jit(_differentiate), jax.jit(lambda vjp, d_results: vjp(d_results))
"""Forward and backward, which JAX compiles once for each class and shape, and not in each pass."""


def _add_biases(parameters: Arrays) -> Arrays:
    """Return the one bias of a library that has one, if there is a bias."""
    biases = [parameters[name] for name in ("bias_ih_l0", "bias_hh_l0") if name in parameters]
    return {"bias": sum(biases[1:], biases[0])} if biases else {}


# Equinox: PyTorch's layout and gate order. A GRU has of b_hh the part b_hn alone -----------------


def _build_equinox(
    cell_class: Callable[..., object],
    input_size: int,
    hidden_size: int,
    dtype: jnp.dtype,
    *,
    bias: bool = True,
) -> tuple[object, Arrays]:
    key = jax.random.key(0)
    cell = cell_class(input_size, hidden_size, use_bias=bias, dtype=dtype, key=key)
    every = {n: getattr(cell, n, None) for n in ("weight_ih", "weight_hh", "bias", "bias_n")}
    return cell, {name: array for name, array in every.items() if array is not None}


def _equinox_to_torch(arrays: Arrays) -> Arrays:
    parameters = {f"{name}_l0": arrays[name] for name in ("weight_ih", "weight_hh")}
    if "bias" in arrays:
        parameters["bias_ih_l0"] = arrays["bias"]
    if "bias_n" in arrays:
        zeros = jnp.zeros_like(arrays["bias_n"])
        parameters["bias_hh_l0"] = jnp.concatenate([zeros, zeros, arrays["bias_n"]], axis=0)
    return parameters


def _equinox_from_torch(parameters: Arrays) -> Arrays:
    arrays = {name: parameters[f"{name}_l0"] for name in ("weight_ih", "weight_hh")}
    rows, H = arrays["weight_hh"].shape
    if rows != 3 * H or "bias_hh_l0" not in parameters:
        return arrays | _add_biases(parameters)
    b_ir, b_iz, b_in = jnp.split(parameters["bias_ih_l0"], 3, axis=0)
    b_hr, b_hz, b_hn = jnp.split(parameters["bias_hh_l0"], 3, axis=0)
    bias = jnp.concatenate([b_ir + b_hr, b_iz + b_hz, b_in], axis=0)
    return arrays | {"bias": bias, "bias_n": b_hn}


def _fill_equinox(cell: object, arrays: Arrays) -> Step:
    """Return the step of a cell with these parameters."""
    import equinox

    names = list(arrays)
    values = [arrays[name] for name in names]
    step: Step = jax.vmap(
        equinox.tree_at(lambda c: [getattr(c, name) for name in names], cell, values)
    )
    return step


# Flax: weights are (in, out), there is one bias, and the state of an LSTM is (c, h) ---------------


def _is_of_flax(cell_class: type) -> bool:
    return any(base.__module__.startswith("flax.") for base in cell_class.__mro__)


def _build_flax(
    cell_class: Callable[..., object], input_size: int, hidden_size: int, dtype: jnp.dtype
) -> tuple[object, Arrays]:
    from flax import nnx

    kinds = {"dtype": dtype, "param_dtype": dtype}
    cell = cell_class(input_size, hidden_size, **kinds, rngs=nnx.Rngs(0))
    variables = nnx.to_flat_state(nnx.split(cell)[1])
    return cell, {".".join(path): variable[...] for path, variable in variables}


def _flax_to_torch(arrays: Arrays) -> Arrays:
    joined = {}
    for layer, gates in ARRAYS_OF_GATES.items():
        for part in ("kernel", "bias"):
            every = [f"{name}.{part}" for name in (layer, *gates)]
            if blocks := [arrays[name] for name in every if name in arrays]:
                joined[f"{layer}.{part}"] = jnp.concatenate(blocks, axis=-1)
    W_ih, W_hh = joined.pop("dense_i.kernel").T, joined.pop("dense_h.kernel").T
    [b] = joined.values()
    return {"weight_ih_l0": W_ih, "weight_hh_l0": W_hh, "bias_ih_l0": b}


def _flax_from_torch(parameters: Arrays, classes: list[str]) -> Arrays:
    rows, H = parameters["weight_hh_l0"].shape
    if rows == 3 * H and "bias_hh_l0" in parameters:
        raise ValueError("expected no bias_hh_l0 for Flax's GRU, which has no b_hn, got one")
    biased = "dense_h.bias" if rows == 4 * H else "dense_i.bias"
    joined = {
        "dense_i.kernel": parameters["weight_ih_l0"].T,
        "dense_h.kernel": parameters["weight_hh_l0"].T,
        biased: _add_biases(parameters)["bias"],
    }
    if "LSTMCell" not in classes:
        return joined
    arrays: Arrays = {}
    for name, array in joined.items():
        layer, _, part = name.partition(".")
        blocks = jnp.split(array, 4, axis=-1)
        gates = ARRAYS_OF_GATES[layer]
        arrays |= {f"{gate}.{part}": block for gate, block in zip(gates, blocks, strict=True)}
    return arrays


def _fill_flax(cell: object, arrays: Arrays) -> Step:
    """Return the step of a cell with these parameters."""
    from flax import nnx

    graph, variables = nnx.split(cell)
    flat = nnx.to_flat_state(variables)
    filled = [(path, variable.replace(arrays[".".join(path)])) for path, variable in flat]
    merged = nnx.merge(graph, nnx.from_flat_state(filled))

    def step(x_t: jax.Array, state: State) -> State:
        carry, _ = merged(state[::-1] if isinstance(state, tuple) else state, x_t)
        return carry[::-1] if isinstance(carry, tuple) else carry

    return step
