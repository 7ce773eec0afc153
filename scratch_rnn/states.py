"""What a layer hands on from step to step: one array, or a tuple of them (the LSTM's h and c).

Every array of a state is of shape (L·D, B, …), so a batch is cut and put together along axis 1.
"""

from collections.abc import Callable
from typing import Any

State = Any
"""ndarray of shape (L·D, B, …), or a tuple of such arrays."""


def arrays_of(state: Any) -> tuple[Any, ...]:
    """Return the arrays of a state as a tuple, also where there is one only."""
    return state if isinstance(state, tuple) else (state,)


def state_of(arrays: Any) -> Any:
    """Return the state of these arrays: a single one stands for itself."""
    arrays = tuple(arrays)
    return arrays[0] if len(arrays) == 1 else arrays


def each(function: Callable[..., Any], *states: Any) -> Any:
    """Apply a function to the arrays of a state, or to those of several states side by side.

    >>> each(lambda a, b: a + b, (1, 2), (30, 40))
    (31, 42)
    """
    return state_of(function(*arrays) for arrays in zip(*map(arrays_of, states), strict=True))
