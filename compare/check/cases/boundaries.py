"""The sizes and the values that are tried, from the table `cases.toml`."""

from collections.abc import Mapping

import numpy as np

from compare.files import table
from compare.implementations import Array

CASES = table(__package__, "cases.toml")

Sizes = tuple[int, int, int, int]  # T, B, V and H
Trial = tuple[Sizes, str]  # the sizes of a case of a layer, and its values

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


VALUES: dict[str, dict[str, float | str | list[float]]] = CASES["values"]
"""Factors of a case's arrays, by their names."""


def scale(array: Array, values: str, name: str, dtype: str) -> Array:
    """Return an array of a case with such values; its factor has its name, or the first letter."""
    factors = VALUES[values] if values else {}
    factor = factors.get(name, factors.get(name.partition("_")[0], 1.0))  # x of x_t, d of d_h_n
    if isinstance(factor, str):  # "subnormal"
        return np.asarray(array * (np.finfo(dtype).smallest_normal / 8))
    if isinstance(factor, list):
        return np.asarray(array * np.resize(factor, (len(array), 1)))  # one for each row
    return np.asarray(array * factor)


SIZES: tuple[Sizes, ...] = (DEFAULT, (4, 3, 5, 2), (1, 5, 3, 4), (5, 1, 2, 3), *BOUNDARIES)
"""T, B, V and H: first all different, so that no transposition is hidden; then boundaries."""

OF_VALUES: tuple[Trial, ...] = tuple((DEFAULT, values) for values in VALUES)

TRIALS: tuple[Trial, ...] = (*((sizes, "") for sizes in SIZES), *OF_VALUES)
"""The cases of the simplest layer."""


def count_products(sizes: Sizes) -> int:
    """Return how many products of two floats a forward pass has at these sizes."""
    T, B, V, H = sizes
    return T * B * H * (V + H)


OPTIONAL: tuple[Trial, ...] = tuple((sizes, "") for sizes in sorted(OF_GPUS, key=count_products))
"""The last cases of a layer whose kernels are interpreted; they may be left out."""

OF_KERNELS = (*((sizes, "") for sizes in (*SIZES[:4], *SMALL)), *OF_VALUES, *OPTIONAL)
"""The cases of a layer whose kernels are interpreted."""
