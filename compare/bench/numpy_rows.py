"""The rows in NumPy: scratch_rnn and the plain version."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench.case import (
    LR,
    MAX_NORM,
    NUM_PREDS,
    Arrays,
    Case,
    Job,
    LayerCase,
    ModelCase,
    first_token,
    scratch_layer,
    scratch_model,
    text_results,
)
from compare.bench.row import Row
from compare.bench.work import BACKWARD, FORWARD, GENERATION, STEP
from scratch_rnn.plain import elman as plain
from scratch_rnn.train import loss_and_gradients


class Scratch(Row):
    """scratch_rnn, through its public functions."""

    name, label = "scratch", "scratch"

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _scratch_layer(case) if isinstance(case, LayerCase) else _scratch_model(case)


def _scratch_layer(case: LayerCase) -> dict[str, Job]:
    rnn = scratch_layer(case)

    def forward() -> tuple[np.ndarray, np.ndarray]:
        return rnn(case.x, case.h_0)

    def forward_and_backward() -> tuple[np.ndarray, np.ndarray, scratch_rnn.RNNGradients]:
        output, h_n, tape = rnn.forward(case.x, case.h_0)
        return output, h_n, rnn.backward(tape, case.d_output)

    def backward_results(value: Any) -> Arrays:
        output, h_n, gradients = value
        return layer_results(output, h_n, gradients.x, gradients.parameters)

    return {
        FORWARD: Job(forward, lambda value: layer_results(*value)),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _scratch_model(case: ModelCase) -> dict[str, Job]:
    model, talker = scratch_model(case), scratch_model(case, case.generation_parameters)
    trained = scratch_model(case)
    optimizer = scratch_rnn.SGD(trained.parameters, LR)

    def step() -> scratch_rnn.StepResult:
        return scratch_rnn.train_step(trained, case.batch, case.h_0, optimizer, max_norm=MAX_NORM)

    def backward_results(value: Any) -> Arrays:
        loss, gradients, state = value
        return model_results(case, loss=loss, state=state, gradients=gradients)

    def step_results(value: scratch_rnn.StepResult) -> Arrays:
        return model_results(
            case,
            loss=value.loss,
            state=value.state,
            grad_norm=value.grad_norm,
            updated=trained.parameters,
        )

    return {
        FORWARD: Job(
            lambda: model(case.batch.inputs, case.h_0),
            lambda value: model_results(case, logits=value[0], state=value[1]),
        ),
        BACKWARD: Job(lambda: loss_and_gradients(model, case.batch, case.h_0), backward_results),
        STEP: Job(step, step_results),
        GENERATION: Job(
            lambda: scratch_rnn.predict(first_token(case), NUM_PREDS, talker, case.vocab),
            lambda text: text_results(case, text),
            units=NUM_PREDS,
        ),
    }


class Plain(Row):
    """scratch_rnn/plain/elman.py; its threads are those of BLAS."""

    name, label = "plain", "plain NumPy"

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Set the number of BLAS threads: the plain version uses no other threads."""
        limits: AbstractContextManager[object] = threadpool_limits(threads, user_api="blas")
        return limits

    def rest(self, threads: int) -> float:
        """Return how long OpenBLAS's idle threads keep a core busy: 2^28 processor ticks."""
        return 0.15 if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _plain_layer(case) if isinstance(case, LayerCase) else _plain_model(case)


