"""Every pair of implementations is equal.

Those of libraries that are not installed are left out: `make adapters` has all of them.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from compare.check import LayerCase
from compare.implementations import CELLS, STACKED, LibraryLayout, Results, implementation
from compare.pairs import PairOptions
from compare.pairs.cases import list_cases
from compare.pairs.command import choose_dtype, has_one_bias
from compare.pairs.comparison import ComparedSide, PairResult
from tests.compare.implementations.test_targets import OF_CELL, TARGETS
from tests.libraries import has

pytestmark = [
    pytest.mark.usefixtures("quickly", "in_this_process"),
    pytest.mark.filterwarnings("ignore"),
]

V, H = 28, 32
SIZES = ("T=1,B=1", "T=4,B=3", "T=9,B=2", "T=35,B=8")

OF_LIBRARIES = {
    "Keras": ("keras.layers:SimpleRNN", "keras.layers:GRU", "keras.layers:LSTM"),
    "Flax": ("flax.nnx:SimpleCell", "flax.nnx:GRUCell", "flax.nnx:LSTMCell"),
    "Equinox": ("", "equinox.nn:GRUCell", "equinox.nn:LSTMCell"),
    "ONNX Runtime": ("onnxruntime:RNN", "onnxruntime:GRU", "onnxruntime:LSTM"),
}
"""The classes of each cell; Equinox has no simple RNN."""

ONNX_FILE = ".onnx file"


@dataclass
class Sides:
    """The implementations of a cell by kind, and the cases on which they are compared."""

    cell: str
    of_kind: dict[str, ComparedSide]
    cases: list[LayerCase]


def list_targets(cell: str, folder: Path, parameters: Results) -> dict[str, str]:
    """Return the targets of a cell by kind; a library that is not installed has none."""
    targets = {}
    for kind in OF_CELL[cell]:
        (folder / kind).mkdir()
        targets[kind] = TARGETS[kind](folder / kind, cell)
    for kind, classes in OF_LIBRARIES.items() if cell in STACKED else ():
        name = classes[STACKED.index(cell)]
        if name and has(name):
            targets[kind] = name
    if operator := targets.get("ONNX Runtime"):
        targets[ONNX_FILE] = str(folder / "model.onnx")
        LibraryLayout(operator, "float32").write_file(folder / "model.onnx", parameters, "")
    return targets


def open_sides(stack: ExitStack, cell: str, folder: Path, *, one_bias: bool = False) -> Sides:
    """Open all implementations of a cell that have a place for the weights."""
    parameters = LayerCase(cell, V=V, H=H, one_bias=one_bias).floats.parameters
    of_kind = {}
    for kind, target in list_targets(cell, folder, parameters).items():
        layer = stack.enter_context(implementation(target, cell))
        if CELLS[cell].adds_biases or one_bias or not has_one_bias(layer):
            of_kind[kind] = ComparedSide(kind, layer, choose_dtype(layer, "float32"))
    cases = []
    for size in SIZES:
        fields = {"dtype": "float32", "seed": len(cases), "one_bias": one_bias}
        cases += list_cases(PairOptions(size=size), CELLS[cell], parameters, **fields)
    return Sides(cell, of_kind, cases)


def compare_each(sides: Sides) -> dict[tuple[str, str], list[PairResult]]:
    """Return the results of each pair of kinds on all cases."""
    results = {
        kind: [side.run(case) for case in sides.cases] for kind, side in sides.of_kind.items()
    }
    found = {}
    for a, b in combinations(sides.of_kind, 2):
        both = (sides.of_kind[a], sides.of_kind[b])
        passes = zip(sides.cases, results[a], results[b], strict=True)
        found[a, b] = [PairResult(case, both, (one, other)) for case, one, other in passes]
    return found


def compare_all(cell: str, folder: Path) -> dict[tuple[str, str], list[PairResult]]:
    """Return the results of each pair; a GRU of Flax has one bias, and so have its partners."""
    found = {}
    for one_bias in (False,) if CELLS[cell].adds_biases else (True, False):
        own = folder / f"one bias {one_bias}"
        own.mkdir()
        with ExitStack() as stack:
            found |= compare_each(open_sides(stack, cell, own, one_bias=one_bias))
    return found


def largest_shares(found: dict[tuple[str, str], list[PairResult]]) -> dict[str, float]:
    """Return the largest share of the tolerance in all cases of each pair."""
    return {
        ", ".join(pair): max(row.share for result in results for row in result.report.rows)
        for pair, results in found.items()
    }


@pytest.mark.parametrize("cell", CELLS)
def test_each_pair_is_equal(cell, tmp_path):
    found = compare_all(cell, tmp_path)
    different = [pair for pair, results in found.items() if not all(r.report.ok for r in results)]
    assert different == []
    assert len(found) >= math.comb(len(OF_CELL[cell]), 2)
    shares = [row.share for results in found.values() for r in results for row in r.report.rows]
    assert 0 < max(shares) == max(largest_shares(found).values()) < 1
