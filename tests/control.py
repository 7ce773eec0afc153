"""The control: how far rounding alone drives two trainings of one model apart.

A single step has its allowance computed from the case. After many updates that can't be done:
each builds on the rounding of the one before, and training may be chaotic. But it can be watched.
Beside scratch run copies of it, the controls, each begun with every weight moved to a neighbouring
float, and given the very same batches. Each update rounds anew: so a control takes wobbled steps
(`wobbled_update`) in a long training, or has its weights moved again after each step
(`round_anew`) in a short one. What becomes of such small differences is what becomes of rounding;
PyTorch's model may be apart from scratch by SAFETY times what the farthest control is, and two gaps
of the largest value, just as in a single step.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import scratch_rnn
from compare.parity.comparison import scratch_step
from compare.parity.rows import ParityReport, compare_results
from compare.parity.tolerance import SAFETY, largest_difference, neighbour, ulp_of_largest
from compare.parity.weights import parameters_as_arrays
from scratch_rnn.text import Batch

CONTROLS = 4

Results = dict[str, np.ndarray]


def make_controls(model: scratch_rnn.RNNModel, seed: int = 0) -> list[scratch_rnn.RNNModel]:
    """Return copies of the model with every weight moved to a neighbour at random."""
    return [move_weights(copy_of(model), model, [seed, k]) for k in range(CONTROLS)]


def copy_of(model: scratch_rnn.RNNModel) -> scratch_rnn.RNNModel:
    """Return a model of the same configuration and weights."""
    rnn = model.rnn
    copied = scratch_rnn.RNNModel(
        scratch_rnn.RNN(
            rnn.input_size,
            rnn.hidden_size,
            rnn.num_layers,
            rnn.nonlinearity,
            rnn.bias,
            rnn.batch_first,
            rnn.dropout,
            rnn.bidirectional,
            dtype=rnn.dtype,
        ),
        model.vocab_size,
    )
    for name, parameter in copied.parameters.items():
        parameter[...] = model.parameters[name]
    return copied


def move_weights(
    control: scratch_rnn.RNNModel, model: scratch_rnn.RNNModel, seed: Any
) -> scratch_rnn.RNNModel:
    """Give the control the model's weights, each moved to a neighbour at random."""
    rng = np.random.default_rng(seed)
    for name, parameter in control.parameters.items():
        parameter[...] = neighbour(model.parameters[name], rng)
    return control


def round_anew(control: scratch_rnn.RNNModel, rng: np.random.Generator) -> None:
    """Move each of a control's weights to a neighbour at random, as its update may have rounded."""
    for parameter in control.parameters.values():
        parameter[...] = neighbour(parameter, rng)


def wobbled_update(
    control: scratch_rnn.RNNModel,
    batch: Batch,
    state: np.ndarray | None,
    lr: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Train a control by one step, all that the step rounds moved; return its final state.

    So that it also has what a training step adds to the rounding of the weights: a gradient that is
    a sum of a thousand terms is off by more than a gap, and at lr 1 nothing makes that smaller.
    """
    state = control.begin_state(len(batch.inputs)) if state is None else state
    results = scratch_step(control, batch, state, lr, 1.0, lambda value: neighbour(value, rng))
    for name, parameter in control.parameters.items():
        parameter[...] = results[f"updated {name}"]
    return results["final state"]


def within_control(scratch: Results, concise: Results, controls: Sequence[Results]) -> ParityReport:
    """Compare the two models' results, as far as the controls are apart from scratch."""
    allowed = {
        name: SAFETY
        * (
            max(largest_difference(array, control[name]) for control in controls)
            + 2 * ulp_of_largest(array)
        )
        for name, array in scratch.items()
    }
    return compare_results(scratch, concise, allowed)


def weights(model: Any) -> Results:
    """Return copies of a model's parameters by name, whatever package it is of."""
    return {name: array.copy() for name, array in parameters_as_arrays(model).items()}
