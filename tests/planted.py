"""Results in which one entry of each tensor is moved by a share of its tolerance."""

import numpy as np

from compare.check import LayerCase
from compare.parity import Unmoved

SHARES = [(0.9, True), (1.5, False)]
"""Each share, and whether it is within the tolerance. With twice the tolerance, the second is."""

TOLERANCE = 2.0**-36
"""That of each entry, where `measure_constants` measures it."""

CASE = LayerCase("gru", T=3, B=2, V=4, H=5, dtype="float64", seed=2)
X = np.array([[1.0, 2.0, 5.0], [3.0, -4.0, 6.0]])
FIRST = np.eye(1, 6).reshape(2, 3)  # 1 at its first entry
EPS = 2.0**-52  # of float64

ROWS = []


def row(function):
    """Add a function to `ROWS`: from a share, it yields whether what it moves is within."""
    ROWS.append(function)
    return function


def plant(results, error):
    """Return copies of the results, with the error added to an entry of each."""
    planted = {name: np.array(array) for name, array in results.items()}
    for array in planted.values():
        array[np.unravel_index(array.size // 2, array.shape)] += error
    return planted


def measure_constants(compute, *_, **__):
    """Return `TOLERANCE` for each entry, in the place of `measure_tolerances`."""
    results = compute(Unmoved.RESULTS)
    return {name: np.full(np.shape(array), TOLERANCE) for name, array in results.items()}
