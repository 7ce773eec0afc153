"""Find the cause of a non-finite number in a training: the first tensor, and the likely options.

The updates from the last checkpoint are done again, and all results of the last one are examined in
the order in which they are computed.
"""

import copy
import math
from dataclasses import replace
from itertools import islice

import numpy as np

import scratch_rnn
from compare import parity
from compare.implementations import Array
from compare.runs.checkpoint import Checkpoint
from scratch_rnn.arrays import each
from scratch_rnn.text import Batch, Batches


def find_not_finite(trainee: parity.Trainee, batch: Batch) -> str | None:
    """Name the first tensor of an update that has a NaN or an infinity.

    The trainee is in its state before the update, and is not changed.
    """
    model = trainee.model
    state = trainee.state_as_array()
    if state is None:
        state = each(lambda a: np.zeros_like(np.asarray(a)), model.begin_state(len(batch.inputs)))
    before = {**trainee.weights(), **parity.name_state("carried state", state)}
    step = parity.run_scratch_step if trainee.side == "scratch" else parity.run_concise_step
    with np.errstate(all="ignore"):
        arisen = step(model, batch, state, trainee.settings, memory=trainee.memory())
    return next((name for name, array in {**before, **arisen}.items() if not _finite(array)), None)


def restore_before(
    trainee: parity.Trainee, checkpoint: Checkpoint, batches: Batches, update: int
) -> tuple[parity.Trainee, Batch]:
    """Train a copy from a checkpoint to the state before an update, counted from 1.

    Return the copy, and the batch of the update. The trainee itself is not changed.
    """
    twin = replace(trainee, model=copy.deepcopy(trainee.model), parallel=False)
    twin.restore(checkpoint.weights, checkpoint.state, checkpoint.memory)
    done = checkpoint.position.update
    epoch, number = divmod(update - 1, len(batches))
    left = parity.updates([twin], parity.iterate_epochs(batches, done, epoch + 1), done=done)
    with np.errstate(all="ignore"):
        for _ in islice(left, update - 1 - done):
            pass
    if number == 0:
        twin.state = None
    return twin, next(batches.epoch(epoch, number))


def name_likely_causes(config: parity.SharedOptions) -> str:
    """Name the options that can make numbers overflow."""
    causes = [f"--lr {config.lr:g}", f"--max-norm {config.max_norm:g}"]
    if config.nonlinearity == "relu":
        causes.append("--nonlinearity relu")  # tanh keeps the states within ±1
    return ", ".join(causes)


def name_not_finite(side: str, update: parity.Update) -> str | None:
    """Name the first number of an update that is not finite: loss, perplexity or gradient norm.

    If a parameter is not finite afterwards, the next loss is not, and nothing is saved.
    """
    loss, norm = (getattr(update, f"{side}_{name}") for name in ("loss", "grad_norm"))
    numbers = {"loss": loss, "perplexity": scratch_rnn.perplexity(loss), "gradient norm": norm}
    return next((name for name, number in numbers.items() if not math.isfinite(number)), None)


def _finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())