def _plain_layer(case: LayerCase) -> dict[str, Job]:
    f = case.shape.nonlinearity
    W_ih, W_hh, b_ih, b_hh = case.parameters.values()

    def forward() -> tuple[np.ndarray, np.ndarray]:
        output, h_n, _ = plain.rnn_forward(case.x, case.h_0[0], W_ih, W_hh, b_ih, b_hh, f)
        return output, h_n

    def forward_and_backward() -> tuple[np.ndarray, ...]:
        output, h_n, tape = plain.rnn_forward(case.x, case.h_0[0], W_ih, W_hh, b_ih, b_hh, f)
        return output, h_n, *plain.rnn_backward(tape, case.d_output, np.zeros_like(h_n))

    def backward_results(value: tuple[np.ndarray, ...]) -> Arrays:
        output, h_n, d_x, _, *gradients = value
        return layer_results(output, h_n[None], d_x, _named(case, gradients))

    return {
        FORWARD: Job(forward, lambda value: layer_results(value[0], value[1][None])),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _plain_model(case: ModelCase) -> dict[str, Job]:
    f, h_0 = case.shape.nonlinearity, case.h_0[0]
    inputs, targets = case.batch.inputs.T, case.batch.targets.T  # (T, B)
    parameters = list(case.parameters.values())
    trained = [array.copy() for array in parameters]

    def forward() -> tuple[np.ndarray, np.ndarray]:
        W_ih, W_hh, b_ih, b_hh, W, b = parameters
        x = plain.one_hot(inputs, len(b), h_0.dtype)
        output, h_n, _ = plain.rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh, f)
        return (output @ W.T + b).reshape(-1, len(b)), h_n

    def step() -> tuple[float, float, np.ndarray]:
        loss, gradients, h_n = plain.loss_and_gradients(inputs, targets, h_0, trained, f)
        grad_norm = plain.clip_grad_norm(gradients, MAX_NORM)
        plain.update(trained, gradients, LR)
        return loss, grad_norm, h_n

    def generate() -> list[int]:
        W_ih, W_hh, b_ih, b_hh, W, b = case.generation_parameters.values()
        ids, h = [1], np.zeros_like(h_0[:1])
        for _ in range(NUM_PREDS):
            x_t = plain.one_hot(np.array(ids[-1:]), len(b), h.dtype)
            h = plain.rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh, f)
            ids.append(int((h @ W.T + b).argmax()))
        return ids

    def backward_results(value: tuple[float, list[np.ndarray], np.ndarray]) -> Arrays:
        loss, gradients, h_n = value
        return model_results(case, loss=loss, gradients=_named(case, gradients), state=h_n[None])

    def step_results(value: tuple[float, float, np.ndarray]) -> Arrays:
        loss, grad_norm, h_n = value
        updated = _named(case, trained)
        return model_results(case, loss=loss, grad_norm=grad_norm, state=h_n[None], updated=updated)

    return {
        FORWARD: Job(
            forward, lambda value: model_results(case, logits=value[0], state=value[1][None])
        ),
        BACKWARD: Job(
            lambda: plain.loss_and_gradients(inputs, targets, h_0, parameters, f), backward_results
        ),
        STEP: Job(step, step_results),
        GENERATION: Job(generate, lambda ids: {"text": np.array(ids, np.float64)}, units=NUM_PREDS),
    }


def _named(case: Case, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Give torch's names to a list of arrays in torch's order."""
    return dict(zip(case.parameters, arrays, strict=True))


def layer_results(
    output: np.ndarray,
    h_n: np.ndarray,
    d_x: np.ndarray | None = None,
    gradients: Arrays | None = None,
) -> Arrays:
    """Return a layer's results by the names that the gate uses."""
    results = {"output": output, "final state": h_n}
    if d_x is not None and gradients is not None:
        results["gradient of x"] = d_x
        results |= {f"gradient of {name}": array for name, array in gradients.items()}
    return results


def model_results(
    case: ModelCase,
    *,
    state: np.ndarray,
    logits: np.ndarray | None = None,
    loss: float | np.ndarray | None = None,
    gradients: Arrays | None = None,
    grad_norm: float | np.ndarray | None = None,
    updated: Arrays | None = None,
) -> Arrays:
    """Return a model's results by the names that the gate uses; parameters are copied."""
    results: dict[str, np.ndarray] = {"final state": state}
    if logits is not None:
        results["logits"] = logits
    if loss is not None:
        results["loss"] = np.asarray(loss, case.dtype)
    if grad_norm is not None:
        results["gradient norm"] = np.asarray(grad_norm, case.dtype)
    results |= {f"gradient of {name}": array for name, array in (gradients or {}).items()}
    results |= {f"updated {name}": array.copy() for name, array in (updated or {}).items()}
    return results
