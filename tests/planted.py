"""Results in which one entry of each tensor is moved by a share of its tolerance."""

import numpy as np

from compare.parity import Unmoved

SHARES = [(0.9, True), (1.5, False)]
"""Each share, and whether it is within the tolerance. With twice the tolerance, the second is."""


def plant(results, allowed, share):
    """Return copies of the results, with an entry of each moved by a share of what is allowed."""
    planted = {name: np.array(array) for name, array in results.items()}
    for name, array in planted.items():
        at = np.unravel_index(array.size // 2, array.shape)
        array[at] += share * np.broadcast_to(allowed[name], array.shape)[at]
    return planted


def measure_constants(compute, *_, **__):
    """Return 1/1024 as the tolerance of each entry, in the place of `measure_tolerances`."""
    results = compute(Unmoved.RESULTS)
    return {name: np.full(np.shape(array), 2.0**-10) for name, array in results.items()}
