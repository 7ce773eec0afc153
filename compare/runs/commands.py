"""The commands `run` and `train`: compare both models, train them, and compare them again.

>>> from compare.runs.config import RunConfig
>>> result = run(RunConfig(quick=True))                               # doctest: +SKIP
>>> result.perplexities, result.directory                             # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from compare import parity
from compare.files import JsonObject
from compare.runs.config import RunConfig, TrainConfig
from compare.runs.generation import Writer, make_writers
from compare.runs.record.directory import Record
from compare.runs.training.loop import train_to_end
from compare.runs.training.resuming import reopen
from compare.runs.training.session import Session
from compare.runs.yardsticks import Yardsticks, measure_yardsticks
from compare.terminal import Terminal, perplexity_line, plural, recall_line

UNTRAINED_PREDS = 10
NUM_PREDS = 50


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run."""

    directory: Path  # the record
    perplexities: dict[str, float]  # of the last epoch, for each model
    largest_difference: float | None  # between the parameters of both models; None for one model
    written: dict[str, dict[str, str]]  # the texts that each model generated, by prefix
    seconds: float  # duration of the training, or of the part after resuming
    updates: int  # in that time
    untrained: parity.ParityReport | None = None  # the comparison before; None after resuming too
    trained: parity.ParityReport | None = None  # the comparison after training; None for one model
    recall_shares: dict[str, float] = field(default_factory=dict)  # of the last epoch; or empty
    yardsticks: Yardsticks = field(default_factory=Yardsticks)


def run(config: RunConfig, terminal: Terminal | None = None) -> RunResult:
    """Compare both models, train them on the same batches, compare them again, and keep a record.

    Nothing is printed without a terminal. A ParityError says that the models differ by more than
    the tolerance; if they do after training, the record has been written. TrainingStopped is raised
    if a loss or a gradient norm is not finite, and KeyboardInterrupt after Ctrl-C, once the current
    update is finished and saved.
    """
    return _command("run", config, terminal, parity.SIDES)


def train(config: TrainConfig, terminal: Terminal | None = None) -> RunResult:
    """Train one of the two models, and keep the same kind of record.

    It has the parameters and errors of :func:`run`, but compares nothing. Initial weights, batches
    and results are the same as in :func:`run`. A run that one model began, the other can resume.
    """
    return _command("train", config, terminal, (config.model,))


def _command(
    command: str, config: RunConfig, terminal: Terminal | None, sides: Sequence[str]
) -> RunResult:
    terminal = terminal or Terminal(quiet=True)
    with ExitStack() as stack:
        past = stack.enter_context(reopen(command, config))
        experiment = stack.enter_context(parity.prepare(config, terminal))
        trainees = [
            parity.Trainee(getattr(experiment, side), config.step, carry_state=config.carry_state)
            for side in sides
        ]
        untrained = None
        if past is not None:
            session = Session(command, config, experiment, trainees, past.record)
            session.resume(past, terminal)
        else:
            if len(sides) == 2:
                untrained = _show_untrained(experiment, terminal)
            name = config.name or (command if len(sides) == 2 else f"{command}-{sides[0]}")
            record = stack.enter_context(Record.create(config.runs, name))
            session = Session(command, config, experiment, trainees, record)
            session.begin({} if untrained is None else {"untrained": _rows(untrained)})
        try:
            result = _train_and_record(session, terminal, untrained)
        except BrokenPipeError:  # the output is closed
            raise
        except (KeyboardInterrupt, SystemExit, OSError, RuntimeError):
            terminal.line(f"To resume:  {session.resume_command}", whole=True)
            raise
    if result.trained is not None:
        parity.demand_agreement(result.trained, "the trained models")
    return result


