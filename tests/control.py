"""The control: how large the difference between two trainings of one model is by rounding alone.

The tolerance of a single step is computed from the case. After many updates this is not possible,
because each update builds on the rounding of earlier updates, and training may be chaotic. But it
can be measured. Controls are copies of scratch that start with every weight moved to a neighbouring
float and train on the same batches. Their later updates round in other ways, too: their steps are
perturbed (`perturbed_update`). The difference between PyTorch's model and scratch may be SAFETY
times the largest difference between a control and scratch plus two ulps of the largest value.
"""

import copy

import numpy as np

from compare.parity import (
    SAFETY,
    StepSettings,
    compare_results,
    largest_difference,
    read_parameters,
    run_step,
)
from compare.parity.tolerance import neighbour

CONTROLS = 4


def make_controls(model, seed=0):
    """Return copies of the model with every weight moved to a neighbour at random."""
    return [move_weights(copy.deepcopy(model), model, [seed, k]) for k in range(CONTROLS)]


def move_weights(control, model, seed):
    """Give the control the model's weights, each moved to a neighbour at random."""
    rng = np.random.default_rng(seed)
    for name, parameter in control.parameters.items():
        parameter[...] = neighbour(model.parameters[name], rng)
    return control


def perturbed_update(control, batch, state, lr, rng):
    """Do one perturbed training step of a control; return its final state.

    Moving only the weights is not enough. A gradient that is a sum of a thousand terms has a
    rounding error of more than one ulp, and at lr 1 the update does not make it smaller.
    """
    state = control.begin_state(len(batch.inputs)) if state is None else state
    results = run_step(
        control, batch, state, StepSettings(lr=lr), lambda value: neighbour(value, rng)
    )
    for name, parameter in control.parameters.items():
        parameter[...] = results[f"updated {name}"]
    return results["final state"]


def within_control(scratch, concise, controls):
    """Compare the results of both models, with the tolerance that the controls give."""
    allowed = {
        name: SAFETY
        * (
            max(largest_difference(array, control[name]) for control in controls)
            + 2 * float(np.spacing(np.abs(array).max()))
        )
        for name, array in scratch.items()
    }
    return compare_results(scratch, concise, allowed)


def weights(model):
    """Return copies of a model's parameters by name, for a model of either package."""
    return {name: array.copy() for name, array in read_parameters(model).items()}
