"""A cell of Flax (nnx) or Equinox, run over a sequence by jax.lax.scan; gradients by jax.vjp."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

LIBRARIES = ("flax.nnx", "equinox")
CLASSES = (
    "flax.nnx:SimpleCell",
    "flax.nnx:GRUCell",
    "flax.nnx:LSTMCell",
    "flax.nnx:OptimizedLSTMCell",
    "equinox.nn:GRUCell",
    "equinox.nn:LSTMCell",
)

Step = Callable[[dict[str, Any], Any, Any], Any]  # of (parameters, state, x_t), the next state


def adapted(cell_class: Any) -> type:
    """Return the cell as a class that `check` expects."""
    of_library = _of_flax if "flax" in cell_class.__module__ else _of_equinox

    class Adapted:
        def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
            dtype = options.pop("dtype", "float32")
            jax.config.update("jax_enable_x64", dtype == "float64")
            self.dtype = jnp.dtype(dtype)
            self.parameters, self.step = of_library(
                cell_class, (input_size, hidden_size), self.dtype, **options
            )

        def load(self, values: dict[str, np.ndarray]) -> None:
            self.parameters = {n: jnp.asarray(values[n], self.dtype) for n in self.parameters}

        def forward(self, x: np.ndarray, state: Any) -> tuple[Any, Any, Any]:
            def run(parameters: Any, x: Any, state: Any) -> tuple[Any, Any]:
                def step(state: Any, x_t: Any) -> tuple[Any, Any]:
                    state = self.step(parameters, state, x_t)
                    return state, state[0] if isinstance(state, tuple) else state

                last, output = jax.lax.scan(step, state, x)
                return output, last

            inputs = jax.tree.map(lambda array: jnp.asarray(array, self.dtype), (x, state))
            results, pull = jax.vjp(run, self.parameters, *inputs)
            return *results, (results, pull)

        def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> dict[str, Any]:
            (output, last), pull = tape
            d_output = jnp.zeros_like(output) if d_output is None else d_output
            d_state = jax.tree.map(jnp.zeros_like, last) if d_state is None else d_state
            d_results = jax.tree.map(lambda d: jnp.asarray(d, self.dtype), (d_output, d_state))
            d_parameters, d_x, d_h0 = pull(d_results)
            return {"x": d_x, "h0": d_h0, "parameters": d_parameters}

    return Adapted


def _of_equinox(
    cell_class: Any, sizes: tuple[int, int], dtype: Any, *, bias: bool = True
) -> tuple[dict[str, Any], Step]:
    """Return parameters and step. An Equinox GRU has the part b_hn of b_hh alone."""
    import equinox

    cell = cell_class(*sizes, use_bias=bias, dtype=dtype, key=jax.random.key(0))
    every = ("weight_ih", "weight_hh", "bias", "bias_n")
    names = [name for name in every if getattr(cell, name, None) is not None]
    parameters = {name: getattr(cell, name) for name in names}
    H = sizes[1]
    if "bias_n" in names:
        parameters["bias_hh"] = jnp.pad(parameters.pop("bias_n"), (2 * H, 0))

    def step(parameters: dict[str, Any], state: Any, x_t: Any) -> Any:
        own = dict(parameters)
        if "bias_n" in names:
            b_hh = own.pop("bias_hh")
            own["bias"] = own["bias"].at[: 2 * H].add(b_hh[: 2 * H])
            own["bias_n"] = b_hh[2 * H :]
        filled = equinox.tree_at(
            lambda c: [getattr(c, n) for n in names], cell, [own[n] for n in names]
        )
        return jax.vmap(filled)(x_t, state)

    return parameters, step


def _of_flax(cell_class: Any, sizes: tuple[int, int], dtype: Any) -> tuple[dict[str, Any], Step]:
    """Return parameters and step; the state of a Flax LSTM is (c, h)."""
    from flax import nnx

    cell = cell_class(*sizes, dtype=dtype, param_dtype=dtype, rngs=nnx.Rngs(0))
    graph, variables = nnx.split(cell)
    flat = nnx.to_flat_state(variables)
    places = {".".join(map(str, path)): path for path, _ in flat}
    own = {".".join(map(str, path)): variable[...] for path, variable in flat}
    groups = _groups(list(own))
    parameters = {n: jnp.concatenate([own[p] for p in parts], -1) for n, parts in groups.items()}

    def step(parameters: dict[str, Any], state: Any, x_t: Any) -> Any:
        filled = variables
        for name, parts in groups.items():
            pieces = jnp.split(parameters[name], len(parts), axis=-1)
            for part, piece in zip(parts, pieces, strict=True):
                filled = _with(filled, places[part], piece)
        carry = state[::-1] if isinstance(state, tuple) else state
        carry, _ = nnx.merge(graph, filled)(carry, x_t)
        return carry[::-1] if isinstance(carry, tuple) else carry

    return parameters, step


def _with(state: Any, path: Any, value: Any) -> Any:
    """Return the variables with one value replaced."""
    changed = jax.tree.map(lambda leaf: leaf, state)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = at[path[-1]].replace(value)
    return changed


def _groups(names: list[str]) -> dict[str, list[str]]:
    """Join the gates of an LSTMCell, which are layers of their own."""
    if not any(name.startswith("ii.") for name in names):
        return {name: [name] for name in names}
    parts = {"i.kernel": ("ii", "if_", "ig", "io")}
    parts |= dict.fromkeys(("h.kernel", "h.bias"), ("hi", "hf", "hg", "ho"))
    return {name: [f"{part}.{name[2:]}" for part in own] for name, own in parts.items()}
