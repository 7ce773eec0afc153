"""Match the user's parameters with ours, by their names and shapes.

The rules, in this order: PyTorch's name; the first array of the right shape, a whole parameter
before one for each gate. A weight for [x, h] may take the place of two.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, takewhile

from compare.implementations.core import cells
from compare.implementations.core.cells import CELLS, Cell
from compare.implementations.core.failures import UnexpectedResult
from compare.implementations.layouts.gate_order import Order

W_IH, W_HH, B_IH, B_HH = (each.name for each in (cells.W_IH, cells.W_HH, cells.B_IH, cells.B_HH))
BOTH = f"{W_IH} beside {W_HH}"

CANDIDATES = {"g", "n"}  # the gates with tanh, which have many names: c, g, h, n

Shape = tuple[int, ...]
Names = dict[str, tuple[str, ...]]
"""The user's name, or one for each gate, of each of our parameters or of BOTH weights."""


def find_names(shapes: Mapping[str, Shape], cell: str, V: int, H: int, order: Order = ()) -> Names:
    """Return the user's names; UnexpectedResult if a parameter is missing.

    A letter in a name says which gate it is, unless an `order` is stated.
    """
    record = CELLS[cell]
    num_gates, parameters = record.num_gates, [parameter.name for parameter in record.parameters]
    names: Names = {}
    for many in dict.fromkeys((1, num_gates)):
        for parameter, fitting in list_shapes(record, num_gates * H // many, V, H).items():
            if parameter in names or _is_part_of(parameter, names):
                continue
            used = [name for several in names.values() for name in several]
            candidates = [n for n, shape in shapes.items() if shape in fitting and n not in used]
            if parameter in candidates and many == 1:
                candidates = [parameter]
            if len(candidates) >= many:
                names[parameter] = _sort_by_gate(candidates, cell, many, order)
    for parameter in (parameter.name for parameter in record.parameters if parameter.columns):
        if parameter not in names and not _is_part_of(parameter, names):
            shape = list_shapes(record, num_gates * H, V, H)[parameter][0]
            raise UnexpectedResult(f"a parameter {parameter} of shape {shape}", f"{dict(shapes)}")
    return {parameter: names[parameter] for parameter in (BOTH, *parameters) if parameter in names}


def list_shapes(cell: Cell, rows: int, V: int, H: int) -> dict[str, tuple[Shape, ...]]:
    """Return the shapes that an array may have, of a parameter or of so many rows of it."""
    shapes = {p.name: p.shape(rows, V, H) for p in cell.parameters}
    matrices = {name: (shape, shape[::-1]) for name, shape in shapes.items() if len(shape) == 2}
    if {W_IH, W_HH} <= {*matrices}:
        matrices[BOTH] = ((rows, V + H), (V + H, rows))
    biases = {name: shape[0] for name, shape in shapes.items() if len(shape) == 1}
    return matrices | {name: ((n,), (1, n), (n, 1)) for name, n in biases.items()}


def _is_part_of(weight: str, names: Names) -> bool:
    """Return whether a weight is half of a known BOTH, or is BOTH with a known half."""
    halves = {W_IH, W_HH}
    return BOTH in names if weight in halves else weight == BOTH and bool(halves & {*names})


def _sort_by_gate(names: Sequence[str], cell: str, many: int, order: Order) -> tuple[str, ...]:
    """Return so many names, by the order of the gates if a letter in each says which it is.

    Of up to twice as many, those are taken whose other letters are equal: ``br bz bn`` beside ``cr
    cz cn``, or beside ``bhn`` alone.
    """
    gates, chosen = CELLS[cell].gates, tuple(names[:many])
    if many == 1:
        return chosen
    if many < len(names) <= 2 * many:
        halves = [(half, [n for n in names if n not in half]) for half in combinations(names, many)]
        chosen, _ = max(halves, key=lambda both: sum(map(_count_equal, both)))
    return chosen if order else (name_gates(chosen, gates) or chosen)


def name_gates(names: Sequence[str], gates: Order) -> tuple[str, ...]:
    """Return the names of a parameter by the order of the gates; none if no letters say it."""
    start, end = _count_first(names), _count_first([name[::-1] for name in names])
    cores = {name: name[start : len(name) - end].lower() for name in names}
    for at in (-1, 0):
        by_gate = {_read_gate(core[at], gates): name for name, core in cores.items() if core}
        if {*gates} <= {*by_gate}:
            return tuple(by_gate[gate] for gate in gates)
    return ()


def _count_equal(names: Sequence[str]) -> int:
    """Return how many letters all names begin and end with."""
    return _count_first(names) + _count_first([name[::-1] for name in names])


def _count_first(names: Sequence[str]) -> int:
    """Return how many letters all names begin with."""
    rows: Iterator[tuple[str, ...]] = zip(*names, strict=False)
    return sum(1 for _ in takewhile(lambda row: len({*row}) == 1, rows))


def _read_gate(letter: str, gates: Order) -> str:
    """Return the gate that a letter means: u is the update gate, and others the candidate."""
    if letter in gates:
        return letter
    return "z" if letter == "u" and "z" in gates else next(iter(CANDIDATES & {*gates}), "")
