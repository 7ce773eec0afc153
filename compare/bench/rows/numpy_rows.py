"""The rows in NumPy: scratch_rnn and the plain version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench.rows.row import Row
from compare.bench.workload.case import (
    LR,
    MAX_NORM,
    NUM_PREDS,
    Arrays,
    Case,
    Job,
    LayerCase,
    ModelCase,
    first_token,
    layer_gradients,
    layer_results,
    model_results,
    scratch_layer,
    scratch_model,
    text_results,
)
from compare.bench.workload.work import BACKWARD, FORWARD, GENERATION, STEP
from scratch_rnn import states
from scratch_rnn.plain import model as plain
from scratch_rnn.plain.elman import clip_grad_norm, update
from scratch_rnn.states import State, arrays_of, state_of
from scratch_rnn.train import loss_and_gradients


class Scratch(Row):
    """scratch_rnn, through its public functions."""

    name, label = "scratch", "scratch"

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return _scratch_layer(case) if isinstance(case, LayerCase) else _scratch_model(case)


def _scratch_layer(case: LayerCase) -> dict[str, Job]:
    rnn = scratch_layer(case)

    def forward() -> Any:
        return rnn(case.x, case.state)

    def forward_and_backward() -> tuple[np.ndarray, State, scratch_rnn.RNNGradients]:
        output, state, tape = rnn.forward(case.x, case.state)
        return output, state, rnn.backward(tape, case.d_output)

    def backward_results(value: Any) -> Arrays:
        output, state, gradients = value
        return layer_results(output, state) | layer_gradients(gradients.x, gradients.parameters)

    return {
        FORWARD: Job(forward, lambda value: layer_results(*value)),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _scratch_model(case: ModelCase) -> dict[str, Job]:
    model, talker = scratch_model(case), scratch_model(case, case.generation_parameters)
    trained = scratch_model(case)
    optimizer = scratch_rnn.SGD(trained.parameters, LR)

    def step() -> scratch_rnn.StepResult:
        return scratch_rnn.train_step(trained, case.batch, case.state, optimizer, max_norm=MAX_NORM)

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
            lambda: model(case.batch.inputs, case.state),
            lambda value: model_results(case, logits=value[0], state=value[1]),
        ),
        BACKWARD: Job(lambda: loss_and_gradients(model, case.batch, case.state), backward_results),
        STEP: Job(step, step_results),
        GENERATION: Job(
            lambda: scratch_rnn.predict(first_token(case), NUM_PREDS, talker, case.vocab),
            lambda text: text_results(case, text),
            units=NUM_PREDS,
        ),
    }


class Plain(Row):
    """The pages of scratch_rnn/plain; their threads are those of BLAS."""

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
        if isinstance(case, LayerCase):
            return page_jobs(case, plain.CELLS)
        return _plain_model(case)


def _with_nonlinearity(case: Case, cells: Mapping[str, plain.Cell]) -> plain.Cell:
    cell = cells[case.shape.cell]
    if case.shape.cell == "rnn":
        return cell._replace(forward=partial(cell.forward, f=case.shape.nonlinearity))
    return cell


def page_jobs(
    case: LayerCase,
    cells: Mapping[str, plain.Cell],
    put: Callable[[np.ndarray], Any] = np.asarray,
    take: Callable[[Any], np.ndarray] = np.asarray,
) -> dict[str, Job]:
    """Return the phases of a layer by the functions of a page.

    `put` makes what they compute with of an array, and `take` an array of what they return.
    """
    cell, weights = _with_nonlinearity(case, cells), [put(a) for a in case.parameters.values()]
    x, d_output = put(case.x), put(case.d_output)
    state_0 = [put(array[0]) for array in arrays_of(case.state)]
    d_last = [put(np.zeros_like(array[0])) for array in arrays_of(case.state)]

    def forward() -> tuple[Any, Any]:
        output, last, _ = cell.forward(x, *state_0, *weights)
        return output, last

    def forward_and_backward() -> tuple[Any, ...]:
        output, last, tape = cell.forward(x, *state_0, *weights)
        return output, last, *cell.backward(tape, d_output, *d_last)

    def forward_results(value: Any) -> dict[str, np.ndarray]:
        output, last = value
        return layer_results(take(output), states.each(lambda h: _with_layers(take(h)), last))

    def backward_results(value: Any) -> Arrays:
        output, last, *gradients = value
        d_x, *others = map(take, gradients)
        of_weights = _named(case, others[len(state_0) :])
        return forward_results((output, last)) | layer_gradients(d_x, of_weights)

    return {
        FORWARD: Job(forward, forward_results),
        BACKWARD: Job(forward_and_backward, backward_results),
    }


def _plain_model(case: ModelCase) -> dict[str, Job]:
    cell = _with_nonlinearity(case, plain.CELLS)
    state_0 = [array[0] for array in arrays_of(case.state)]
    inputs, targets = case.batch.inputs.T, case.batch.targets.T  # (T, B)
    parameters = list(case.parameters.values())
    talker = list(case.generation_parameters.values())
    trained = [array.copy() for array in parameters]

    def step() -> tuple[float, float, list[np.ndarray]]:
        loss, gradients, last = plain.loss_and_gradients(cell, inputs, targets, state_0, trained)
        grad_norm = clip_grad_norm(gradients, MAX_NORM)
        update(trained, gradients, LR)
        return loss, grad_norm, last

    def results(last: list[np.ndarray], **others: Any) -> Arrays:
        return model_results(case, state=state_of(map(_with_layers, last)), **others)

    def forward_results(value: Any) -> Arrays:
        logits, last, _, _ = value
        return results(last, logits=logits.reshape(-1, case.shape.V))

    def backward_results(value: Any) -> Arrays:
        loss, gradients, last = value
        return results(last, loss=loss, gradients=_named(case, gradients))

    def step_results(value: Any) -> Arrays:
        loss, grad_norm, last = value
        return results(last, loss=loss, grad_norm=grad_norm, updated=_named(case, trained))

    return {
        FORWARD: Job(lambda: plain.forward(cell, inputs, state_0, parameters), forward_results),
        BACKWARD: Job(
            lambda: plain.loss_and_gradients(cell, inputs, targets, state_0, parameters),
            backward_results,
        ),
        STEP: Job(step, step_results),
        GENERATION: Job(
            lambda: plain.generate(cell, [1], NUM_PREDS, talker),
            lambda ids: {"text": np.array(ids, np.float64)},
            units=NUM_PREDS,
        ),
    }


def _with_layers(array: np.ndarray) -> np.ndarray:
    """Give a state of one layer, (B, H), the axis of the layers: (1, B, H)."""
    return array[None]


def _named(case: Case, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Give torch's names to a list of arrays in torch's order."""
    return dict(zip(case.parameters, arrays, strict=True))
