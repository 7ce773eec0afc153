"""Read the test vectors of a cell, and compare results with them: NumPy and safetensors alone.

from read_vectors import read, wrong

for case in read("lstm.json"):
    output = my_lstm(case["x"], case["weight_ih_l0"])
    print(wrong(case, {"output": output}, ["output"]))  # prints [] if it is right
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]


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


def wrong(
    case: dict[str, Any], got: Mapping[str, Array], names: Sequence[str] | None = None
) -> list[str]:
    """Return the names of the wrong results: missing, of another shape, or beyond their tolerance.

    `names` are those to compare: all of them, or what you compute. ValueError for a name that the
    case does not have.
    """
    expected, tolerance = case["expected"], case["tolerance"]
    names = list(expected) if names is None else names
    unknown = [name for name in (*got, *names) if name not in expected]
    if unknown or not names:
        known = ", ".join(expected)
        raise ValueError(f"expected results among {known}, got {', '.join(unknown) or 'none'}")
    return [
        name
        for name in names
        if name not in got
        or np.shape(got[name]) != expected[name].shape
        or not np.all(np.abs(got[name] - expected[name]) <= tolerance[name])
    ]


if __name__ == "__main__":
    print(__doc__)
