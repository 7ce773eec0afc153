"""The main job: compare both models, train them side by side, and compare them again.

>>> from compare.runs.config import RunConfig
>>> result = run(RunConfig(quick=True))                               # doctest: +SKIP
>>> result.perplexities, result.directory                             # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import scratch_rnn
from compare.parity import (
    Materials,
    ParityConfig,
    ParityError,
    ParityReport,
    Trainee,
    Writer,
    check_materials,
    compare_untrained,
    copy_weights,
    demand_agreement,
    parallel_step,
    parity_verdict,
    prefixes,
    prepared,
    show_parity,
    updates,
    writers,
)
from compare.runs.config import RunConfig, TrainConfig
from compare.runs.curves import draw_curves
from compare.runs.data_parallel import agreed, begun_together, follow, joined
from compare.runs.diagnosis import as_before, first_not_finite, likely_causes, not_finite
from compare.runs.interrupt import deferred
from compare.runs.reading import read_json, read_metrics
from compare.runs.session import Session, TrainingStopped, begun, check_resumable, resumed
from compare.terminal import Terminal, perplexity_line, plural, rank_and_size

__all__ = ["ParityError", "RunResult", "TrainingStopped", "run", "train", "train_in_processes"]

UNTRAINED_PREDS = 10
NUM_PREDS = 50
EPOCHS_BETWEEN_TEXTS = 50


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes
    ----------
    directory : Path
        The record.
    perplexities : dict
        Perplexity of the last epoch, for each side.
    largest_difference : float or None
        Largest absolute difference between the parameters of both sides; None for one side.
    written : dict
        For each prefix, what each side wrote.
    seconds : float
        How long the training took: all of it, or what was left of it after a resume.
    updates : int
        Updates in that time.
    untrained, trained : ParityReport or None
        The comparison before training and after it; None for one side, and the first one also
        after a resume.
    """

    directory: Path
    perplexities: dict[str, float]
    largest_difference: float | None
    written: dict[str, dict[str, str]]
    seconds: float
    updates: int
    untrained: ParityReport | None = None
    trained: ParityReport | None = None


def run(config: RunConfig, terminal: Terminal | None = None) -> RunResult:
    """Compare both models, train them on the same batches, compare them again, and keep a record.

    Parameters
    ----------
    config : RunConfig
        The setting.
    terminal : Terminal, optional
        Where to report; nowhere if left out.

    Raises
    ------
    UsageError, scratch_rnn.text.DataError, DeviceError, RecordError, LockError, CheckpointError
        If the setting, the text, the device, the directory or a checkpoint in it won't do.
    ParityError
        If the models differ by more than rounding: before training, and then nothing is trained;
        or after it, and then the record has been written.
    TrainingStopped
        If a loss or a gradient norm is no finite number.
    KeyboardInterrupt
        After Ctrl-C, once the update at hand is finished and saved.
    """
    terminal = terminal or Terminal(quiet=True)
    if config.resume is not None:
        check_resumable("run", config)
    with prepared(config, terminal) as materials:
        trainees = [_trainee(materials.scratch, config), _trainee(materials.concise, config)]
        untrained = None if config.resume else _show_untrained(config, materials, terminal)
        known = {} if untrained is None else {"parity.json": {"untrained": _rows(untrained)}}
        with _session("run", config, materials, trainees, terminal, known) as session:
            result = _train_and_record(session, terminal, untrained)
    if result.trained is not None:
        demand_agreement(result.trained, "the trained models")
    return result


def train(config: TrainConfig, terminal: Terminal | None = None) -> RunResult:
    """Train one of the two models alone, and keep the same kind of record.

    Parameters and errors are those of :func:`run`, but nothing is compared. Weights and batches
    are those that :func:`run` begins with, so either side takes the same course in both. A run
    that one side began the other can go on with.
    """
    terminal = terminal or Terminal(quiet=True)
    if config.resume is not None:
        check_resumable("train", config)
    with prepared(config, terminal) as materials:
        model = materials.scratch if config.model == "scratch" else materials.concise
        trainees = [_trainee(model, config)]
        with _session("train", config, materials, trainees, terminal, {}) as session:
            return _train_and_record(session, terminal)


