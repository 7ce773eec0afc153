"""Every pair of implementations is equal; a difference that is planted in one of them is named.

Those of libraries that are not installed are left out: `make adapters` has all of them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from compare.check import LayerCase
from compare.implementations import CELLS, LibraryLayout, Results, implementation
from compare.pairs.cases import list_cases
from compare.pairs.command import choose_dtype, has_one_bias
from compare.pairs.comparison import ComparedSide, PairResult, compare_pair, find_mistake
from compare.pairs.config import PairOptions
from tests.compare.implementations.test_targets import TARGETS
from tests.libraries import has, skip_without

pytestmark = [pytest.mark.usefixtures("quickly"), pytest.mark.filterwarnings("ignore")]

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
    for kind, make in TARGETS.items():
        (folder / kind).mkdir()
        targets[kind] = make(folder / kind, cell)
    for kind, classes in OF_LIBRARIES.items():
        name = classes[list(CELLS).index(cell)]
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


@pytest.mark.parametrize("cell", CELLS)
def test_each_pair_is_equal(cell, tmp_path):
    found = compare_all(cell, tmp_path)
    different = [pair for pair, results in found.items() if not all(r.report.ok for r in results)]
    assert different == []
    assert len(found) >= 6
    shares = [row.share for results in found.values() for r in results for row in r.report.rows]
    assert 0 < max(shares) < 1


# A difference in one of them ---------------------------------------------------------------------


def change_gates(weights: Results, order: Sequence[int]) -> Results:
    """Return the weights with the blocks of the gates in another order."""

    def change(array: np.ndarray) -> np.ndarray:
        gates = np.split(array, len(order))
        return np.concatenate([gates[k] for k in order])

    return {name: change(array) for name, array in weights.items()}


def transpose_each(weights: Results) -> Results:
    """Return the weights with the square matrix of each gate in weight_hh transposed."""
    W_hh = weights["weight_hh_l0"]
    gates = np.split(W_hh, len(W_hh) // H)
    return weights | {"weight_hh_l0": np.concatenate([gate.T for gate in gates])}


def cut_to_tf32(weights: Results) -> Results:
    """Return the weights with the first 10 bits of the mantissa of each entry of weight_hh."""
    bits = np.ascontiguousarray(weights["weight_hh_l0"], np.float32).view(np.uint32)
    return weights | {"weight_hh_l0": (bits & 0xFFFFE000).view(np.float32)}


def drop_bias(weights: Results) -> Results:
    """Return the weights with a second bias of zeros."""
    return weights | {"bias_hh_l0": np.zeros_like(weights["bias_hh_l0"])}


def move_b_hn(weights: Results) -> Results:
    """Return the weights of a GRU with b_hn outside of the reset gate's product."""
    first, second = (weights[name].copy() for name in ("bias_ih_l0", "bias_hh_l0"))
    first[2 * H :] += second[2 * H :]
    second[2 * H :] = 0
    return weights | {"bias_ih_l0": first, "bias_hh_l0": second}


def raise_forget_bias(weights: Results) -> Results:
    """Return the weights of an LSTM with 1 added to the bias of the forget gate."""
    bias = weights["bias_ih_l0"].copy()
    bias[H : 2 * H] += 1
    return weights | {"bias_ih_l0": bias}


OF_WEIGHTS = {
    "gates z r n": ("gru", lambda w: change_gates(w, (1, 0, 2)), "the order is z, r, n"),
    "gates i g f o": ("lstm", lambda w: change_gates(w, (0, 2, 1, 3)), "in the order i, g, f, o."),
    "b_hh dropped": ("rnn gru lstm", drop_bias, "b_hh is not added."),
    "W_hh transposed": ("rnn gru lstm", transpose_each, "W_hh is not transposed"),
    "W_hh in TF32": ("rnn gru lstm", cut_to_tf32, "only 10 bits of each weight's mantissa"),
    "b_hn outside": ("gru", move_b_hn, "b_hn is added outside of the reset gate's product."),
    "forget bias + 1": ("lstm", raise_forget_bias, "1 is added to the bias of the forget gate"),
}
"""Differences that other weights make: the cells, the change, and what is named."""


def plant_each(cell: str, folder: Path) -> dict[tuple[str, str], str]:
    """Return what is named of each implementation with each difference; both sides of a pair."""
    found = {}
    with ExitStack() as stack:
        sides = open_sides(stack, cell, folder)
        right = ComparedSide("A", implementation("scratch", cell), "float32")
        for (kind, side), (name, (cells, change, _)) in product(
            sides.of_kind.items(), OF_WEIGHTS.items()
        ):
            if cell in cells.split():
                side.implementation.weights = change(sides.cases[0].floats.parameters)
                cases = sides.cases[1:3]
                *_, last = compare_pair((right, side), cases)
                assert last.differs
                assert last.is_right(right)
                assert not last.is_right(side)
                found[kind, name] = find_mistake(last, side, cases)
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_a_difference_in_each_of_them_is_named(cell, tmp_path):
    skip_without("flax")  # test_pairs tries ours
    for (_, name), words in plant_each(cell, tmp_path).items():
        assert OF_WEIGHTS[name][2] in words