def _train_and_record(
    session: Session, terminal: Terminal, untrained: parity.ParityReport | None
) -> RunResult:
    """Train to the end, write the rest of the record, and print the result."""
    config, experiment, record = session.config, session.experiment, session.record
    both = _writers(experiment)
    sides = {str(trainee.side): both[trainee.side] for trainee in session.trainees}
    spoken = parity.choose_prefixes(experiment.vocab)
    seconds = train_to_end(session, lambda: _write(sides, spoken[0], NUM_PREDS), terminal)
    perplexities = session.history.average_epoch(config.num_epochs - 1, list(sides))
    trained = None
    if len(sides) == 2:
        trained = parity.check_experiment(experiment, session.trainees[0].memory())
    result = RunResult(
        directory=record.directory,
        perplexities=perplexities,
        largest_difference=session.history.last_difference if len(sides) == 2 else None,
        written={prefix: _write(sides, prefix, NUM_PREDS) for prefix in spoken},
        seconds=seconds,
        updates=session.total - session.done,
        untrained=untrained,
        trained=trained,
        recall_shares=session.history.average_recalls(config.num_epochs - 1, list(sides)),
        yardsticks=measure_yardsticks(experiment, {s: getattr(experiment, s) for s in sides}),
    )
    session.write_weights()
    if trained is not None:
        record.write_json("parity.json", {**session.parity, "trained": _rows(trained)})
    from compare.runs.curves import draw_curves  # not before it is needed: it loads matplotlib

    draw_curves(record.directory, session.history, experiment.text.name, config.dtype)
    summary = {
        "text": experiment.text.name,
        "perplexity": perplexities,
        "held_out_perplexity": result.yardsticks.held_out,
        "largest_difference": result.largest_difference,
        "written": result.written,
        "parity": None if trained is None else trained.ok,
        "seconds": seconds,
        "updates": result.updates,
    }
    if result.recall_shares:
        summary["recall_share"] = result.recall_shares
    record.write_json("result.json", summary)
    _report(result, config, experiment, terminal)
    return result


def _show_untrained(experiment: parity.Experiment, terminal: Terminal) -> parity.ParityReport:
    """Compare both models before training."""
    prefix = parity.choose_prefixes(experiment.vocab)[0]
    terminal.line(f'Untrained, after "{prefix}"')
    terminal.written(_write(_writers(experiment), prefix, UNTRAINED_PREDS))
    terminal.line()
    report = parity.compare_untrained(experiment, terminal)
    terminal.line()
    return report


def _writers(experiment: parity.Experiment) -> dict[str, Writer]:
    return make_writers(experiment.scratch, experiment.concise, experiment.vocab)


def _write(sides: Mapping[str, Writer], prefix: str, num_preds: int) -> dict[str, str]:
    return {side: write(prefix, num_preds) for side, write in sides.items()}


def _rows(report: parity.ParityReport) -> list[JsonObject]:
    return [row.to_json() for row in report.rows]


def _report(
    result: RunResult, config: RunConfig, experiment: parity.Experiment, terminal: Terminal
) -> None:
    total = config.num_epochs * len(experiment.batches)
    left_before = f"{result.updates:,} of " if result.updates < total else ""
    terminal.line()
    terminal.line(
        f"{plural(config.num_epochs, 'epoch')}, {left_before}{plural(total, 'update')} in "
        f"{result.seconds:.1f} s ({result.updates / max(result.seconds, 1e-9):.0f} a second)"
    )
    terminal.line(f"{experiment.text.name}: {perplexity_line(result.perplexities)}", "bold")
    for line in result.yardsticks.describe():
        terminal.line(line)
    if result.recall_shares:
        terminal.line(recall_line(result.recall_shares))
    if result.largest_difference is not None:
        terminal.line(
            f"largest difference between the parameters of both: {result.largest_difference:.1e}"
        )
    if result.trained is not None:
        verdict, style = parity.parity_verdict(result.trained)
        if not result.trained.ok:
            parity.show_parity(result.trained, terminal)
        terminal.line(f"trained models, {verdict}", style)
    for prefix, texts in result.written.items():
        terminal.line()
        same = "identical" if len(set(texts.values())) == 1 else "different"
        terminal.line(f'After "{prefix}"{f", {same}" if len(texts) > 1 else ""}')
        terminal.written(texts)
    terminal.line()
    terminal.line(f"Written to {result.directory}")
