"""The sizes that are tried, from the table `cases.toml`."""

from collections.abc import Mapping

from compare.files import table

CASES = table(__package__, "cases.toml")

Sizes = tuple[int, int, int, int]  # T, B, V and H

BLOCKS: tuple[int, ...] = tuple(CASES["sizes"]["blocks"])


def list_sizes(table: str, *names: str) -> tuple[Sizes, ...]:
    """Return the sizes of some rows of a table, or of all."""
    rows = CASES[table]
    return tuple((T, B, V, H) for name in names or rows for T, B, V, H in rows[name])


def list_blocks() -> tuple[Sizes, ...]:
    """Return sizes in which each of T, B, V and H has the size of each block.

    Of T and B, and of V and H, one is large if the other is not: so no case is large.
    """
    of_calls = [(T, B, 3, 4) for T, B in zip(BLOCKS, reversed(BLOCKS), strict=True)]
    shifted = BLOCKS[5:] + BLOCKS[:5]
    return (*of_calls, *((2, 3, V, H) for V, H in zip(BLOCKS, shifted, strict=True)))


SMALL = list_sizes("sizes", "equal", "ones", "whole")

BOUNDARIES = (*SMALL, *list_blocks())

OF_GPUS = list_sizes("sizes_of_kernels")
"""Sizes at which the kernels of a GPU go wrong; few, as the interpreter takes long."""

DEFAULT: Sizes = (3, 2, 4, 5)
"""All different, so that no transposition is hidden."""


def choose_long_sizes(fields: Mapping[str, object]) -> Sizes:
    """Return sizes of a long sequence for a case with these fields; all but T are tiny.

    The state of a single unit with ReLU cannot grow from step to step: W_hh is smaller than one.
    """
    T, B, V, H = CASES["sizes"]["long"]
    return T, B, V, 1 if fields.get("nonlinearity") == "relu" else H


def fill_sizes(stated: Mapping[str, int]) -> Sizes:
    """Return T, B, V and H as --size states them; the others are small."""
    T, B, V, H = (stated.get(letter, n) for letter, n in zip("TBVH", DEFAULT, strict=True))
    return T, B, V, H


SIZES: tuple[Sizes, ...] = (DEFAULT, (4, 3, 5, 2), (1, 5, 3, 4), (5, 1, 2, 3), *BOUNDARIES)
"""T, B, V and H: first all different, so that no transposition is hidden; then boundaries."""


def count_products(sizes: Sizes) -> int:
    """Return how many products of two floats a forward pass has at these sizes."""
    T, B, V, H = sizes
    return T * B * H * (V + H)
