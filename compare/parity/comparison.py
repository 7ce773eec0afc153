"""Run one training step with both models and compare every tensor."""

import copy
from collections.abc import Callable, Mapping

import numpy as np

import concise_rnn
import scratch_rnn
from compare.implementations import Array
from compare.parity.optimizers import Memory, make_settings
from compare.parity.rows import ParityReport, compare_results
from compare.parity.settings import StepSettings
from compare.parity.step import run_concise_step, run_scratch_step
from compare.parity.tolerance import tolerances
from compare.parity.weights import check_same_parameters
from scratch_rnn.arrays import State, arrays_of, each
from scratch_rnn.checks import check_batch, check_has
from scratch_rnn.text import Batch

ConciseStep = Callable[..., Mapping[str, Array]]
"""A function with the arguments of `run_concise_step`."""


def check_parity(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batch: Batch,
    state: State | None = None,
    *,
    optimizer: str = "sgd",
    lr: float = 0.1,
    max_norm: float = 1.0,
    seed: int = 0,
    step: ConciseStep | None = None,
) -> ParityReport:
    """Compare one training step: states, logits, loss, gradients, clipping, update.

    In float32 each model is also compared with the float64 reference: the same step in float64.

    Parameters
    ----------
    scratch_model, concise_model : the two models
        They do not change: the step runs on copies, in evaluation mode.
    batch : Batch
        inputs and targets of shape (B, T).
    state : h of shape (L·D, B, R), or for an LSTM a pair with c of (L·D, B, H), optional
        Initial state. Default: zeros.
    optimizer : {"sgd", "adam"}
        Optimizer of the update, which is its first one.
    lr, max_norm : float
        Learning rate, and maximum norm of the gradients.
    seed : int
        Seed of the random moves from which the tolerance is computed.
    step : function, optional
        Runs the step of the PyTorch model: `run_concise_step`, or `run_parallel_step`.

    Returns
    -------
    ParityReport
        A row for each tensor.

    Raises
    ------
    ValueError
        If the parameters of the models have other names, shapes or dtypes.
    """
    check_has("scratch_model", scratch_model, "forward", "backward", "begin_state")
    check_has("concise_model", concise_model, "eval", "linear", "rnn")
    check_same_parameters(scratch_model, concise_model)
    check_batch(batch)
    settings = make_settings(optimizer, lr, max_norm)
    return compare_step(scratch_model, concise_model, batch, state, settings, seed=seed, step=step)


def compare_step(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    *,
    memory: Memory | None = None,
    seed: int = 0,
    step: ConciseStep | None = None,
) -> ParityReport:
    """Compare one training step with these settings, as `check_parity` does.

    `memory` is what the optimizer of both has kept; None if there was no update before.
    """
    if state is None:
        state = scratch_model.begin_state(len(batch.inputs))
    scratch, allowed = tolerances(
        lambda move: run_scratch_step(scratch_model, batch, state, settings, move, memory=memory),
        seed=seed,
    )
    run_step = step or run_concise_step
    concise = dict(run_step(concise_model, batch, state, settings, memory=memory))
    for results in (scratch, concise):  # the gradients of the output layer follow from it
        results.pop("gradient of logits", None)
    reference = None
    if arrays_of(state)[0].dtype == np.float32:
        in_float64 = copy.deepcopy(concise_model).double()
        state = each(lambda array: array.astype(np.float64), state)
        if memory is not None:
            memory = {name: array.astype(np.float64) for name, array in memory.items()}
        reference = run_concise_step(in_float64, batch, state, settings, memory=memory)
    return compare_results(scratch, concise, allowed, reference)
