"""Let a model that was trained earlier go on writing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from compare.parity import (
    ParityConfig,
    Writer,
    copy_weights,
    limited_threads,
    make_models,
    unknown_parts,
    writers,
)
from compare.runs.config import GenerateConfig
from compare.runs.record import RecordError, read_json, read_weights
from compare.terminal import UsageError
from scratch_rnn.text import Vocab


def generate(config: GenerateConfig) -> str:
    """Return what a trained model writes after a prefix, the prefix included.

    Parameters
    ----------
    config : GenerateConfig
        The run's directory, which of its models, the prefix, and how much to write.

    Raises
    ------
    UsageError
        If the prefix is empty, or holds a character (or word) that the run's text has not.
    RecordError
        If the run's record is missing, damaged, or of another model than it says.
    """
    config.check()
    setting, vocab = read_setting(config.run), read_vocab(config.run)
    unknown = unknown_parts(config.prefix, vocab, setting.token)
    if unknown:
        raise UsageError(
            f"expected --prefix in the vocabulary of {config.run}, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    with limited_threads(config.threads):
        return load_writer(config, setting, vocab).write(config.prefix, config.num_preds)


def load_writer(config: GenerateConfig, setting: ParityConfig, vocab: Vocab) -> Writer:
    """Build the models that the setting describes, with the weights of the chosen one in both."""
    scratch, concise = make_models(setting, len(vocab))
    shapes = {name: array.shape for name, array in scratch.parameters.items()}
    weights = read_weights(config.run, config.model, shapes, setting.dtype)
    for name, array in weights.items():
        scratch.parameters[name][...] = array
    copy_weights(scratch, concise)
    return writers(scratch, concise, vocab, setting.token)[config.model]


def read_setting(directory: Path) -> ParityConfig:
    """Read the setting of a run, for models on the CPU wherever they were trained.

    Raises
    ------
    RecordError
        If it is missing, or no setting that a run can have.
    """
    values = read_json(directory, "config.json")
    try:
        return dataclasses.replace(ParityConfig.from_json(values), device="cpu")
    except UsageError as error:
        raise RecordError(f"expected a run's setting in {directory}: {error}") from error


def read_vocab(directory: Path) -> Vocab:
    """Read the vocabulary of a run.

    Raises
    ------
    RecordError
        If it is missing, or no list of different tokens that begins with <unk>.
    """
    tokens = read_json(directory, "vocab.json").get("tokens")
    try:
        return Vocab.from_list(tokens)  # type: ignore[arg-type]  # it checks
    except (TypeError, ValueError) as error:
        raise RecordError(f"expected a vocabulary in {directory}: {error}") from error
