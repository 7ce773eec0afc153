"""A run so small that it takes a second, and what it leaves."""

import json
from pathlib import Path
from typing import Any

# 43 letters and spaces, lines joined with nothing in between: 20 lines are 860 characters.
# Up to 16 are dropped and the last is a target only: 843 // (8 * 16) = 6 batches an epoch.
TEXT = "The quick brown fox jumps over the lazy dog\n"
BATCHES = 6
SMALL = "--hidden-size 8 --batch-size 8 --num-steps 16 --lr 0.5"
NAMES = [
    "rnn.weight_ih_l0",
    "rnn.weight_hh_l0",
    "rnn.bias_ih_l0",
    "rnn.bias_hh_l0",
    "linear.weight",
    "linear.bias",
]


def only_run(tmp_path: Path) -> Path:
    [directory] = (tmp_path / "runs").iterdir()
    return directory


def read(directory: Path, name: str) -> dict[str, Any]:
    values = json.loads((directory / name).read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values
