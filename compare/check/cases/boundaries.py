"""The sizes and the values that are tried: the boundaries at which code goes wrong.

A bound in the code (``if T > 8``), a buffer of a fixed size, a block of 16 or an axis of one
entry shows only on one side of a size. So each of T, B, V and H is 1, a power of two and one beside
it, and once much larger than all the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

Sizes = tuple[int, int, int, int]
"""T, B, V and H."""

ONES: tuple[Sizes, ...] = ((1, 1, 1, 1), (1, 3, 2, 4), (4, 1, 2, 3), (5, 2, 1, 3), (3, 2, 4, 1))

EQUAL: tuple[Sizes, ...] = ((7, 3, 6, 6), (3, 4, 2, 4), (2, 5, 5, 3), (4, 4, 3, 2))
"""V = H, B = H, B = V and T = B: a transposition keeps the shape."""

POWERS: tuple[Sizes, ...] = (
    *((2, 16, 9, 15), (8, 17, 15, 9), (1, 7, 16, 8), (16, 8, 17, 7), (3, 9, 7, 17), (2, 15, 8, 16)),
    *((3, 33, 32, 31), (2, 65, 63, 64)),
)
"""Powers of two and their neighbours; B and V are larger than H, and smaller."""

FAR: tuple[Sizes, ...] = ((70, 2, 3, 4), (2, 70, 3, 4), (3, 2, 70, 4), (2, 3, 4, 130))
"""One long, one broad, one with many inputs, one wide."""

BOUNDARIES = (*EQUAL, *ONES, *POWERS, *FAR)

TINY = 0.0
"""In the place of a scale: below the smallest normal number of the dtype."""

VALUES: dict[str, dict[str, float]] = {
    "large inputs": {"x": 3000.0},
    "large inputs of 100": {"x": 100.0},
    "inputs of 30": {"x": 30.0, "W_ih": 1 / 30},
    "states of 30": {"h": 30.0, "c": 30.0, "W_hh": 1 / 30},
    "weights of 30": {"x": 1 / 30, "h": 1 / 30, "W_ih": 30.0, "W_hh": 30.0},
    "large biases": {"b_ih": 40.0, "b_hh": 40.0},
    "large gradients": {"d": 1e5},
    "small gradients": {"d": 1e-12},
    "subnormal inputs": {"x": TINY, "h": TINY, "c": TINY},
    "subnormal gradients": {"d": TINY},
}
"""Factors of inputs x, states h and c, weights, biases and upstream gradients d, by their name."""


def scaled(array: np.ndarray, values: str, name: str, dtype: str) -> np.ndarray:
    """Return an array of a case with such values; `name` is that of its factor."""
    factor = VALUES[values].get(name, 1.0) if values else 1.0
    scaled_array: np.ndarray = array * (factor or np.finfo(dtype).smallest_normal / 8)
    return scaled_array


Trial = tuple[Sizes, str]
"""The sizes of a case of a layer, and its values."""

Ranges = dict[str, tuple[int, int]]
"""The smallest and the largest of each size."""


def ranges(sizes: Iterable[Mapping[str, int]]) -> Ranges:
    """Return the ranges of the sizes of some cases."""
    found: Ranges = {}
    for each in sizes:
        for letter, n in each.items():
            least, most = found.get(letter, (n, n))
            found[letter] = min(least, n), max(most, n)
    return found
