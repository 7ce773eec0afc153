"""Small networks that ship with the package, so that `explain` has something to show at once.

16 units of each cell, trained on the first 10,000 characters of The Time Machine by
docs/scripts/train_demonstration.py.
"""

from __future__ import annotations

import json
from importlib import resources

import numpy as np

from compare.parity import ParityConfig
from compare.runs import Course, Snapshot
from scratch_rnn.text import Vocab


def demonstration(cell: str = "rnn") -> Course:
    """Return the training of the small network with this cell: its weights at some moments."""
    file = resources.files(__package__).joinpath(f"demonstration-{cell}.npz")
    with file.open("rb") as content, np.load(content) as arrays:
        facts = json.loads(str(arrays["facts"]))
        setting, vocab = ParityConfig(**facts["setting"]), Vocab.from_list(facts["vocabulary"])
        snapshots = []
        for epoch in facts["epochs"]:
            start = f"{epoch}/"
            weights = {
                name.removeprefix(start): arrays[name] for name in arrays if name.startswith(start)
            }
            label = f"after {epoch:,} epochs" if epoch else "untrained"
            snapshots.append(Snapshot(float(epoch), label, weights))
        curve = tuple(arrays["curve"].tolist())
    units = {"rnn": "16 units", "gru": "a GRU of 16 units", "lstm": "an LSTM of 16 units"}[cell]
    source = f"the demonstration, {units} trained on The Time Machine"
    return Course(source, setting, vocab, tuple(snapshots), curve)
