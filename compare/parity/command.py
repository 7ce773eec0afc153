"""The command ``rnn-parity parity``: compare both models on the first batch of a text."""

import copy

from compare.parity.comparison import ConciseStep, compare_step
from compare.parity.config import SharedOptions
from compare.parity.experiment import Experiment, prepare
from compare.parity.optimizers import Memory
from compare.parity.rows import Agreement, ParityReport
from compare.parity.table import parity_verdict, show_parity
from compare.parity.weights import copy_weights
from compare.terminal import UNDECIDABLE, CommandError, Terminal


class ParityError(CommandError):
    """The models differ by more than rounding."""


class UndecidableError(ParityError):
    """The comparison is undecidable: rounding alone could change results by 100 %."""

    exit_code = UNDECIDABLE


def parity(config: SharedOptions, terminal: Terminal | None = None) -> ParityReport:
    """Compare both models on the first batch; :class:`ParityError` if they differ."""
    terminal = terminal or Terminal(quiet=True)
    with prepare(config, terminal) as experiment:
        return compare_untrained(config, experiment, terminal)


def compare_untrained(
    config: SharedOptions,
    experiment: Experiment,
    terminal: Terminal,
    step: ConciseStep | None = None,
) -> ParityReport:
    """Compare both models and print the table; :class:`ParityError` if they differ."""
    report = check_experiment(config, experiment, step)
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


def check_experiment(
    config: SharedOptions,
    experiment: Experiment,
    step: ConciseStep | None = None,
    memory: Memory | None = None,
) -> ParityReport:
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
        config.step,
        memory=memory,
        seed=config.seed,
        step=step,
    )
