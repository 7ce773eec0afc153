"""The row in JAX: the loop over time is a scan, compiled as a whole. JAX is an optional extra.

The gradients come from JAX's reverse-mode differentiation of the scan. The rows of W_ih are looked
up by token, as is usual in JAX; there is no product with one-hot rows.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from compare.bench.case import LR, MAX_NORM, NUM_PREDS, Arrays, Case, Job, LayerCase, ModelCase
from compare.bench.numpy_rows import layer_results, model_results
from compare.bench.row import Row
from compare.bench.work import BACKWARD, FORWARD, GENERATION, STEP


class Jax(Row):
    """jit(scan) on the CPU."""

    name, label = "jax", "JAX, jit(scan)"
    compiles = True

    def missing(self, dtype: str) -> str | None:
        """Return a reason if JAX is not installed."""
        if importlib.util.find_spec("jax") is None:
            return "it is not installed (install the extra 'jax')"
        return None

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Start JAX with this number of threads; the first call decides for the whole process."""
        return _started(threads)

    def rest(self, threads: int) -> float:
        """Return how long its idle threads keep a core busy, rounded up."""
        return 0.01 if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _layer(case) if isinstance(case, LayerCase) else _model(case)


@contextmanager
def _started(threads: int) -> Iterator[None]:
    """Import JAX. It starts as many threads as the variable NPROC says."""
    before = {name: os.environ.get(name) for name in ("NPROC", "XLA_FLAGS")}
    os.environ["NPROC"] = str(threads)
    if threads == 1:
        flag = "--xla_cpu_multi_thread_eigen=false"
        os.environ["XLA_FLAGS"] = f"{before['XLA_FLAGS'] or ''} {flag}".strip()
    try:
        jax = _jax()
        jax.config.update("jax_enable_x64", True)  # otherwise float64 would become float32
        with jax.default_device(jax.devices("cpu")[0]):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _jax() -> Any:
    return importlib.import_module("jax")


def _scan(p: Any, a: Any, h_0: Any, nonlinearity: str) -> Any:
    """Return all states from a_t = W_ih x_t + b_ih, which is computed for all steps at once."""
    jax = _jax()
    f = jax.numpy.tanh if nonlinearity == "tanh" else jax.nn.relu

    def cell(h: Any, a_t: Any) -> tuple[Any, Any]:
        h = f(a_t + h @ p["weight_hh_l0"].T + p["bias_hh_l0"])
        return h, h

    return jax.lax.scan(cell, h_0, a)[1]


def _ready(function: Any, *arguments: Any) -> Any:
    """Call a function and wait for its result: JAX's calls return before they are finished."""
    return _jax().block_until_ready(function(*arguments))


def _layer(case: LayerCase) -> dict[str, Job]:
    jax, nonlinearity = _jax(), case.shape.nonlinearity
    p = jax.device_put(case.parameters)
    x, h_0, d_output = (jax.device_put(array) for array in (case.x, case.h_0[0], case.d_output))

    def output(p: Any, x: Any) -> Any:
        return _scan(p, x @ p["weight_ih_l0"].T + p["bias_ih_l0"], h_0, nonlinearity)

    def forward(p: Any, x: Any) -> Any:
        y = output(p, x)
        return y, y[-1:]

    def forward_and_backward(p: Any, x: Any, d_output: Any) -> Any:
        y, back = jax.vjp(output, p, x)
        d_p, d_x = back(d_output)
        return y, y[-1:], d_x, d_p

    def results(value: Any) -> Arrays:
        return layer_results(*jax.tree.map(np.asarray, value))

    forward, forward_and_backward = jax.jit(forward), jax.jit(forward_and_backward)
    return {
        FORWARD: Job(lambda: _ready(forward, p, x), results),
        BACKWARD: Job(lambda: _ready(forward_and_backward, p, x, d_output), results),
    }


def _model(case: ModelCase) -> dict[str, Job]:
    jax, nonlinearity = _jax(), case.shape.nonlinearity
    jnp = jax.numpy
    inputs, targets = case.batch.inputs, case.batch.targets
    h_0 = jax.device_put(case.h_0[0])
    p, trained = jax.device_put(case.parameters), jax.device_put(case.parameters)
    talker = jax.device_put(case.generation_parameters)

    def logits_and_state(p: Any, inputs: Any, h_0: Any) -> Any:
        layer = {name.removeprefix("rnn."): array for name, array in p.items()}
        a = layer["weight_ih_l0"].T[inputs.T] + layer["bias_ih_l0"]  # (T, B, H)
        h = _scan(layer, a, h_0, nonlinearity)
        y = h.reshape(-1, h.shape[2]) @ p["linear.weight"].T + p["linear.bias"]
        return y, h[-1:]

    def loss_and_state(p: Any, inputs: Any, targets: Any) -> Any:
        y, state = logits_and_state(p, inputs, h_0)
        log_p = jax.nn.log_softmax(y)
        return -log_p[jnp.arange(len(y)), targets.T.reshape(-1)].mean(), state

    loss_and_gradients = jax.value_and_grad(loss_and_state, has_aux=True)

    def step(p: Any, inputs: Any, targets: Any) -> Any:
        (loss, state), d_p = loss_and_gradients(p, inputs, targets)
        norm = jnp.sqrt(sum((g**2).sum() for g in d_p.values()))
        scale = jnp.minimum(1.0, MAX_NORM / (norm + 1e-6))
        return loss, norm, state, {name: p[name] - LR * scale * d_p[name] for name in p}

    def generate(p: Any, first: Any) -> Any:
        def character(carry: Any, _: Any) -> Any:
            token, h = carry
            y, state = logits_and_state(p, token.reshape(1, 1), h)
            return (y[0].argmax(), state[0]), y[0].argmax()

        start = first, jnp.zeros((1, case.shape.H), case.dtype)
        return jax.lax.scan(character, start, None, length=NUM_PREDS)[1]

    compiled = {
        function: jax.jit(function)
        for function in (logits_and_state, loss_and_gradients, step, generate)
    }

    def run_step() -> Any:
        nonlocal trained
        value = _ready(compiled[step], trained, inputs, targets)
        trained = value[3]
        return value

    def named(**values: Any) -> Arrays:
        return model_results(case, **jax.tree.map(np.asarray, values))

    return {
        FORWARD: Job(
            lambda: _ready(compiled[logits_and_state], p, inputs, h_0),
            lambda value: named(logits=value[0], state=value[1]),
        ),
        BACKWARD: Job(
            lambda: _ready(compiled[loss_and_gradients], p, inputs, targets),
            lambda value: named(loss=value[0][0], state=value[0][1], gradients=value[1]),
        ),
        STEP: Job(
            run_step,
            lambda value: named(
                loss=value[0], grad_norm=value[1], state=value[2], updated=value[3]
            ),
        ),
        GENERATION: Job(
            lambda: _ready(compiled[generate], talker, np.int64(1)),
            lambda ids: {"text": np.array([1, *np.asarray(ids)], np.float64)},
            units=NUM_PREDS,
        ),
    }
