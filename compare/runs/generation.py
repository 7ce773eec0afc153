"""Let a model that was trained earlier go on writing."""

from __future__ import annotations

import dataclasses

import numpy as np

from compare.parity import (
    ParityConfig,
    Writer,
    copy_weights,
    limited_threads,
    make_models,
    unknown_parts,
    writers,
)
from compare.runs.checkpoint import Checkpoint
from compare.runs.config import GenerateConfig
from compare.runs.reading import (
    RecordError,
    check_agreement,
    read_config,
    read_tokens,
    read_weights,
)
from compare.runs.snapshots import vocab_of
from compare.terminal import UsageError
from scratch_rnn.text import Vocab


def generate(config: GenerateConfig) -> str:
    """Return what a trained model writes after a prefix, the prefix included.

    Parameters
    ----------
    config : GenerateConfig
        The run's directory, which of its models, the prefix, how much to write, and how.

    Raises
    ------
    UsageError
        If the prefix is empty, or holds a character (or word) that the run's text has not.
    RecordError
        If the run's record is missing, damaged, or of another model than it says.
    """
    config.check()
    (_, setting), tokens = read_config(config.run), read_tokens(config.run)
    checkpoint = read_weights(config.run, config.model)
    check_agreement(config.run, setting, tokens, checkpoint)
    vocab = vocab_of(checkpoint, config.run)
    setting = dataclasses.replace(setting, device="cpu")  # wherever it was trained
    unknown = unknown_parts(config.prefix, vocab, setting.token)
    if unknown:
        raise UsageError(
            f"expected --prefix in the vocabulary of {config.run}, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    with limited_threads(config.threads):
        writer = make_writer(config.model, setting, checkpoint, vocab)
        rng = np.random.default_rng(config.seed)
        try:
            return writer.write(
                config.prefix, config.num_preds, temperature=config.temperature, rng=rng
            )
        except ValueError as error:  # finite weights whose logits overflow
            raise RecordError(f"{config.run}: {error}") from None


def make_writer(side: str, setting: ParityConfig, checkpoint: Checkpoint, vocab: Vocab) -> Writer:
    """Build the models that the setting describes, with the checkpoint's weights in both."""
    scratch, concise = make_models(setting, len(vocab))
    for name, array in checkpoint.weights.items():
        scratch.parameters[name][...] = array
    copy_weights(scratch, concise)
    return writers(scratch, concise, vocab, setting.token)[side]
