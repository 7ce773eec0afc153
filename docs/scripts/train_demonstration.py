"""Train the small network that `rnn-parity explain` shows where there is no run.

    python docs/scripts/train_demonstration.py    # writes compare/study/page/demonstration.npz

It takes about half a minute. The weights are kept at four moments of the training. Another machine
may round differently, and so give other weights that are as good.
"""

import json
from pathlib import Path

import numpy as np

import scratch_rnn
from compare.parity import ParityConfig, make_models
from compare.terminal import Terminal

PATH = Path(__file__).parents[2] / "compare/study/page/demonstration.npz"
SETTING = {"hidden_size": 16, "lr": 1.0, "num_steps": 35, "batch_size": 32, "max_tokens": 10_000}
EPOCHS = (0, 10, 100, 1000)


def main() -> None:
    """Train, and write the weights that are kept."""
    terminal = Terminal()
    setting = ParityConfig(**SETTING)
    batches, vocab = scratch_rnn.load_time_machine(
        setting.batch_size, setting.num_steps, max_tokens=setting.max_tokens
    )
    model, _ = make_models(setting, len(vocab))
    arrays, curve = {}, []

    def keep(epoch: int) -> None:
        if epoch in EPOCHS:
            arrays.update({f"{epoch}/{name}": a.copy() for name, a in model.parameters.items()})

    def on_epoch(epoch: int, result: scratch_rnn.EpochResult) -> None:
        curve.append(result.perplexity)
        keep(epoch + 1)

    keep(0)
    scratch_rnn.train(model, batches, setting.lr, EPOCHS[-1], on_epoch=on_epoch)
    facts = {"setting": SETTING, "epochs": EPOCHS, "vocabulary": vocab.idx_to_token}
    arrays |= {"curve": np.array(curve, np.float32), "facts": np.array(json.dumps(facts))}
    np.savez_compressed(PATH, **arrays)
    for epoch in EPOCHS[1:]:
        terminal.line(f"after {epoch} epochs: perplexity {curve[epoch - 1]:.2f}")
    terminal.line(scratch_rnn.predict("time traveller ", 60, model, vocab))
    terminal.line(f"{PATH}: {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
