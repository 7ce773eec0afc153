"""Guess the cell of the user's code, from the records of the cells."""

import re
from collections import Counter
from collections.abc import Iterable

from compare.implementations.core.cells import CELLS, Cell

FUNCTIONS = ("step", "forward", "step_backward", "backward")


def guess_cell_of_class(names: Iterable[str]) -> str:
    """Return the cell that a class or one of its bases is named after; empty if there is none.

    A name that contains the layer of one gated cell, and of no other, decides: the GRU inside of
    MinGRU does not count. A longer word such as Congruent contains none. For a cell without gates
    the whole name has to be its layer's.
    """
    for name in names:
        found = [cell for cell in CELLS.values() if _make_pattern(cell).search(name)]
        inside = {a.name for a in found for b in found if a.layer in b.layer and a is not b}
        named = [cell.name for cell in found if cell.name not in inside]
        if len(named) == 1:
            return named[0]
    return ""


def _make_pattern(cell: Cell) -> re.Pattern[str]:
    layer = cell.layer
    if not cell.gates:
        return re.compile(f"^(?i:(simple)?{layer}(cell)?)$")
    first, rest = layer[0], layer[1:].lower()
    initial = f"[{first}{first.lower()}]"
    word = f"{initial}{rest}(cell|layer|net)?(?![a-z])"
    return re.compile(f"{initial}{layer[1:]}|{word}")


def guess_cell_of_functions(names: Iterable[str]) -> str:
    """Return the cell with the most functions in the file; the first cell if there are none."""
    known = set(names)
    return max(CELLS, key=lambda cell: sum(f"{cell}_{name}" in known for name in FUNCTIONS))


def guess_cell_of_shapes(shapes: Iterable[tuple[int, ...]], V: int, H: int) -> str:
    """Return the cell whose weight_ih, or that for [x, h], has one of these shapes; else nothing.

    A weight for each gate is there as often as the cell has gates.
    """
    known = Counter(shapes)
    widths = V, V + H
    for cell in CELLS.values():
        G = cell.num_gates * H
        if any(known[G, width] or known[width, G] for width in widths if cell.gates):
            return cell.name
    of_a_gate = max(known[shape] for width in widths for shape in ((H, width), (width, H)))
    fitting = (cell.name for cell in CELLS.values() if cell.num_gates == of_a_gate)
    return next(fitting, "")
