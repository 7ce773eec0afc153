"""What to hold a perplexity against: text that was not trained on, and tables of counts.

The perplexity of a training is measured on the text that the model learns. A model that knows this
text by heart has a perplexity near 1, and is no better for it on the next page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.implementations import Array
from compare.parity import Experiment
from compare.terminal import perplexity_line
from scratch_rnn.text import Batches, DataError, load_corpus
from scratch_rnn.text.counts import count_perplexity

Model = scratch_rnn.RNNModel | concise_rnn.RNNModel

TABLES = {1: "letters", 2: "pairs", 3: "triples"}


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """The characters after those that were learned, and what tables of counts reach."""

    held_out: dict[str, float] = field(default_factory=dict)  # each model's perplexity on them
    num_characters: int = 0  # that were held out
    tables: dict[str, float] = field(default_factory=dict)  # perplexities on what was learned

    def describe(self) -> list[str]:
        """Return the lines that `run` prints below the perplexity."""
        lines = []
        if self.held_out:
            on = f"on the next {self.num_characters:,} characters, not learned"
            lines.append(f"{on}: {perplexity_line(self.held_out)}")
        if self.tables:
            reached = ", ".join(f"{name} {value:.1f}" for name, value in self.tables.items())
            lines.append(f"for comparison, tables of counts reach on this text: {reached}")
        return lines


def measure_yardsticks(experiment: Experiment, models: Mapping[str, Model]) -> Yardsticks:
    """Measure the models on up to as many characters as they learned, those right after them.

    If these are too few for a batch, the models are not measured.
    """
    config, ids = experiment.config, experiment.batches.corpus.tolist()
    tables = {name: count_perplexity(ids, n) for n, name in TABLES.items()}
    corpus, _ = load_corpus(experiment.text, max_tokens=None)
    rest = corpus[len(ids) : 2 * len(ids)]
    try:
        batches = Batches(rest, config.batch_size, config.num_steps, seed=config.seed)
    except DataError:
        return Yardsticks(tables=tables)
    held_out = {}
    for side, model in models.items():
        predictions = predict_batches(model, batches, carry_state=config.carry_state)
        losses = [scratch_rnn.cross_entropy(logits, targets)[0] for logits, targets in predictions]
        held_out[side] = scratch_rnn.perplexity(float(np.mean(losses)))
    return Yardsticks(held_out, len(rest), tables)


def predict_batches(
    model: Model, batches: Batches, *, carry_state: bool
) -> Iterator[tuple[Array, Array]]:
    """Yield the logits (T·B, V) and the targets (T·B,) of each batch."""
    if isinstance(model, scratch_rnn.RNNModel):
        state = model.begin_state(batches.batch_size)
        for inputs, targets in batches.epoch(0):
            logits, last = model(inputs, state)
            yield logits, targets.T.reshape(-1)
            state = last if carry_state else state
        return
    device = model.linear.weight.device
    first = model.begin_state(batches.batch_size)
    for inputs, targets in batches.epoch(0):
        with torch.no_grad():
            tensor, after = model(torch.from_numpy(inputs).to(device), first)
        yield tensor.cpu().numpy(), targets.T.reshape(-1)
        first = after if carry_state else first
