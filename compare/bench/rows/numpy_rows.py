"""The rows in NumPy: scratch_rnn and the plain version."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench.rows import LABELS
from compare.bench.rows.row import Row
from compare.bench.workload.case import Case, Job, LayerInputs, ModelInputs, TimedCall
from compare.bench.workload.shapes import BACKWARD, FORWARD, GENERATION, STEP, Shape
from compare.implementations import CELLS, Array, Cell
from compare.parity import ScratchOptimizer, StepSettings, limited_threads, step_options
from compare.terminal import all_but, list_changed
from scratch_rnn.arrays import arrays_of
from scratch_rnn.plain import adam, elman
from scratch_rnn.plain import model as plain
from scratch_rnn.plain.cells import PlainCell
from scratch_rnn.plain.elman import clip_grad_norm
from scratch_rnn.train import loss_and_gradients

PLAIN_SETTINGS = ("optimizer", "lr", "max_norm")
"""The settings of a step that the plain version has."""


class Scratch(Row):
    """scratch_rnn, through its public functions."""

    name, label = "scratch", LABELS["scratch"]

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        rnn = case.scratch()

        def forward_and_backward() -> object:
            output, state, tape = rnn.forward(case.x, case.state)
            gradients = rnn.backward(tape, case.d_output)
            return output, state, gradients.x, gradients.parameters

        forward = partial(rnn, case.x, case.state)
        return case.jobs({FORWARD: forward, BACKWARD: forward_and_backward})

    def model(self, case: ModelInputs) -> dict[str, Job]:
        model, trained = case.scratch(), case.scratch()
        writer = case.scratch(case.generation_parameters)
        optimizer = ScratchOptimizer(case.settings, trained.parameters).optimizer

        def forward_and_backward() -> object:
            loss, gradients, state, _ = loss_and_gradients(model, case.batch, case.state)
            return loss, state, gradients

        def step() -> object:
            options = step_options(case.settings)
            done = scratch_rnn.train_step(trained, case.batch, case.state, optimizer, **options)
            return done.loss, done.state, done.grad_norm, trained.parameters

        runs: dict[str, TimedCall] = {
            FORWARD: partial(model, case.batch.inputs, case.state),
            BACKWARD: forward_and_backward,
            STEP: step,
            GENERATION: partial(
                scratch_rnn.predict, case.first, case.num_preds, writer, case.vocab
            ),
        }
        return case.jobs(runs)


class OneThread(Scratch):
    """scratch_rnn on one thread, beside scratch_rnn on all of them."""

    name, label = "scratch-1", LABELS["scratch-1"]

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why the row is not available: on one thread scratch is the same."""
        return None if scratch_rnn.get_num_threads() > 1 else "--threads is 1"

    def settings(self, threads: int) -> AbstractContextManager[object]:
        return limited_threads(1)


class Plain(Row):
    """The plain version, scratch_rnn/plain; BLAS chooses its threads."""

    name, label = "plain", LABELS["plain"]
    idle = 0.15  # of OpenBLAS's threads: 2^28 processor ticks

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Set the number of BLAS threads; there are no others."""
        limits: AbstractContextManager[object] = threadpool_limits(threads, user_api="blas")
        return limits

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return all phases; nothing for ReLU, which the plain version does not have."""
        return super().prepare(case) if case.shape.nonlinearity == "tanh" else {}

    def list_unknown(self, settings: StepSettings) -> list[str]:
        """Return the options without a plain version."""
        unknown = list_changed(settings, all_but(settings, *PLAIN_SETTINGS))
        is_plain = settings.optimizer in ("sgd", "adam")
        return unknown if is_plain else [*unknown, f"--optimizer {settings.optimizer}"]

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        return plain_layer(case, plain_functions(case.shape, CELLS[case.shape.cell].plain))

    def model(self, case: ModelInputs) -> dict[str, Job]:
        functions = plain_functions(case.shape, CELLS[case.shape.cell].plain)
        state_0 = [array[0] for array in arrays_of(case.state)]
        inputs, targets = case.batch.inputs.T, case.batch.targets.T  # (T, B)
        parameters = list(case.parameters.values())
        trained = [array.copy() for array in parameters]
        update = plain_optimizer(case, trained)
        writer = list(case.generation_parameters.values())

        def forward() -> object:
            logits, last, _, _ = plain.forward(functions, inputs, state_0, parameters)
            return logits.reshape(-1, case.shape.V), last

        def forward_and_backward(
            parameters: list[Array],
        ) -> tuple[float, list[Array], list[Array]]:
            loss, gradients, last = plain.loss_and_gradients(
                functions, inputs, targets, state_0, parameters
            )
            return loss, last, gradients

        def step() -> object:
            loss, last, gradients = forward_and_backward(trained)
            grad_norm = clip_grad_norm(gradients, case.settings.max_norm)
            update(gradients)
            return loss, last, grad_norm, trained

        runs: dict[str, TimedCall] = {
            FORWARD: forward,
            BACKWARD: partial(forward_and_backward, parameters),
            STEP: step,
            GENERATION: lambda: plain.generate(functions, [1], case.num_preds, writer),
        }
        if self.list_unknown(case.settings):
            del runs[STEP]
        return case.jobs(runs, take_state=lambda h: h[None])


def plain_optimizer(case: ModelInputs, parameters: list[Array]) -> Callable[[list[Array]], None]:
    """Return a function that updates the parameters with the plain version of the optimizer."""
    lr = case.settings.lr
    if case.settings.optimizer == "sgd":
        return lambda gradients: elman.update(parameters, gradients, lr)
    memory = adam.begin_memory(parameters)

    def update(gradients: list[Array]) -> None:
        nonlocal memory
        memory = adam.update(parameters, gradients, memory, lr)

    return update


def plain_functions(shape: Shape, module: ModuleType) -> PlainCell:
    """Return the functions of a shape's cell from the module with its plain version."""
    forward, backward = (getattr(module, f"{shape.cell}_{way}") for way in ("forward", "backward"))
    cell = CELLS[shape.cell]
    axes = len(cell.list_sizes(shape.H))
    return PlainCell(forward, backward, num_states=len(cell.states), state_axes=axes)


def plain_layer(
    case: LayerInputs,
    functions: PlainCell,
    put: Callable[[Array], Any] = np.asarray,
    take: Callable[[Any], Array] = np.asarray,
) -> dict[str, Job]:
    """Return the phases of a layer, computed by the plain version.

    `put` converts an array to the type that the functions compute with, and `take` converts back.
    """
    weights = [put(array) for array in case.parameters.values()]
    x, d_output = put(case.x), put(case.d_output)
    state_0 = [put(array[0]) for array in arrays_of(case.state)]
    d_last = [put(np.zeros_like(array[0])) for array in arrays_of(case.state)]

    def forward() -> object:
        output, last, _ = functions.forward(x, *state_0, *weights)
        return output, last

    def forward_and_backward() -> object:
        output, last, tape = functions.forward(x, *state_0, *weights)
        d_x, *gradients = functions.backward(tape, d_output, *d_last)
        return output, last, d_x, gradients[len(state_0) :]

    runs = {FORWARD: forward, BACKWARD: forward_and_backward}
    return case.jobs(runs, take, lambda h: take(h)[None])
