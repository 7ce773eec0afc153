"""The type of an array in a signature. jaxtyping adds the kind of numbers and the shape to it.

``Float[Array, "T B H"]`` is an array of floats of shape (T, B, H). mypy sees an array, and the
tests check dtype and shape at each call.
"""

from typing import Any

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
