"""Train to the end, or until a signal: record each update, and save from time to time."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from compare import parity
from compare.runs.training.diagnosis import name_likely_causes, name_not_finite
from compare.runs.training.interrupt import defer_signals
from compare.runs.training.session import Session, TrainingStopped
from compare.terminal import Terminal

EPOCHS_BETWEEN_TEXTS = 50


def train_to_end(
    session: Session, write_texts: Callable[[], Mapping[str, str]], terminal: Terminal
) -> float:
    """Train, record and save; return the seconds.

    `write_texts` returns what each model writes now; it is printed every 50 epochs.
    """
    config, updates_per_epoch = session.config, session.updates_per_epoch
    history, done = session.history, session.done
    sides = [trainee.side for trainee in session.trainees]
    with defer_signals() as stop:
        with (
            terminal.progress(config.num_epochs, updates_per_epoch, done=session.done) as progress,
            np.errstate(over="ignore", invalid="ignore"),  # _check_finite reports them
        ):
            for update in parity.updates(session.trainees, session.passes, done=done):
                _check_finite(update, session)
                done = update.update
                session.record.add_metrics(update)
                history.add(update)
                progress.advance(update.largest_difference)
                if done % updates_per_epoch == 0:
                    perplexities = history.average_epoch(update.epoch, sides)
                    epoch = update.epoch + 1
                    session.save_snapshot(epoch)
                    texts = write_texts() if epoch % EPOCHS_BETWEEN_TEXTS == 0 else None
                    shares = history.average_recalls(update.epoch, sides)
                    progress.end_epoch(perplexities, update.largest_difference, texts, shares)
                if stop:
                    break
                session.save_if_due(done)
            session.save(done)
        if stop:
            terminal.line(
                f"Stopped and saved after update {done:,} of {session.total:,} "
                f"(epoch {math.ceil(done / updates_per_epoch):,})"
            )
    return progress.seconds


def _check_finite(update: parity.Update, session: Session) -> None:
    """Stop if a loss or a gradient norm is not finite, and name the likely causes."""
    for trainee in session.trainees:
        if (name := name_not_finite(trainee.side, update)) is None:
            continue
        checkpoint = session.store.newest()[0][trainee.side]
        raise TrainingStopped(
            f"training stopped at update {update.update:,} (epoch {update.epoch + 1:,}): "
            f"the {name} of {trainee.side} is not finite; "
            f"likely because of {name_likely_causes(session.config)}; "
            f"the last good checkpoint in {session.record.directory} is from update "
            f"{checkpoint.position.update:,}"
        )
