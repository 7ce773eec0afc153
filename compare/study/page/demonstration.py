"""Small trained networks in the package, which `explain` shows if there is no run.

16 units, trained on the first 10,000 characters of The Time Machine by
docs/scripts/train_demonstration.py; one file demonstration-CELL.npz for each cell.
"""

import json
from importlib import resources

import numpy as np

from compare.parity import CELLS, ParityConfig
from compare.runs import Course, Snapshot
from compare.terminal import PACKAGE, UsageError
from scratch_rnn.text import Vocab


def demonstration(cell: str = "rnn") -> Course:
    """Return the training of the small network with this cell; UsageError if there is none."""
    file = resources.files(__package__).joinpath(f"demonstration-{cell}.npz")
    if not file.is_file():
        raise UsageError(
            f"expected a cell with a demonstration, got {cell}; "
            f"`{PACKAGE} train --cell {cell}` trains one, and then `{PACKAGE} explain` shows it"
        )
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
    network = f"{CELLS[cell].title} of {setting.hidden_size} units"
    source = f"the demonstration, {network}, trained on The Time Machine"
    return Course(source, setting, vocab, tuple(snapshots), curve)
