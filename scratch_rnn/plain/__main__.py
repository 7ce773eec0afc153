"""Train a plain version on the built-in sample, and generate: ``python -m scratch_rnn.plain``."""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from scratch_rnn.plain import adam, elman
from scratch_rnn.plain.cells import CELLS, PlainCell
from scratch_rnn.plain.elman import Array
from scratch_rnn.plain.model import generate, init_parameters, train_epoch
from scratch_rnn.text import Batches, load_corpus, sample_text
from scratch_rnn.text.counts import count_perplexity

T, B, H = 35, 32, 128
MAX_NORM = 1.0
PREFIX = "the clock "


def main(cell_name: str) -> None:
    """Train for some seconds; print the perplexity and generated text every 20 epochs."""
    cell = CELLS[cell_name]
    text = sample_text()
    corpus, vocab = load_corpus(text, max_tokens=None)
    batches = Batches(corpus, batch_size=B, num_steps=T)
    parameters = init_parameters(cell, len(vocab), H, np.random.default_rng(0))
    update = choose_update(cell, parameters)

    def write(num_preds: int) -> str:
        ids = generate(cell, vocab[list(PREFIX)], num_preds, parameters)
        return "".join(vocab.to_tokens(ids))

    print(f"{text.name}: {len(corpus):,} characters, {len(vocab)} different; {H} hidden units\n")
    print(f"epoch   0  untrained         {write(40)}", flush=True)

    begin = time.perf_counter()
    for epoch in range(cell.epochs):
        epoch_batches = batches.epoch(epoch)
        losses = train_epoch(cell, epoch_batches, B, parameters, MAX_NORM, update=update)
        if (epoch + 1) % 20 == 0:
            perplexity = np.exp(np.mean(losses))
            print(f"epoch {epoch + 1:3}  perplexity {perplexity:5.2f}  {write(40)}", flush=True)

    seconds = time.perf_counter() - begin
    updates = cell.epochs * len(batches)
    tables = (count_perplexity(corpus.tolist(), length) for length in (1, 2, 3))
    print("\nTables of counts reach: letters {:.1f}, pairs {:.1f}, triples {:.1f}".format(*tables))
    print(f"\n{updates:,} updates in {seconds:.1f} s. After {PREFIX!r} it writes:\n")
    print(write(200))


def choose_update(
    cell: PlainCell, parameters: list[Array]
) -> Callable[[list[Array], list[Array], float], None]:
    """Return the update that the cell trains with: SGD's, or Adam's, which remembers."""
    memory = adam.begin_memory(parameters)

    def update(parameters: list[Array], gradients: list[Array], lr: float) -> None:
        nonlocal memory
        memory = adam.update(parameters, gradients, memory, lr)

    return update if cell.uses_adam else elman.update


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m scratch_rnn.plain", description=__doc__)
    parser.add_argument("--cell", choices=CELLS, default="rnn", help="default: rnn")
    arguments = parser.parse_args()
    try:
        with threadpool_limits(1):  # for products this small, more threads cost more than they give
            main(arguments.cell)
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as a shell has it