def train_in_processes(config: TrainConfig, terminal: Terminal) -> None:
    """Train the PyTorch model with all processes of `torchrun`, each with its rows of each batch.

    Before and after it, their step is compared with that of one process. Process 0 alone prints
    and keeps the record, which is that of :func:`train`; so are the errors.
    """
    rank, size = rank_and_size()
    if rank > 0:
        terminal = Terminal(quiet=True)
    if config.resume is not None:
        check_resumable("train", config)
    with joined(config), prepared(config, terminal) as materials:
        trainee = _trainee(materials.concise, config, parallel=True)
        if rank > 0:
            follow(trainee, materials, config)
            return
        untrained, known = None, {}
        if config.resume is None:
            terminal.line(f"{size} processes of {config.batch_size // size} rows, against one")
            untrained = compare_untrained(config, materials, terminal, parallel_step)
            known = {"parity.json": {"untrained": _rows(untrained)}}
            terminal.line()
        with _session("train", config, materials, [trainee], terminal, known) as session:
            result = _train_and_record(session, terminal, untrained)
    if result.trained is not None:
        demand_agreement(result.trained, f"{size} processes and one")


def _trainee(model: Any, config: RunConfig, *, parallel: bool = False) -> Trainee:
    return Trainee(
        model,
        config.lr,
        carry_state=config.carry_state,
        max_norm=config.max_norm,
        parallel=parallel,
    )


@contextmanager
def _session(
    command: str,
    config: RunConfig,
    materials: Materials,
    trainees: Sequence[Trainee],
    terminal: Terminal,
    known: Mapping[str, Mapping[str, Any]],
) -> Iterator[Session]:
    """Begin a run or take one up; where it ends early, say how to go on."""
    session: Session | None = None
    try:
        with (
            begun(command, config, materials, trainees, known)
            if config.resume is None
            else resumed(command, config, materials, trainees, terminal)
        ) as session:
            yield session
    except BrokenPipeError:  # nobody reads what could be said
        raise
    except (KeyboardInterrupt, SystemExit, OSError, RuntimeError):
        if session is not None:
            terminal.line(f"To go on:  {session.how_to_go_on}")
        raise


def _train_and_record(
    session: Session, terminal: Terminal, untrained: ParityReport | None = None
) -> RunResult:
    """Follow the training to its end, write what is left of the record, and report the outcome."""
    config, materials, record = session.config, session.materials, session.record
    both = _writers(config, materials)
    sides = {str(trainee.side): both[trainee.side] for trainee in session.trainees}
    spoken = prefixes(materials.vocab, config.token)
    course, seconds = _follow(session, sides, spoken[0], terminal)
    trained = None
    if session.trainees[0].parallel:
        copy_weights(materials.concise, materials.scratch)
        trained = check_materials(config, materials, parallel_step)
    elif len(sides) == 2:
        trained = check_materials(config, materials)
    result = RunResult(
        directory=record.directory,
        perplexities=course.perplexities,
        largest_difference=course.difference,
        written={prefix: _write(sides, prefix, NUM_PREDS) for prefix in spoken},
        seconds=seconds,
        updates=session.total - session.done,
        untrained=untrained,
        trained=trained,
    )
    session.write_weights()
    if trained is not None:
        known = (record.directory / "parity.json").exists()  # not where one process began the run
        rows = read_json(record.directory, "parity.json") if known else {}
        record.write_json("parity.json", {**rows, "trained": _rows(trained)})
    draw_curves(record.directory)
    record.write_json("result.json", _summary(result, materials))
    _report(result, config, materials, terminal)
    return result


class _Course:
    """What the updates come to: the perplexities of the last epoch, and the last difference."""

    def __init__(self, sides: Sequence[str], updates_per_epoch: int) -> None:
        self.perplexities: dict[str, float] = {}
        self.difference: float | None = None
        self._updates_per_epoch = updates_per_epoch
        self._losses, self._tokens = dict.fromkeys(sides, 0.0), 0

    def add(self, update: Mapping[str, Any]) -> bool:
        """Take an update into account; return whether it was the last of its epoch."""
        self.difference = update.get("largest_difference")
        self._tokens += update["num_tokens"]
        for side in self._losses:
            # where the other side took the first updates of a run, its losses count
            other = "concise" if side == "scratch" else "scratch"
            loss = update.get(f"{side}_loss", update.get(f"{other}_loss"))
            self._losses[side] += loss * update["num_tokens"]
        if update["update"] % self._updates_per_epoch > 0:
            return False
        self.perplexities = {
            side: float(scratch_rnn.perplexity(loss / self._tokens))
            for side, loss in self._losses.items()
        }
        self._losses, self._tokens = dict.fromkeys(self._losses, 0.0), 0
        return True


