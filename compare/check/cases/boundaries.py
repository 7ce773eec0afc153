"""The sizes and the values that are tried, from the table `cases.toml`."""

import numpy as np

from compare.check.tables import table

CASES = table("cases/cases.toml")

Sizes = tuple[int, int, int, int]
"""T, B, V and H."""

BOUNDARIES: tuple[Sizes, ...] = tuple(
    (T, B, V, H) for several in CASES["sizes"].values() for T, B, V, H in several
)

VALUES: dict[str, dict[str, float]] = CASES["values"]
"""Factors of the arrays of a case, by their name."""


def scaled(array: np.ndarray, values: str, name: str, dtype: str) -> np.ndarray:
    """Return an array of a case with such values; `name` is that of its factor."""
    factor = VALUES[values].get(name, 1.0) if values else 1.0
    scaled_array: np.ndarray = array * (factor or np.finfo(dtype).smallest_normal / 8)
    return scaled_array


Trial = tuple[Sizes, str]
"""The sizes of a case of a layer, and its values."""
