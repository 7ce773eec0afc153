"""The types of an array and of a state in a signature.

jaxtyping adds the kind of numbers and the shape to an array: ``Float[Array, "T B H"]`` is an array
of floats of shape (T, B, H). mypy sees an array, and the tests check dtype and shape at each call.

A state is one array, or a tuple of them (the LSTM's h and c). Every array of a layer's state is of
shape (L·D, B, …), so a batch is cut and concatenated along axis 1.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
State = Array | tuple[Array, ...]

Item = TypeVar("Item")  # an array of a state, or a tensor of PyTorch
Result = TypeVar("Result")


def arrays_of(state: Item | tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the arrays of a state as a tuple, also if there is only one."""
    return state if isinstance(state, tuple) else (state,)


def state_of(arrays: Iterable[Item]) -> Item | tuple[Item, ...]:
    """Return the state of these arrays: a tuple, or the array if there is only one."""
    several = tuple(arrays)
    return several[0] if len(several) == 1 else several


def each(
    function: Callable[..., Result], *states: Item | tuple[Item, ...]
) -> Result | tuple[Result, ...]:
    """Apply a function to the arrays of a state, or of several states side by side.

    >>> each(lambda a, b: a + b, (1, 2), (30, 40))
    (31, 42)
    """
    together = zip(*(arrays_of(state) for state in states), strict=True)
    return state_of(function(*arrays) for arrays in together)
