"""Generate text with the model of a run."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from compare import parity
from compare.files import RecordError
from compare.runs import reading
from compare.runs.checkpoint import Checkpoint, Store
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
from compare.runs.snapshots import read_vocab
from compare.terminal import Terminal, UsageError


def generate(config: GenerateConfig, terminal: Terminal | None = None) -> str:
    """Return the text that a trained model generates after a prefix, with the prefix.

    A UsageError says that the prefix is not in the vocabulary, or the run has not trained the
    model; a RecordError or CheckpointError, that the record cannot be used.
    """
    config.check()
    (_, setting), tokens = reading.read_config(config.run), reading.read_tokens(config.run)
    sides = parity.SIDES
    if isinstance(setting, TrainConfig):
        sides = (setting.model,)
    side = config.model or sides[0]
    if side not in sides:
        raise UsageError(
            f"expected --model {' or '.join(sides)}, which {config.run} trained, got {side}"
        )
    finished = (config.run / "result.json").exists()
    if finished:
        checkpoint = reading.read_weights(config.run, side)
    else:
        found, _ = Store(config.run / reading.CHECKPOINTS, num_sides=len(sides)).newest()
        checkpoint = found.get(side) or next(iter(found.values()))  # of the model that began it
    reading.check_agreement(config.run, setting, tokens, checkpoint)
    vocab = read_vocab(checkpoint, config.run)
    setting = dataclasses.replace(setting, device="cpu")  # wherever it was trained
    prefix = config.prefix.lower()  # as its text was
    unknown = parity.find_unknown(prefix, vocab, setting.token)
    if unknown:
        raise UsageError(
            f"expected --prefix in the vocabulary of {config.run}, whose text is lower-cased, "
            f"with only a to z and spaces, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    if not finished:
        (terminal or Terminal(quiet=True)).note(_progress(config.run, setting, checkpoint))
    with parity.limited_threads(config.threads):
        scratch, concise = parity.make_models(setting, len(vocab))
        parity.write_parameters(scratch, checkpoint.weights)
        parity.copy_weights(scratch, concise)
        write = parity.make_writers(scratch, concise, vocab, setting.token)[side]
        rng = np.random.default_rng(config.seed)
        ids = [vocab[token] for token in parity.split_tokens(prefix, setting.token)]
        overflow = f"expected weights in {config.run} with which all numbers are finite, got others"
        with np.errstate(over="ignore", invalid="ignore"):
            logits, _ = scratch(np.array([ids]), scratch.begin_state())
        if not np.isfinite(logits).all():
            raise RecordError(overflow)
        try:
            with np.errstate(over="ignore", invalid="raise"):
                return write(prefix, config.num_preds, temperature=config.temperature, rng=rng)
        except FloatingPointError:
            raise RecordError(overflow) from None
        except ValueError as error:  # the logits overflow after the prefix
            raise RecordError(f"{config.run}: {error}") from None


def _progress(directory: Path, setting: RunConfig, checkpoint: Checkpoint) -> str:
    """Return a line about the progress of an unfinished run."""
    update, batches = checkpoint.position.update, checkpoint.sampler.batches
    return (
        f"{directory} is not finished: these are its weights after update {update:,} of "
        f"{setting.num_epochs * batches:,} (epoch {math.ceil(update / batches):,} of "
        f"{setting.num_epochs:,})"
    )
