"""Read the test vectors of a cell, and compare results with them: NumPy and safetensors alone.

for case in read("lstm.json"):
    print(wrong(case, {"output": my_lstm(case["x"], case["weight_ih_l0"])}))
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from compare.implementations import Array


def read(file: str | Path) -> list[dict[str, Any]]:
    """Return a dict for each case: its sizes, its arrays by name, `expected` and `tolerance`."""
    index = json.loads(Path(file).read_text(encoding="utf-8"))
    if index["version"] != 1:
        raise ValueError(f"expected version 1 in {file}, got {index['version']}")
    arrays = load_file(Path(file).with_name(index["arrays"]))
    return [
        sizes
        | {name: arrays[f"{k}/{name}"] for name in sizes["inputs"]}
        | {
            part: {name: arrays[f"{k}/{part}/{name}"] for name in sizes["results"]}
            for part in ("expected", "tolerance")
        }
        for k, sizes in enumerate(index["cases"])
    ]


def wrong(case: dict[str, Any], got: dict[str, Array]) -> list[str]:
    """Return the names of the results that have another shape, or an entry beyond its tolerance."""
    return [
        name
        for name, array in got.items()
        if np.shape(array) != case["expected"][name].shape
        or not np.all(np.abs(array - case["expected"][name]) <= case["tolerance"][name])
    ]
