"""The sizes and the values that are tried, from the table `cases.toml`."""

import numpy as np

from compare.files import table

CASES = table(__package__, "cases.toml")

Sizes = tuple[int, int, int, int]  # T, B, V and H
Trial = tuple[Sizes, str]  # the sizes of a case of a layer, and its values

BOUNDARIES: tuple[Sizes, ...] = tuple(
    (T, B, V, H) for several in CASES["sizes"].values() for T, B, V, H in several
)

BLOCKS: tuple[Sizes, ...] = tuple(
    (T, B, V, H) for several in CASES["sizes_of_kernels"].values() for T, B, V, H in several
)

VALUES: dict[str, dict[str, float]] = CASES["values"]  # factors of a case's arrays, by name


def scale(array: np.ndarray, values: str, name: str, dtype: str) -> np.ndarray:
    """Return an array of a case with such values; `name` is that of its factor."""
    factor = VALUES[values].get(name, 1.0) if values else 1.0
    return array * (factor or np.finfo(dtype).smallest_normal / 8)
