"""A known mistake: a sentence, lines of code, and what it computes.

It is a bug of the catalogue, another order of the gates, or a mistake of a layer's directions. A
layer is made of the functions of its cell; so a mistake in a step is named wherever it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import permutations

import numpy as np

from compare.implementations import CELLS, FunctionsLayer, LayerClass, Order
from compare.mistakes.catalogue import BUGS, CATALOGUE, Bug
from compare.mistakes.directions import WRONG_DIRECTIONS
from compare.mistakes.plain import PlainFunctions
from compare.parity import Comparison, largest_difference

BACKWARD = ("step_backward", "backward")  # the functions that compute gradients

LAYER_FILES = ("scratch_rnn/cells/", "scratch_rnn/layers/layer.py", "scratch_rnn/layers/padding.py")

HAS_GATES = re.compile("(d_[Wb]|(gradient of )?(weight|bias))_[ih]h")  # in its rows

_load_copy = lru_cache(Bug.load)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A known mistake: what is wrong, what it computes, and where it is right."""

    cell: str
    words: str  # what is wrong, in one sentence
    layer: LayerClass  # a layer that has it
    functions: PlainFunctions | None = None  # that have it; None if only a layer can
    bug: Bug | None = None  # of the catalogue
    gates: str = ""  # as the option --gates names the order in which the gates are read

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the cell's plain version that it changes, as they are with it."""
        return self.bug.find_lines(self.cell) if self.bug else ()

    @property
    def right_lines(self) -> tuple[str, ...]:
        """The same lines of the plain version, as they are."""
        return self.bug.find_lines(self.cell, "-") if self.bug else ()

    @property
    def another(self) -> str:
        """The name of the cell that is computed with it; empty if it has none."""
        return self.bug.another if self.bug else ""

    @property
    def other_layer(self) -> LayerClass | None:
        """A layer of the other cell that is computed with it; None if its gradients are unknown."""
        if not (self.bug and self.bug.back):
            return None
        return partial(FunctionsLayer, PlainFunctions(self.cell, (*self.bug.plain, *self.bug.back)))

    def describe(self, *, names_option: bool = True) -> str:
        """Return the words, and where it is right: for another cell, or with an option."""
        if self.another:
            return f"{self.words} That is another cell: {self.another}."
        if self.gates and names_option:
            return f"{self.words} If this order is meant: --gates {self.gates}."
        return self.words

    def move_to_reverse(self) -> "Mistake":
        """Return the mistake of a layer in two directions if the reverse one alone has it."""
        stated = self.bug.reverse if self.bug else ""
        layer = partial(FunctionsLayer, PlainFunctions(self.cell), reverse=self.functions)
        sentence = stated or f"{self.words} Only the reverse direction has this mistake."
        return Mistake(cell=self.cell, words=sentence, layer=layer)


def list_mistakes(
    cell: str, kinds: Sequence[str], *, transposed: bool = False
) -> Iterator[Mistake]:
    """Yield each mistake of some of a cell's functions.

    `transposed` says that the user's weights are (in, out), where ours are (out, in).
    """

    def make(
        sentence: str, functions: PlainFunctions, gates: str = "", bug: Bug | None = None
    ) -> Mistake:
        layer = partial(FunctionsLayer, functions)
        return Mistake(
            cell=cell, words=sentence, layer=layer, functions=functions, bug=bug, gates=gates
        )

    for bug in CATALOGUE:
        if any(bug.is_in(kind, cell) for kind in kinds):
            sentence = (transposed and bug.transposed) or bug.words
            yield make(sentence, PlainFunctions(cell, bug.plain), bug.gates, bug)
    for order in list_orders(cell):
        sentence = f"The gates are read in the order {', '.join(order)}."
        yield make(sentence, PlainFunctions(cell, order=order), ",".join(order))
    for order in list_orders(cell) if {*BACKWARD} & {*kinds} else ():
        read, right = ", ".join(order), ", ".join(CELLS[cell].gates)
        sentence = f"On the way back the gates change places: {read} in the place of {right}."
        yield make(sentence, PlainFunctions(cell, order=order, kinds=BACKWARD))


def list_layer_mistakes(
    cell: str,
    *,
    is_forward: bool,
    bidirectional: bool = False,
    copies: bool = True,
    transposed: bool = False,
) -> Iterator[Mistake]:
    """Yield each mistake that one of the passes of a layer can have.

    Copies of the package come last, as each is compiled anew; `copies` says whether they come.
    """
    kinds = ("forward", "step") if is_forward else ("backward", "step_backward")
    yield from list_mistakes(cell, kinds, transposed=transposed)
    if bidirectional:
        for mistake in list_mistakes(cell, kinds, transposed=transposed):
            yield mistake.move_to_reverse()
        for layer_class, sentence in WRONG_DIRECTIONS.items() if is_forward else ():
            layer = partial(layer_class, PlainFunctions(cell))
            yield Mistake(cell=cell, words=sentence, layer=layer)
    for bug in BUGS if copies else ():
        if not bug.stages and is_of_layer(bug, cell):
            layer = getattr(_load_copy(bug), CELLS[cell].layer)
            yield Mistake(cell=cell, words=bug.words, layer=layer, bug=bug)


def list_orders(cell: str) -> Iterator[Order]:
    """Yield each order of a cell's gates but PyTorch's."""
    yield from [order for order in permutations(CELLS[cell].gates) if order != CELLS[cell].gates]


def describe_gates(cell: str, wrong: Comparison) -> str:
    """Return in words that gates have another order, or that only some differ; empty if not."""
    gates = CELLS[cell].gates
    if not gates or wrong.problem or not HAS_GATES.match(wrong.tensor):
        return ""
    blocks = dict(zip(gates, np.split(wrong.expected, len(gates)), strict=True))
    for order in list_orders(cell):
        swapped = np.concatenate([blocks[gate] for gate in order])
        if largest_difference(swapped, wrong.got) <= 2 * np.max(wrong.allowed):
            read, right = ", ".join(order), ", ".join(gates)
            return f"The rows of {wrong.tensor} are swapped: {read} in the place of {right}."
    is_wrong = zip(gates, np.split(wrong.wrong_entries, len(gates)), strict=True)
    wrong_gates = [gate for gate, entries in is_wrong if entries.any()]
    if len(wrong_gates) == len(gates):
        return ""
    return f"{wrong.tensor} differs in the rows of {' and '.join(wrong_gates)} alone."


def is_of_layer(bug: Bug, cell: str) -> bool:
    """Return whether a bug has patches, and all of them are on a layer of the cell."""
    is_of_cell = bug.cell in (None, cell) and bool(bug.patches)
    return is_of_cell and all(file.startswith(LAYER_FILES) for file in bug.files)
