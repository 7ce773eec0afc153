"""Generate text, and with the model of a run the command `generate`."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import concise_rnn
import scratch_rnn
from compare import parity
from compare.files import RecordError
from compare.runs.checkpoint import Store, load
from compare.runs.config import GenerateConfig, TrainConfig
from compare.runs.record.reading import CHECKPOINTS, read_config, weights_name
from compare.terminal import Terminal, UsageError
from scratch_rnn.text import Vocab

Writer = Callable[..., str]
"""A function that continues a prefix, of (prefix, num_preds, temperature=…, rng=…)."""


def make_writers(
    scratch: scratch_rnn.RNNModel, concise: concise_rnn.RNNModel, vocab: Vocab
) -> dict[str, Writer]:
    """Return a function for each side that continues a prefix."""

    def writer(predict: Writer, model: object) -> Writer:
        def write(prefix: str, num_preds: int, **drawn: Any) -> str:
            return predict(prefix, num_preds, model, vocab, **drawn)

        return write

    return {
        "scratch": writer(scratch_rnn.predict, scratch),
        "concise": writer(concise_rnn.predict, concise),
    }


def generate(config: GenerateConfig, terminal: Terminal | None = None) -> str:
    """Return the text that a trained model generates after a prefix, with the prefix.

    A UsageError says that the prefix is not in the vocabulary, or the run has not trained the
    model; a RecordError or an OSError, that the record cannot be read.
    """
    config.check()
    _, setting = read_config(config.run)
    sides = (setting.model,) if isinstance(setting, TrainConfig) else parity.SIDES
    side = config.model or sides[0]
    if side not in sides:
        raise UsageError(
            f"expected --model {' or '.join(sides)}, which {config.run} trained, got {side}"
        )
    if (config.run / "result.json").exists():
        checkpoint = load(config.run / weights_name(side))
    else:
        checkpoints, _ = Store(config.run / CHECKPOINTS, num_sides=len(sides)).newest()
        first = next(iter(checkpoints.values()))  # of the model that began it
        checkpoint = checkpoints.get(side) or first
        update, batches = checkpoint.position.update, checkpoint.sampler.batches
        (terminal or Terminal(quiet=True)).note(
            f"{config.run} is not finished: these are its weights after update {update:,} of "
            f"{setting.num_epochs * batches:,} (epoch {math.ceil(update / batches):,} of "
            f"{setting.num_epochs:,})"
        )
    vocab = Vocab.from_list(checkpoint.vocabulary)
    prefix = config.prefix.lower()  # as its text was
    if unknown := [letter for letter in prefix if letter not in vocab]:
        raise UsageError(
            f"expected --prefix in the vocabulary of {config.run}, whose text is lower-cased, "
            f"with only a to z and spaces, "
            f"got {', '.join(map(repr, unknown))} in {config.prefix!r}"
        )
    setting = dataclasses.replace(setting, device="cpu")  # wherever it was trained
    with parity.limited_threads(config.threads):
        scratch, concise = parity.make_models(setting, len(vocab))
        parity.write_parameters(scratch, checkpoint.weights)
        parity.copy_weights(scratch, concise)
        write = make_writers(scratch, concise, vocab)[side]
        rng = np.random.default_rng(config.seed)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                return write(prefix, config.num_preds, temperature=config.temperature, rng=rng)
        except ValueError as error:  # the logits overflow after the prefix
            raise RecordError(f"{config.run}: {error}") from None
