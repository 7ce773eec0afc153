"""The row in JAX: the loop over time is a scan, compiled as a whole. JAX is an optional extra.

The gradients come from JAX's reverse-mode differentiation of the scan. The rows of W_ih are looked
up by token, as is usual in JAX; there is no product with one-hot rows.
"""

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from compare.bench.rows.row import Device, Row, line
from compare.bench.workload.case import Case, Job, LayerInputs, ModelInputs, select_layer
from compare.bench.workload.shapes import BACKWARD, FORWARD, GENERATION, STEP
from scratch_rnn.layers.states import arrays_of

if TYPE_CHECKING:
    from jax import Array

    Arrays = dict[str, Array]
    State = tuple[Array, ...]  # (B, H) each
    Function = Callable[[Array], Array]

LABELS = {"jax": "JAX, jit(scan)"}


def rows(device: Device | None) -> list[Row]:
    return [Jax()]


def _rnn(nn: ModuleType, f: "Function", a: "Array", u: "Array", h: "Array") -> "State":
    return (f(a + u),)


def _gru(nn: ModuleType, f: "Function", a: "Array", u: "Array", h: "Array") -> "State":
    H = h.shape[1]
    gates = nn.sigmoid(a[:, : 2 * H] + u[:, : 2 * H])
    r, z = gates[:, :H], gates[:, H:]
    n = f(a[:, 2 * H :] + r * u[:, 2 * H :])
    return ((1 - z) * n + z * h,)


def _lstm(nn: ModuleType, f: "Function", a: "Array", u: "Array", h: "Array", c: "Array") -> "State":
    H = h.shape[1]
    gates = a + u
    i, f_gate, o = (nn.sigmoid(gates[:, k * H : (k + 1) * H]) for k in (0, 1, 3))
    c = f_gate * c + i * f(gates[:, 2 * H : 3 * H])
    return o * f(c), c


STEPS: dict[str, Callable[..., "State"]] = {"rnn": _rnn, "gru": _gru, "lstm": _lstm}
"""A step of each cell: (jax.nn, its nonlinearity, W_ih x + b_ih, W_hh h + b_hh, *state) -> state.
"""


def _jax() -> ModuleType:
    return importlib.import_module("jax")


def _scan(case: Case, p: "Arrays", a: "Array", state: "State") -> "tuple[Array, State]":
    """Return all h and the last state, from a_t = W_ih x_t + b_ih, computed for all steps at once.

    A state is a tuple of arrays of shape (B, H).
    """
    nn, lax = _jax().nn, _jax().lax
    step, f = STEPS[case.shape.cell], getattr(nn, case.shape.nonlinearity)

    def cell(state: "State", a_t: "Array") -> "tuple[State, Array]":
        u = state[0] @ p["weight_hh_l0"].T + p["bias_hh_l0"]
        state = step(nn, f, a_t, u, *state)
        return state, state[0]

    last, h = lax.scan(cell, state, a)
    return h, last


def _first_state(case: Case) -> "State":
    """Return the case's initial state as `_scan` takes it."""
    state: State = _jax().device_put(tuple(array[0] for array in arrays_of(case.state)))
    return state


def _ready(function: Any, *arguments: Any) -> Any:
    """Call a function and wait for its result: JAX's calls return before they are finished."""
    return _jax().block_until_ready(function(*arguments))


