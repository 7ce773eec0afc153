"""The rows in NumPy: scratch_rnn and the plain version."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench.rows.row import Device, Row, line
from compare.bench.workload.case import (
    LR,
    MAX_NORM,
    NUM_PREDS,
    Arrays,
    Case,
    Job,
    LayerInputs,
    ModelInputs,
    first_token,
    layer_gradients,
    layer_results,
    model_results,
    scratch_layer,
    scratch_model,
    text_results,
    token_results,
)
from compare.bench.workload.shapes import Shape
from compare.bench.workload.work import BACKWARD, FORWARD, GENERATION, STEP
from compare.parity import CELLS
from scratch_rnn import states
from scratch_rnn.plain import model as plain
from scratch_rnn.plain.elman import clip_grad_norm, update
from scratch_rnn.states import arrays_of, state_of
from scratch_rnn.train import loss_and_gradients

LABELS = {"plain": "plain NumPy", "scratch": "scratch"}


def rows(device: Device | None) -> list[Row]:
    """Return the rows of this module."""
    return [Plain(), Scratch()]


class Scratch(Row):
    """scratch_rnn, through its public functions."""

    name, label = "scratch", LABELS["scratch"]
    place = 0
    style = line("#1f3f77", "o", linewidth=2.4, zorder=5)

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _scratch_layer(case) if isinstance(case, LayerInputs) else _scratch_model(case)


def _scratch_layer(case: LayerInputs) -> dict[str, Job]:
    rnn = scratch_layer(case)

    def forward_and_backward() -> Any:
        output, state, tape = rnn.forward(case.x, case.state)
        return output, state, rnn.backward(tape, case.d_output)

    def backward_results(value: Any) -> Arrays:
        output, state, gradients = value
        return layer_results(output, state) | layer_gradients(gradients.x, gradients.parameters)

    return {
        FORWARD: Job(lambda: rnn(case.x, case.state), lambda value: layer_results(*value)),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _scratch_model(case: ModelInputs) -> dict[str, Job]:
    model, writer = scratch_model(case), scratch_model(case, case.generation_parameters)
    trained = scratch_model(case)
    optimizer = scratch_rnn.SGD(trained.parameters, LR)

    def backward_results(value: Any) -> Arrays:
        loss, gradients, state = value
        return model_results(case, loss=loss, state=state, gradients=gradients)

    def step_results(value: scratch_rnn.StepResult) -> Arrays:
        updated, norm = trained.parameters, value.grad_norm
        return model_results(
            case, loss=value.loss, state=value.state, grad_norm=norm, updated=updated
        )

    return {
        FORWARD: Job(
            lambda: model(case.batch.inputs, case.state),
            lambda value: model_results(case, logits=value[0], state=value[1]),
        ),
        BACKWARD: Job(lambda: loss_and_gradients(model, case.batch, case.state), backward_results),
        STEP: Job(
            lambda: scratch_rnn.train_step(
                trained, case.batch, case.state, optimizer, max_norm=MAX_NORM
            ),
            step_results,
        ),
        GENERATION: Job(
            lambda: scratch_rnn.predict(first_token(case), NUM_PREDS, writer, case.vocab),
            lambda text: text_results(case, text),
        ),
    }


class Plain(Row):
    """The plain version, scratch_rnn/plain; its threads are those of BLAS."""

    name, label = "plain", LABELS["plain"]
    place = 0
    style = line("#8a8a8a", "v")

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Set the number of BLAS threads: the plain version uses no other threads."""
        limits: AbstractContextManager[object] = threadpool_limits(threads, user_api="blas")
        return limits

    def rest(self, threads: int) -> float:
        """Return how long OpenBLAS's idle threads keep a core busy: 2^28 processor ticks."""
        return 0.15 if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        functions = plain_functions(case.shape, CELLS[case.shape.cell].plain)
        if isinstance(case, LayerInputs):
            return plain_layer(case, functions)
        return _plain_model(case, functions)


def plain_functions(shape: Shape, module: ModuleType) -> plain.Cell:
    """Return the functions of a shape's cell from the module with its plain version."""
    cell = plain.cell_of(module)
    if shape.options:
        return cell._replace(forward=partial(cell.forward, f=shape.nonlinearity))
    return cell


def plain_layer(
    case: LayerInputs,
    functions: plain.Cell,
    put: Callable[[np.ndarray], Any] = np.asarray,
    take: Callable[[Any], np.ndarray] = np.asarray,
) -> dict[str, Job]:
    """Return the phases of a layer, computed by the plain version.

    `put` converts an array to the type that the functions compute with, and `take` converts back.
    """
    weights = [put(array) for array in case.parameters.values()]
    x, d_output = put(case.x), put(case.d_output)
    state_0 = [put(array[0]) for array in arrays_of(case.state)]
    d_last = [put(np.zeros_like(array[0])) for array in arrays_of(case.state)]

    def forward() -> tuple[Any, Any]:
        output, last, _ = functions.forward(x, *state_0, *weights)
        return output, last

    def forward_and_backward() -> tuple[Any, ...]:
        output, last, tape = functions.forward(x, *state_0, *weights)
        return output, last, *functions.backward(tape, d_output, *d_last)

    def forward_results(value: Any) -> dict[str, np.ndarray]:
        output, last = value
        return layer_results(take(output), states.each(lambda h: take(h)[None], last))

    def backward_results(value: Any) -> Arrays:
        output, last, *gradients = value
        d_x, *others = map(take, gradients)
        of_weights = _named(case, others[len(state_0) :])
        return forward_results((output, last)) | layer_gradients(d_x, of_weights)

    return {
        FORWARD: Job(forward, forward_results),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _plain_model(case: ModelInputs, functions: plain.Cell) -> dict[str, Job]:
    state_0 = [array[0] for array in arrays_of(case.state)]
    inputs, targets = case.batch.inputs.T, case.batch.targets.T  # (T, B)
    parameters = list(case.parameters.values())
    trained = [array.copy() for array in parameters]

    def forward_and_backward(parameters: list[np.ndarray]) -> Any:
        return plain.loss_and_gradients(functions, inputs, targets, state_0, parameters)

    def step() -> tuple[float, float, list[np.ndarray]]:
        loss, gradients, last = forward_and_backward(trained)
        grad_norm = clip_grad_norm(gradients, MAX_NORM)
        update(trained, gradients, LR)
        return loss, grad_norm, last

    def results(last: list[np.ndarray], **others: Any) -> Arrays:
        return model_results(case, state=state_of(h[None] for h in last), **others)

    def forward_results(value: Any) -> Arrays:
        logits, last, _, _ = value
        return results(last, logits=logits.reshape(-1, case.shape.V))

    def backward_results(value: Any) -> Arrays:
        loss, gradients, last = value
        return results(last, loss=loss, gradients=_named(case, gradients))

    def step_results(value: Any) -> Arrays:
        loss, grad_norm, last = value
        return results(last, loss=loss, grad_norm=grad_norm, updated=_named(case, trained))

    writer = list(case.generation_parameters.values())
    return {
        FORWARD: Job(
            lambda: plain.forward(functions, inputs, state_0, parameters), forward_results
        ),
        BACKWARD: Job(lambda: forward_and_backward(parameters), backward_results),
        STEP: Job(step, step_results),
        GENERATION: Job(lambda: plain.generate(functions, [1], NUM_PREDS, writer), token_results),
    }


def _named(case: Case, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Give torch's names to a list of arrays in torch's order."""
    return dict(zip(case.parameters, arrays, strict=True))
