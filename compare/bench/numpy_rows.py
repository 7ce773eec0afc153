"""The rows in NumPy: scratch_rnn, and the plain version beside it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench import plain
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
    """The plain version of compare.bench.plain, with as many threads for BLAS as it may have."""

    name, label = "plain", "plain NumPy"

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Let BLAS itself use the threads: the plain version has no other use for them."""
        limits: AbstractContextManager[object] = threadpool_limits(threads, user_api="blas")
        return limits

    def rest(self, threads: int) -> float:
        """Return how long OpenBLAS's threads watch: 2^28 ticks of the processor."""
        return 0.15 if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _plain_layer(case) if isinstance(case, LayerCase) else _plain_model(case)


def _plain_layer(case: LayerCase) -> dict[str, Job]:
    p, f = case.parameters, case.shape.nonlinearity

    def forward() -> plain.States:
        return plain.layer_forward(case.x, case.h_0[0], p, f)

    def forward_and_backward() -> tuple[Any, ...]:
        states = plain.layer_forward(case.x, case.h_0[0], p, f)
        return states, *plain.layer_backward(states, case.d_output, p, f)

    def results(states: plain.States, *gradients: Any) -> Arrays:
        return layer_results(np.stack(states.h[1:]), states.h[-1][None], *gradients)

    return {
        FORWARD: Job(forward, results),
        BACKWARD: Job(forward_and_backward, lambda value: results(*value)),
    }


def _plain_model(case: ModelCase) -> dict[str, Job]:
    f, targets = case.shape.nonlinearity, case.batch.targets.T.reshape(-1)
    trained = {name: array.copy() for name, array in case.parameters.items()}

    def gradients_of(p: plain.Parameters) -> tuple[float, plain.Parameters, plain.States]:
        logits, states = plain.model_forward(case.batch.inputs, case.h_0[0], p, f)
        loss, d_logits = plain.cross_entropy(logits, targets)
        return loss, plain.model_backward(states, d_logits, p, f), states

    def step() -> tuple[float, float, plain.States]:
        loss, gradients, states = gradients_of(trained)
        return loss, plain.clip_and_update(gradients, trained, LR, MAX_NORM), states

    def generate() -> list[int]:
        return plain.generate(1, NUM_PREDS, case.generation_parameters, f)

    return {
        FORWARD: Job(
            lambda: plain.model_forward(case.batch.inputs, case.h_0[0], case.parameters, f),
            lambda value: model_results(case, logits=value[0], state=value[1].h[-1][None]),
        ),
        BACKWARD: Job(
            lambda: gradients_of(case.parameters),
            lambda value: model_results(
                case, loss=value[0], gradients=value[1], state=value[2].h[-1][None]
            ),
        ),
        STEP: Job(
            step,
            lambda value: model_results(
                case,
                loss=value[0],
                grad_norm=value[1],
                state=value[2].h[-1][None],
                updated=trained,
            ),
        ),
        GENERATION: Job(generate, lambda ids: {"text": np.array(ids, np.float64)}, units=NUM_PREDS),
    }


def layer_results(
    output: np.ndarray,
    h_n: np.ndarray,
    d_x: np.ndarray | None = None,
    gradients: Arrays | None = None,
) -> Arrays:
    """Name a layer's results as the gate knows them."""
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
    """Name a model's results as the gate knows them; those that change later are copied."""
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
