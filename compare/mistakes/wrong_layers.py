"""Layers with a mistake: one of the catalogue, in all directions or one, or one of the directions.

A layer of several layers or in two directions is made of the functions of its cell, as a layer of
one is; so a mistake in a step is named wherever it is.
"""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np

from compare.implementations import CELLS, Array, FunctionsLayer, LayerClass
from compare.mistakes.catalogue import BUGS, CATALOGUE, Bug
from compare.mistakes.plain import PlainFunctions
from compare.mistakes.wrong_functions import list_wrong_functions

ONLY_REVERSE = "Only the reverse direction has this mistake."

LAYER_FILES = ("scratch_rnn/cells/", "scratch_rnn/layers/layer.py", "scratch_rnn/layers/padding.py")

_load_copy = lru_cache(Bug.load)


def list_wrong_layers(
    cell: str, *, is_forward: bool, bidirectional: bool = False, copies: bool = True
) -> Iterator[tuple[str, LayerClass]]:
    """Yield the words of each mistake that one of the passes can have, and a layer with it.

    Copies of the package come last, as each is compiled anew; `copies` says whether they come.
    """
    kinds = ("forward", "step") if is_forward else ("backward", "step_backward")
    for words, functions in list_wrong_functions(kinds, cell):
        yield words, partial(FunctionsLayer, functions)
    if bidirectional:
        right = PlainFunctions(cell)
        for words, functions in list_wrong_functions(kinds, cell):
            yield describe_in_reverse(words), partial(FunctionsLayer, right, reverse=functions)
        for words, layer_class in WRONG_DIRECTIONS.items() if is_forward else ():
            yield words, partial(layer_class, right)
    for bug in BUGS if copies else ():
        if not bug.stages and is_of_layer(bug, cell):
            yield bug.words, getattr(_load_copy(bug), CELLS[cell].layer)


def describe_in_reverse(words: str) -> str:
    """Return the words of a mistake of a cell if the reverse direction alone has it."""
    own = next((bug.reverse for bug in CATALOGUE if bug.words == words), "")
    return own or f"{words} {ONLY_REVERSE}"


def is_of_layer(bug: Bug, cell: str) -> bool:
    """Return whether a bug has patches, and all of them are on a layer of the cell."""
    is_of_cell = bug.cell in (None, cell) and bool(bug.patches)
    return is_of_cell and all(file.startswith(LAYER_FILES) for file in bug.files)


# Mistakes of the two directions, in the forward pass ---------------------------------------------


class SharedWeights(FunctionsLayer):
    """A layer whose directions both compute with the weights of the forward one."""

    def list_weights(self, i: int) -> list[Array]:
        """Return the parameters of i = layer · 2 + direction, without the direction."""
        return super().list_weights(i - i % 2)


class SwappedWeights(FunctionsLayer):
    """A layer whose directions compute with each other's weights."""

    def list_weights(self, i: int) -> list[Array]:
        """Return the parameters of i = layer · 2 + direction, with the other direction."""
        return super().list_weights(i + 1 - 2 * (i % 2))


class SwappedOutput(FunctionsLayer):
    """A layer whose output has the reverse direction first."""

    def forward(self, *given: Any, **more: Any) -> Any:
        """Return output, last state and tape."""
        output, last, tape = super().forward(*given, **more)
        return np.concatenate(np.split(output, 2, axis=2)[::-1], axis=2), last, tape


WRONG_DIRECTIONS: dict[str, type[FunctionsLayer]] = {
    "Both directions compute with the weights of the forward one.": SharedWeights,
    "The directions compute with each other's weights.": SwappedWeights,
    "output has the reverse direction before the forward one.": SwappedOutput,
}
