"""Generate text with the model of a run."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from compare.files import RecordError
from compare.parity import (
    ParityConfig,
    Side,
    Writer,
    copy_weights,
    limited_threads,
    make_models,
    unknown_parts,
    writers,
)
from compare.runs.checkpoint import Checkpoint, Store
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
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
    """Return the text that a trained model generates after a prefix, with the prefix.

    Parameters
    ----------
    config : GenerateConfig
    terminal : Terminal, optional
        Where to print that the run is not finished; nowhere if left out.

    Raises
    ------
    UsageError
        If the prefix is empty or has a character (or word) that is not in the vocabulary, or if the
        run has not trained the model.
    RecordError, CheckpointError
        If the record is missing or damaged, or its configuration is of another model.
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
            f"expected --prefix in the vocabulary of {config.run}, whose text is lower-cased, "
            f"with only a to z and spaces, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    if not finished:
        (terminal or Terminal(quiet=True)).note(how_far(config.run, setting, checkpoint))
    with limited_threads(config.threads):
        writer = make_writer(side, setting, checkpoint, vocab)
        rng = np.random.default_rng(config.seed)
        try:
            return writer.write(prefix, config.num_preds, temperature=config.temperature, rng=rng)
        except ValueError as error:  # finite weights, but the logits overflow
            raise RecordError(f"{config.run}: {error}") from None


def choose_side(config: GenerateConfig, setting: RunConfig) -> Side:
    """Return the requested model, or the first one that the run trained."""
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
    """Return the newest checkpoint of a model; of the other one, if that one began the run."""
    num_sides = 1 if isinstance(setting, TrainConfig) else 2
    found, _ = Store(directory / CHECKPOINTS, num_sides).newest()
    return found.get(side) or next(iter(found.values()))


def how_far(directory: Path, setting: RunConfig, checkpoint: Checkpoint) -> str:
    """Return a line about the progress of an unfinished run."""
    update, batches = checkpoint.position.update, checkpoint.sampler.batches
    return (
        f"{directory} is not finished: these are its weights after update {update:,} of "
        f"{setting.num_epochs * batches:,} (epoch {math.ceil(update / batches):,} of "
        f"{setting.num_epochs:,})"
    )


def make_writer(side: str, setting: ParityConfig, checkpoint: Checkpoint, vocab: Vocab) -> Writer:
    """Build the models of a configuration, both with the weights of a checkpoint."""
    scratch, concise = make_models(setting, len(vocab))
    for name, array in checkpoint.weights.items():
        scratch.parameters[name][...] = array
    copy_weights(scratch, concise)
    return writers(scratch, concise, vocab, setting.token)[side]
