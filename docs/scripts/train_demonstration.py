"""Train the small networks that `rnn-parity explain` shows where there is no run.

    python docs/scripts/train_demonstration.py    # writes demonstration-*.npz to compare/study/page

It takes a minute or two. The weights are kept at some moments of the training. Another machine
may round differently, and so give other weights that are as good.
"""

import json
from pathlib import Path

import numpy as np

import scratch_rnn
from compare.parity import SharedOptions, make_models
from compare.terminal import Terminal
from scratch_rnn.text import load_text

FOLDER = Path(__file__).parents[2] / "compare/study/page"
SETTING = {"hidden_size": 16, "lr": 1.0, "num_steps": 35, "batch_size": 32, "max_tokens": 10_000}
EPOCHS = {"rnn": (0, 10, 100, 1000), "gru": (0, 30, 1000), "lstm": (0, 30, 1000)}


def train(cell: str, terminal: Terminal) -> None:
    """Train one network, and write the weights that are kept."""
    facts = {"setting": SETTING | {"cell": cell}, "epochs": EPOCHS[cell]}
    setting = SharedOptions(**facts["setting"])
    text = load_text()
    if text.source == "built-in sample":
        raise SystemExit(f"expected The Time Machine, got the built-in sample ({text.note})")
    batches, vocab = scratch_rnn.load_time_machine(
        setting.batch_size, setting.num_steps, max_tokens=setting.max_tokens, text=text
    )
    model, _ = make_models(setting, len(vocab))
    arrays, curve = {}, []

    def keep(epoch: int) -> None:
        if epoch in EPOCHS[cell]:
            arrays.update({f"{epoch}/{name}": a.copy() for name, a in model.parameters.items()})

    def on_epoch(epoch: int, result: scratch_rnn.EpochResult) -> None:
        curve.append(result.perplexity)
        keep(epoch + 1)

    keep(0)
    scratch_rnn.train(model, batches, setting.lr, EPOCHS[cell][-1], on_epoch=on_epoch)
    facts["vocabulary"] = vocab.idx_to_token
    arrays |= {"curve": np.array(curve, np.float32), "facts": np.array(json.dumps(facts))}
    path = FOLDER / f"demonstration-{cell}.npz"
    np.savez_compressed(path, **arrays)
    for epoch in EPOCHS[cell][1:]:
        terminal.line(f"{cell} after {epoch} epochs: perplexity {curve[epoch - 1]:.2f}")
    terminal.line(scratch_rnn.predict("time traveller ", 60, model, vocab))
    terminal.line(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    for cell in EPOCHS:
        train(cell, Terminal())
