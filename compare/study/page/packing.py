"""Arrays as text in a page: compact, and exact to the last bit.

Floats compress badly, because the digits of neighbouring weights have nothing in common. So all
first bytes come first, then all second bytes, and so on: signs and exponents, which are similar,
come together. The result is deflated and encoded in base64.

Most numbers of PyTorch are equal to NumPy's, or a few floats away. In float32 the page gets this
distance, counted in floats, which is a small integer. Two arrays are sums of others, with one
addition for each number. They are not stored: the page adds again, and rounds in the same way.
"""

import base64
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from compare.files import JsonObject

SUMS = ("a", "z")
"""Arrays that the page computes: a = W_ih + (b_ih + b_hh), a row for each token, and z = a + u."""

OTHER = "torch."
"""Prefix of the names of PyTorch's arrays; the rest is the name of the NumPy array."""


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[list[JsonObject], str]:
    """Write arrays as one text: return an entry for each, and base64 of the deflated bytes.

    An entry has "name", "dtype" (as "float32" or "int8"), "shape", whether the array has "steps"
    from NumPy's array instead of values, and whether it "is_sum".
    """
    entries, planes = [], []
    for name, array in arrays.items():
        base = arrays.get(name.removeprefix(OTHER)) if name.startswith(OTHER) else None
        steps = base is not None and array.dtype == base.dtype == np.float32
        stored = steps_between(base, array) if base is not None and steps else array
        entry = {"name": name, "dtype": str(stored.dtype), "shape": list(stored.shape)}
        entries.append(entry | {"steps": steps, "is_sum": name in SUMS})
        if name not in SUMS:
            planes.append(byte_planes(stored))
    return entries, base64.b64encode(zlib.compress(b"".join(planes), 9)).decode("ascii")


def byte_planes(array: np.ndarray) -> bytes:
    """Return the bytes of a little-endian array: the first of each number, then the second."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).reshape(-1, array.itemsize).T.tobytes()


def steps_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the number of floats from each a to each b, in the smallest integer type."""
    steps = rank(b) - rank(a)
    most = int(np.abs(steps).max(initial=0))
    kind = next(k for k in (np.int8, np.int16, np.int32, np.int64) if most <= np.iinfo(k).max)
    return steps.astype(kind)


def rank(a: np.ndarray) -> npt.NDArray[np.int64]:
    """Return the rank of each float32 among all floats; both zeros have rank 0."""
    bits = a.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
