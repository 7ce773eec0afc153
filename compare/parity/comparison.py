"""Run one training step with both models and compare every tensor; an error if they differ."""

import copy

import numpy as np

import concise_rnn
import scratch_rnn
from compare.parity.experiment import Experiment
from compare.parity.optimizers import Memory, make_settings
from compare.parity.rows import Agreement, ParityReport, compare_results
from compare.parity.settings import StepSettings
from compare.parity.step import run_step
from compare.parity.table import parity_verdict, show_parity
from compare.parity.tolerance import tolerances
from compare.parity.weights import check_same_parameters, copy_weights
from compare.terminal import UNDECIDABLE, CommandError, Terminal
from scratch_rnn.arrays import State, arrays_of, each
from scratch_rnn.checks import check_batch, check_has
from scratch_rnn.text import Batch


class ParityError(CommandError):
    """The models differ by more than rounding."""


class UndecidableError(ParityError):
    """The comparison is undecidable: rounding alone could change results by 100 %."""

    exit_code = UNDECIDABLE


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

    Returns
    -------
    ParityReport
        A row for each tensor: the verdict, the largest difference, absolute and in ulps, and its
        share of the tolerance. ``.ok`` says whether the models agree in all of them.

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
    return compare_step(scratch_model, concise_model, batch, state, settings, seed=seed)


def compare_step(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    *,
    memory: Memory | None = None,
    seed: int = 0,
) -> ParityReport:
    """Compare one training step with these settings, as `check_parity` does.

    `memory` is what the optimizer of both has kept; None if there was no update before.
    """
    if state is None:
        state = scratch_model.begin_state(len(batch.inputs))
    scratch, allowed = tolerances(
        lambda move: run_step(scratch_model, batch, state, settings, move, memory=memory),
        seed=seed,
    )
    concise = run_step(concise_model, batch, state, settings, memory=memory)
    for results in (scratch, concise):  # the gradients of the output layer follow from it
        results.pop("gradient of logits", None)
    reference = None
    if arrays_of(state)[0].dtype == np.float32:
        convert_to_float64 = copy.deepcopy(concise_model).double()
        state = each(lambda array: array.astype(np.float64), state)
        if memory is not None:
            memory = {name: array.astype(np.float64) for name, array in memory.items()}
        reference = run_step(convert_to_float64, batch, state, settings, memory=memory)
    return compare_results(scratch, concise, allowed, reference)


def compare_untrained(experiment: Experiment, terminal: Terminal) -> ParityReport:
    """Compare both models and print the table; :class:`ParityError` if they differ."""
    report = check_experiment(experiment)
    show_parity(report, terminal)
    demand_agreement(report, "both models", "; nothing was trained")
    return report


def demand_agreement(report: ParityReport, who: str, consequence: str = "") -> None:
    """Raise :class:`ParityError` or :class:`UndecidableError` unless the models agree."""
    if report.ok:
        return
    kind = UndecidableError if report.verdict is Agreement.UNDECIDABLE else ParityError
    summary = parity_verdict(report)[0].removeprefix("parity: ")
    raise kind(f"{who}: {summary}{consequence}")


def check_experiment(experiment: Experiment, memory: Memory | None = None) -> ParityReport:
    """Compare both models on the first batch, with the current weights of the scratch model.

    The comparison asks whether equal weights give equal results. After a training the weights of
    the two models differ by rounding. So a copy of the PyTorch model first gets the scratch
    model's weights, and both optimizers the same `memory`.
    """
    twin = copy.deepcopy(experiment.concise)
    copy_weights(experiment.scratch, twin)
    return compare_step(
        experiment.scratch,
        twin,
        next(experiment.batches.epoch(0)),
        None,
        experiment.config.step,
        memory=memory,
        seed=experiment.config.seed,
    )