class Jax(Row):
    """jit(scan) on the CPU."""

    name, label = "jax", LABELS["jax"]
    place = 3
    style = line("#009e73", "P")
    compiles = True
    cells = STEPS
    packages = ("jax",)
    idle = 0.01  # rounded up

    @contextmanager
    def settings(self, threads: int) -> Iterator[None]:
        """Import JAX. The first import starts its threads, as many as the variable NPROC has."""
        variables = {"NPROC": str(threads)}
        if threads == 1:
            flags = os.environ.get("XLA_FLAGS", "")
            variables["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
        with patch.dict(os.environ, variables):
            jax = _jax()
            jax.config.update("jax_enable_x64", True)  # otherwise float64 would become float32
            with jax.default_device(jax.devices("cpu")[0]):
                yield

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        jax, state_0 = _jax(), _first_state(case)
        p, x, d_output = (jax.device_put(a) for a in (case.parameters, case.x, case.d_output))

        def forward(p: "Arrays", x: "Array") -> "tuple[Array, State]":
            return _scan(case, p, x @ p["weight_ih_l0"].T + p["bias_ih_l0"], state_0)

        def forward_and_backward(
            p: "Arrays", x: "Array", d_output: "Array"
        ) -> "tuple[Array, State, Array, Arrays]":
            output, back, last = jax.vjp(forward, p, x, has_aux=True)
            d_p, d_x = back(d_output)
            return output, last, d_x, d_p

        forward, forward_and_backward = jax.jit(forward), jax.jit(forward_and_backward)
        runs = {
            FORWARD: lambda: _ready(forward, p, x),
            BACKWARD: lambda: _ready(forward_and_backward, p, x, d_output),
        }
        return case.jobs(runs, take_state=lambda h: np.asarray(h)[None])

    def model(self, case: ModelInputs) -> dict[str, Job]:
        jax, state_0 = _jax(), _first_state(case)
        jnp = jax.numpy
        inputs, targets = case.batch.inputs, case.batch.targets
        p, trained = jax.device_put(case.parameters), jax.device_put(case.parameters)
        writer = jax.device_put(case.generation_parameters)

        def logits_and_state(p: "Arrays", inputs: "Array", state: "State") -> "tuple[Array, State]":
            layer = select_layer(p)
            a = layer["weight_ih_l0"].T[inputs.T] + layer["bias_ih_l0"]  # (T, B, GH)
            h, state = _scan(case, layer, a, state)
            return h.reshape(-1, h.shape[2]) @ p["linear.weight"].T + p["linear.bias"], state

        def loss_and_state(p: "Arrays", inputs: "Array", targets: "Array") -> "tuple[Array, State]":
            y, state = logits_and_state(p, inputs, state_0)
            log_p = jax.nn.log_softmax(y)
            return -log_p[jnp.arange(len(y)), targets.T.reshape(-1)].mean(), state

        def loss_and_gradients(
            p: "Arrays", inputs: "Array", targets: "Array"
        ) -> "tuple[Array, State, Arrays]":
            value, d_p = jax.value_and_grad(loss_and_state, has_aux=True)(p, inputs, targets)
            return *value, d_p

        def step(
            p: "Arrays", inputs: "Array", targets: "Array"
        ) -> "tuple[Array, State, Array, Arrays]":
            loss, state, d_p = loss_and_gradients(p, inputs, targets)
            norm = jnp.sqrt(sum((g**2).sum() for g in d_p.values()))
            scale = jnp.minimum(1.0, case.settings.max_norm / (norm + 1e-6))
            return (
                loss,
                state,
                norm,
                {name: p[name] - case.settings.lr * scale * d_p[name] for name in p},
            )

        def generate(p: "Arrays", first: "Array") -> "Array":
            def character(
                carry: "tuple[Array, State]", _: None
            ) -> "tuple[tuple[Array, State], Array]":
                token, state = carry
                y, state = logits_and_state(p, token.reshape(1, 1), state)
                return (y[0].argmax(), state), y[0].argmax()

            start = first, jax.tree.map(lambda array: jnp.zeros_like(array[:1]), state_0)
            return jax.lax.scan(character, start, None, length=case.num_preds)[1]

        functions = (logits_and_state, loss_and_gradients, step, generate)
        forward, backward, step, generate = map(jax.jit, functions)

        def run_step() -> Any:
            nonlocal trained
            value = _ready(step, trained, inputs, targets)
            trained = value[-1]
            return value

        runs = {
            FORWARD: lambda: _ready(forward, p, inputs, state_0),
            BACKWARD: lambda: _ready(backward, p, inputs, targets),
            STEP: run_step,
            GENERATION: lambda: [1, *np.asarray(_ready(generate, writer, np.int64(1)))],
        }
        if case.settings.optimizer != "sgd":
            del runs[STEP]
        return case.jobs(runs, take_state=lambda h: np.asarray(h)[None])
