"""A small network that ships with the package, so that `explain` has something to show at once.

16 units, trained on the first 10,000 characters of The Time Machine by
docs/scripts/train_demonstration.py.
"""

from __future__ import annotations

import json
from importlib import resources

import numpy as np

from compare.parity import ParityConfig
from compare.runs import Course, Snapshot
from scratch_rnn.text import Vocab


def demonstration() -> Course:
    """Return the training of the small network: its weights at four moments."""
    file = resources.files(__package__).joinpath("demonstration.npz")
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
    source = "the demonstration, 16 units trained on The Time Machine"
    return Course(source, setting, vocab, tuple(snapshots), curve)
