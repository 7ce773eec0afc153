"""Arrays as text in a page: compact, and exact to the last bit.

Floats compress badly as they lie in memory, where digits of every weight alternate. So all first
bytes come first, then all second bytes, and so on: signs and exponents, which resemble each other,
stand together. That is deflated, and written in base64.

PyTorch's numbers are mostly NumPy's, or a float or two beside them. In float32 the page gets the
distance, counted in floats, which is a small whole number.

Two arrays are sums of others, one addition for each number, and the page adds them again: an
addition has one right rounding, which every machine takes. They are not stored.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

SUMS = ("a", "z")
"""What the page adds again: a = W_ih + (b_ih + b_hh), a row for each token, and z = a + u."""

OTHER = "torch."
"""What the names of PyTorch's arrays begin with; NumPy's is called what comes after."""


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[list[dict[str, Any]], str]:
    """Write arrays as one text.

    Returns
    -------
    entries : list of dict
        For each array, in their order in the text: "name", "dtype" (as "float32" or "int8"),
        "shape", whether it holds "steps" away from the array of NumPy instead of values, and
        whether it "is_sum" and stands nowhere.
    text : str
        base64 of the deflated bytes.
    """
    entries, planes = [], []
    for name, array in arrays.items():
        base = arrays.get(name.removeprefix(OTHER)) if name.startswith(OTHER) else None
        is_steps = base is not None and array.dtype == base.dtype == np.float32
        stored = steps_between(base, array) if base is not None and is_steps else array
        entries.append(
            {
                "name": name,
                "dtype": str(stored.dtype),
                "shape": list(stored.shape),
                "steps": is_steps,
                "is_sum": name in SUMS,
            }
        )
        if name not in SUMS:
            planes.append(byte_planes(stored))
    return entries, base64.b64encode(zlib.compress(b"".join(planes), 9)).decode("ascii")


def byte_planes(array: np.ndarray) -> bytes:
    """Return the bytes of a little-endian array: the first of each number, then the second."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).reshape(-1, array.itemsize).T.tobytes()


def steps_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how many floats lie from each a to each b, in the smallest kind of integer."""
    steps = place(b) - place(a)
    most = int(np.abs(steps).max(initial=0))
    kind = next(k for k in (np.int8, np.int16, np.int32, np.int64) if most <= np.iinfo(k).max)
    smallest: np.ndarray = steps.astype(kind)
    return smallest


def place(a: np.ndarray) -> np.ndarray:
    """Return the place of each float32 in the row of all of them; both zeros have place 0."""
    bits = a.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
