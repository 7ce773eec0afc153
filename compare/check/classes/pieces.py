"""Parameters in pieces: one weight for [x, h], or weights and biases for each gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from compare.check.cases.gate_order import Order
from compare.check.cases.layer_results import Results
from compare.check.cases.parts import Malformed
from compare.parity import CELLS

W_IH, W_HH, B_IH, B_HH = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
BOTH = f"{W_IH} beside {W_HH}"

CANDIDATES = {"g", "n"}  # the gates with tanh, which have many names: c, g, h, n

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The user's parameters that make up ours: for each of ours one, or one for each gate."""

    names: Mapping[str, Sequence[str]]  # ours, or BOTH, to the user's
    axes: Mapping[str, tuple[int, ...]]  # of length 1, of each bias
    transposed: bool  # weights are (in, out)
    state_first: bool  # W_hh comes before W_ih in the weight of both

    def split(self, ours: Results) -> Results:
        """Return the user's parameters."""
        found: Results = {}
        for name, own in self.names.items():
            both = (W_HH, W_IH) if self.state_first else (W_IH, W_HH)
            array = np.concatenate([ours[n] for n in both], 1) if name == BOTH else ours[name]
            for one, block in zip(own, np.split(array, len(own)), strict=True):
                is_turned = self.transposed and block.ndim == 2
                found[one] = block.T if is_turned else np.expand_dims(block, self.axes[one])
        return found

    def join(self, own: Results, num_gates: int) -> Results:
        """Return our parameters, or their gradients; Malformed if one is not there."""
        found: Results = {}
        for name, several in self.names.items():
            if lost := [n for n in several if n not in own]:
                raise Malformed(f"a gradient of {lost[0]}", f"{', '.join(own)}")
            arrays = [own[n] for n in several]
            if not name.startswith("weight"):
                found[name] = np.concatenate([array.reshape(-1) for array in arrays])
                continue
            joined = np.concatenate([a.T if self.transposed else a for a in arrays])
            H = len(joined) // num_gates
            parts = np.split(joined, [H if self.state_first else joined.shape[1] - H], axis=1)
            both = zip((W_HH, W_IH) if self.state_first else (W_IH, W_HH), parts, strict=True)
            found |= dict(both) if name == BOTH else {name: joined}
        return found


def find_pieces(
    shapes: Shapes, cell: str, V: int, H: int, order: Order = (), *, state_first: bool = False
) -> Pieces | None:
    """Return how these parameters make up ours; None if they do not.

    Parameters of the gates are told apart by a letter of their names. If there is none, or an order
    is given, they are taken in that order.
    """
    gates = CELLS[cell].gates
    names: dict[str, Sequence[str]] = {}
    transposed = False
    for many in dict.fromkeys((1, CELLS[cell].num_gates)):
        rows = CELLS[cell].num_gates * H // many
        for columns, name in ((V + H, BOTH), (V, W_IH), (H, W_HH)):
            fitting = [n for n, s in shapes.items() if s in ((rows, columns), (columns, rows))]
            if len(fitting) >= many and not {name, BOTH} & {*names}:
                names[name] = _by_gate(fitting, gates, order)[:many]
                transposed |= shapes[names[name][0]] != (rows, columns)
        biases = [n for n, s in shapes.items() if s in ((rows,), (1, rows), (rows, 1))]
        if len(biases) >= many and B_IH not in names:
            names[B_IH] = _by_gate(biases[:many], gates, order)
            if len(biases) >= 2 * many:
                names[B_HH] = _by_gate(biases[many : 2 * many], gates, order)
    if not {W_IH, W_HH, B_IH} <= {*names, *((W_IH, W_HH) if BOTH in names else ())}:
        return None
    used = [n for several in names.values() for n in several]
    axes = {n: tuple(k for k, size in enumerate(shapes[n]) if size == 1) for n in used}
    return Pieces(names, axes, transposed, state_first)


def _by_gate(names: Sequence[str], gates: Order, order: Order) -> Sequence[str]:
    """Return names in the order of the gates, if a letter in each says which gate it is."""
    start, end = _equal_letters(names), _equal_letters([name[::-1] for name in names])
    cores = {name: name[start : len(name) - end].lower() for name in names}
    for at in (-1, 0):
        found = {_gate(core[at], gates): name for name, core in cores.items() if core}
        if gates and {*gates} <= {*found} and not order:
            return [found[gate] for gate in gates]
    return names


def _equal_letters(names: Sequence[str]) -> int:
    """Return how many letters all names begin with."""
    return sum(
        1 for _ in takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False))
    )


def _gate(letter: str, gates: Order) -> str:
    """Return the gate that a letter means: u is the update gate, and others the candidate."""
    if letter in gates:
        return letter
    return "z" if letter == "u" and "z" in gates else next(iter(CANDIDATES & {*gates}), "")
