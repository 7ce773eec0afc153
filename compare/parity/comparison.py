"""Run one training step with both models and compare every tensor."""

import copy
from collections.abc import Callable, Mapping

import numpy as np

import concise_rnn
import scratch_rnn
from compare.parity.rows import ParityReport, compare_results
from compare.parity.step import concise_step, scratch_step
from compare.parity.tolerance import tolerances
from scratch_rnn.checks import check_has
from scratch_rnn.layers import states
from scratch_rnn.layers.states import State
from scratch_rnn.text import Batch

ConciseStep = Callable[..., Mapping[str, np.ndarray]]
"""A function of (model, batch, state, lr, max_norm), like `concise_step`."""


def check_parity(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batch: Batch,
    state: State = None,
    *,
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
    lr, max_norm : float
        Learning rate, and maximum norm of the gradients.
    seed : int
        Seed of the random moves from which the tolerance is computed.
    step : function, optional
        Runs the step of the PyTorch model: `concise_step`, or `parallel_step`.

    Returns
    -------
    ParityReport
        A row for each tensor.
    """
    check_has("scratch_model", scratch_model, "forward", "backward", "begin_state")
    check_has("concise_model", concise_model, "eval", "linear", "rnn")
    check_has("batch", batch, "inputs", "targets")
    if state is None:
        state = scratch_model.begin_state(len(batch.inputs))
    scratch, allowed = tolerances(
        lambda move: scratch_step(scratch_model, batch, state, lr, max_norm, move), seed=seed
    )
    concise = dict((step or concise_step)(concise_model, batch, state, lr, max_norm))
    for results in (scratch, concise):  # the gradients of the output layer follow from it
        results.pop("gradient of logits", None)
    reference = None
    if states.arrays_of(state)[0].dtype == np.float32:
        in_float64 = copy.deepcopy(concise_model).double()
        state = states.each(lambda array: array.astype(np.float64), state)
        reference = concise_step(in_float64, batch, state, lr, max_norm)
    return compare_results(scratch, concise, allowed, reference)
