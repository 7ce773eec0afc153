"""Let a model that was trained earlier go on writing."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from compare.files import RecordError
from compare.parity import (
    ParityConfig,
    Writer,
    copy_weights,
    limited_threads,
    make_models,
    unknown_parts,
    writers,
)
from compare.runs.checkpoint import Checkpoint, Store
from compare.runs.config import GenerateConfig, RunConfig, Side, TrainConfig
from compare.runs.reading import (
    CHECKPOINTS,
    check_agreement,
    read_config,
    read_tokens,
    read_weights,
)
from compare.runs.snapshots import vocab_of
from compare.terminal import Terminal, UsageError
from scratch_rnn.text import Vocab


def generate(config: GenerateConfig, terminal: Terminal | None = None) -> str:
    """Return what a trained model writes after a prefix, the prefix included.

    Parameters
    ----------
    config : GenerateConfig
        The run's directory, which of its models, the prefix, how much to write, and how.
    terminal : Terminal, optional
        Where to say that the run is not finished; nowhere if left out.

    Raises
    ------
    UsageError
        If the prefix is empty, or holds a character (or word) that the run's text has not, or if
        the run has not trained the model.
    RecordError, CheckpointError
        If the run's record is missing, damaged, or of another model than it says.
    """
    config.check()
    (_, setting), tokens = read_config(config.run), read_tokens(config.run)
    side = choose_side(config, setting)
    finished = (config.run / "result.json").exists()
    checkpoint = (
        read_weights(config.run, side) if finished else newest_weights(config.run, side, setting)
    )
    check_agreement(config.run, setting, tokens, checkpoint)
    vocab = vocab_of(checkpoint, config.run)
    setting = dataclasses.replace(setting, device="cpu")  # wherever it was trained
    prefix = config.prefix.lower()  # as its text was
    unknown = unknown_parts(prefix, vocab, setting.token)
    if unknown:
        raise UsageError(
            f"expected --prefix in the vocabulary of {config.run}, whose text was lower-cased, "
            f"with only a to z and spaces kept, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    if not finished:
        (terminal or Terminal(quiet=True)).note(how_far(config.run, setting, checkpoint))
    with limited_threads(config.threads):
        writer = make_writer(side, setting, checkpoint, vocab)
        rng = np.random.default_rng(config.seed)
        try:
            return writer.write(prefix, config.num_preds, temperature=config.temperature, rng=rng)
        except ValueError as error:  # finite weights whose logits overflow
            raise RecordError(f"{config.run}: {error}") from None


def choose_side(config: GenerateConfig, setting: RunConfig) -> Side:
    """Return the model that was asked for, or else the first of those that the run trained."""
    sides: tuple[Side, ...] = ("scratch", "concise")
    if isinstance(setting, TrainConfig):
        sides = (setting.model,)
    if config.model is None:
        return sides[0]
    if config.model not in sides:
        raise UsageError(
            f"expected --model {' or '.join(sides)}, which {config.run} trained, got {config.model}"
        )
    return config.model


def newest_weights(directory: Path, side: Side, setting: RunConfig) -> Checkpoint:
    """Return the newest checkpoint of a side; where the other began the run, it may be of that."""
    num_sides = 1 if isinstance(setting, TrainConfig) else 2
    found, _ = Store(directory / CHECKPOINTS, num_sides).newest()
    return found.get(side) or next(iter(found.values()))


def how_far(directory: Path, setting: RunConfig, checkpoint: Checkpoint) -> str:
    """Say how far a run got that is not finished."""
    update, batches = checkpoint.position.update, checkpoint.sampler.batches
    return (
        f"{directory} is not finished: these are its weights after update {update:,} of "
        f"{setting.num_epochs * batches:,} (epoch {math.ceil(update / batches):,} of "
        f"{setting.num_epochs:,})"
    )


def make_writer(side: str, setting: ParityConfig, checkpoint: Checkpoint, vocab: Vocab) -> Writer:
    """Build the models that the setting describes, with the checkpoint's weights in both."""
    scratch, concise = make_models(setting, len(vocab))
    for name, array in checkpoint.weights.items():
        scratch.parameters[name][...] = array
    copy_weights(scratch, concise)
    return writers(scratch, concise, vocab, setting.token)[side]
