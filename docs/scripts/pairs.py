"""Compare each pair of implementations, and plant differences in each of them.

    python docs/scripts/pairs.py measure    # in the environment of `make adapters`
    python docs/scripts/pairs.py draw       # write the tables in docs/trust/implementations.md

The implementations, the cases and the differences are those of tests/compare/pairs/test_each_pair.
"""

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pages import DOCS, add, command, fill, name_versions, read, table, versions

from compare.implementations import CELLS

PAGE = DOCS / "trust" / "implementations.md"
LIBRARIES = {"keras": "Keras", "flax": "Flax", "equinox": "Equinox", "jax": "JAX"}
LIBRARIES |= {"onnxruntime": "ONNX Runtime"}
TITLES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


def measure() -> None:
    """Store the largest share of the tolerance of each pair, and what is named."""
    from tests.compare.pairs import test_each_pair as each

    for cell in CELLS:
        with tempfile.TemporaryDirectory() as folder:
            found = each.compare_all(cell, Path(folder))
        shares = each.largest_shares(found)
        for pair, results in found.items():
            if not all(result.report.ok for result in results):
                raise SystemExit(f"expected an equal pair, got {cell}: {', '.join(pair)}")
        with tempfile.TemporaryDirectory() as folder:
            named = each.plant_each(cell, Path(folder))
        differences: dict[str, dict[str, str]] = {}
        for (kind, difference), words in named.items():
            differences.setdefault(difference, {})[kind] = words
        measured = {"shares": shares, "named": differences, "about": versions()}
        measured["about"] |= {name: version(name) for name in LIBRARIES}
        add("pairs", {cell: measured})


def tables() -> dict[str, str]:
    """Return both tables of the page."""
    data = read("pairs")
    return {"pairs": _draw_pairs(data), "named": _draw_named(data)}


def _draw_pairs(data: dict[str, Any]) -> str:
    """Return a row for each cell: how many pairs were compared, and which is farthest apart."""
    rows = []
    for cell, title in TITLES.items():
        shares = data[cell]["shares"]
        widest = max(shares, key=shares.__getitem__)
        pair = widest.replace(", ", " and ")
        rows.append([title, pair, str(len(shares)), f"{shares[widest]:.2f}"])
    about = data["lstm"]["about"]
    libraries = ", ".join(f"{title} {about[name]}" for name, title in LIBRARIES.items())
    source = (
        f"*{about['date']}, {name_versions(about)}, {libraries}; Keras on PyTorch: "
        "`KERAS_BACKEND=torch python docs/scripts/pairs.py measure`.*"
    )
    head = ["cell", "farthest apart", "pairs", "largest share"]
    return f"{table(head, rows, numbers=2)}\n\n{source}"


def _draw_named(data: dict[str, Any]) -> str:
    """Return a row for each difference: how it is named first, and in how many implementations."""
    rows: dict[str, list[str]] = {}
    count: dict[str, list[bool]] = {}
    for cell in TITLES:
        for difference, of_kind in data[cell]["named"].items():
            words = next(iter(of_kind.values()))
            rows.setdefault(difference, [difference, words])
            count.setdefault(difference, []).extend(own == words for own in of_kind.values())
    lines = [[*row, f"{sum(count[name])} of {len(count[name])}"] for name, row in rows.items()]
    return table(["planted", "named", "times"], lines, numbers=1)


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, lambda: fill(PAGE, tables())))