def _follow(
    session: Session, sides: Mapping[str, Writer], prefix: str, terminal: Terminal
) -> tuple[_Course, float]:
    """Train; record, show and now and then save; return what it came to, and the time."""
    config, updates_per_epoch = session.config, session.updates_per_epoch
    course = _Course(list(sides), updates_per_epoch)
    if session.done:
        for update in read_metrics(session.record.directory):
            course.add(update)
    done, parallel = session.done, session.trainees[0].parallel
    if parallel:
        begun_together(session.trainees[0], session.done)
    with deferred() as stop:
        with (
            terminal.progress(config.num_epochs, updates_per_epoch, done=session.done) as progress,
            np.errstate(over="ignore", invalid="ignore"),  # _check_finite says it better
        ):
            for update in updates(session.trainees, session.passes, done=done):
                _check_finite(update, session)
                done = update["update"]
                session.record.add_metrics(update)
                epoch_ended = course.add(update)
                progress.advance(course.difference)
                if epoch_ended:
                    epoch = update["epoch"] + 1
                    session.save_snapshot(epoch)
                    due = epoch % EPOCHS_BETWEEN_TEXTS == 0
                    texts = _write(sides, prefix, NUM_PREDS) if due else None
                    progress.end_epoch(course.perplexities, course.difference, texts)
                if agreed(stop, parallel=parallel):
                    break
                session.save_if_due(done)
            session.save(done)
        if agreed(stop, parallel=parallel):
            terminal.line(
                f"Stopped and saved after update {done:,} of {session.total:,} "
                f"(epoch {math.ceil(done / updates_per_epoch):,})"
            )
    return course, progress.seconds


def _check_finite(update: Mapping[str, Any], session: Session) -> None:
    """Stop where a loss or a gradient norm is no finite number, and find out why."""
    odd = {trainee: names for trainee in session.trainees if (names := not_finite(trainee, update))}
    if not odd:
        return
    (trainee, names), *_ = odd.items()
    number, config = update["update"], session.config
    checkpoint = session.store.newest()[0][trainee.side]
    twin, batch = as_before(trainee, checkpoint, session.materials.batches, number)
    raise TrainingStopped(
        f"training stopped at update {number:,} (epoch {update['epoch'] + 1:,}): "
        f"expected finite numbers, got others in {trainee.side}, the first in its "
        f"{first_not_finite(twin, batch) or names[0]}; "
        f"likely because of {likely_causes(config)}; "
        f"{session.record.directory} keeps the training after update "
        f"{checkpoint.position.update:,}"
    )


def _show_untrained(config: ParityConfig, materials: Materials, terminal: Terminal) -> ParityReport:
    """Print what the untrained models write, and compare them."""
    sides = _writers(config, materials)
    prefix = prefixes(materials.vocab, config.token)[0]
    terminal.line(f'Untrained, after "{prefix}"')
    terminal.written(_write(sides, prefix, UNTRAINED_PREDS))
    terminal.line()
    report = compare_untrained(config, materials, terminal)
    terminal.line()
    return report


def _writers(config: ParityConfig, materials: Materials) -> dict[str, Writer]:
    return writers(materials.scratch, materials.concise, materials.vocab, config.token)


def _write(sides: Mapping[str, Writer], prefix: str, num_preds: int) -> dict[str, str]:
    return {side: writer.write(prefix, num_preds) for side, writer in sides.items()}


def _rows(report: ParityReport) -> list[dict[str, Any]]:
    return [row.to_json() for row in report.rows]


def _summary(result: RunResult, materials: Materials) -> dict[str, Any]:
    return {
        "text": materials.text.name,
        "perplexity": result.perplexities,
        "largest_difference": result.largest_difference,
        "written": result.written,
        "parity": None if result.trained is None else result.trained.ok,
        "seconds": result.seconds,
        "updates": result.updates,
    }


def _report(result: RunResult, config: RunConfig, materials: Materials, terminal: Terminal) -> None:
    total = config.num_epochs * len(materials.batches)
    left_before = f"{result.updates:,} of " if result.updates < total else ""
    terminal.line()
    terminal.line(
        f"{plural(config.num_epochs, 'epoch')}, {left_before}{plural(total, 'update')} in "
        f"{result.seconds:.1f} s ({result.updates / max(result.seconds, 1e-9):.0f} a second)"
    )
    terminal.line(f"{materials.text.name}: {perplexity_line(result.perplexities)}", "bold")
    if result.largest_difference is not None:
        terminal.line(
            f"largest difference between the parameters of both: {result.largest_difference:.1e}"
        )
    if result.trained is not None:
        verdict, style = parity_verdict(result.trained)
        if not result.trained.ok:
            show_parity(result.trained, terminal)
        terminal.line(f"trained models, {verdict}", style)
    for prefix, texts in result.written.items():
        terminal.line()
        same = (
            ""
            if len(texts) == 1
            else ", identical"
            if len(set(texts.values())) == 1
            else ", different"
        )
        terminal.line(f'After "{prefix}"{same}')
        terminal.written(texts)
    terminal.line()
    terminal.line(f"Written to {result.directory}")
