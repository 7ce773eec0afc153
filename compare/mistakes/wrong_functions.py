"""The functions of a cell with a mistake: one of the catalogue, or another order of the gates."""

from collections.abc import Iterator, Sequence
from itertools import permutations

from compare.implementations import CELLS, Order
from compare.mistakes.catalogue import CATALOGUE
from compare.mistakes.plain import PlainFunctions

BACKWARD = ("step_backward", "backward")  # the functions that compute gradients


def list_wrong_functions(kinds: Sequence[str], cell: str) -> Iterator[tuple[str, PlainFunctions]]:
    """Yield the words of each mistake of these functions, and the cell's functions with it."""
    for bug in CATALOGUE:
        if any(bug.is_in(kind, cell) for kind in kinds):
            yield bug.words, PlainFunctions(cell, bug.plain)
    for order in list_orders(cell):
        words = f"The gates are read in the order {', '.join(order)}."
        yield words, PlainFunctions(cell, order=order)
    for order in list_orders(cell) if {*BACKWARD} & {*kinds} else ():
        shown, right = ", ".join(order), ", ".join(CELLS[cell].gates)
        words = f"On the way back the gates change places: {shown} in the place of {right}."
        yield words, PlainFunctions(cell, order=order, kinds=BACKWARD)


def list_orders(cell: str) -> Iterator[Order]:
    """Yield each order of a cell's gates but PyTorch's."""
    yield from [order for order in permutations(CELLS[cell].gates) if order != CELLS[cell].gates]
