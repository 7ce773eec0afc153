"""The state of a layer: one array, or a tuple of them (the LSTM's h and c).

Every array of a state is of shape (L·D, B, …), so a batch is cut and concatenated along axis 1.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_array

State = Any
"""ndarray of shape (L·D, B, …), or a tuple of such arrays."""


def arrays_of(state: Any) -> tuple[Any, ...]:
    """Return the arrays of a state as a tuple, also if there is only one."""
    return state if isinstance(state, tuple) else (state,)


def state_of(arrays: Any) -> Any:
    """Return the state of these arrays: a tuple, or the array if there is only one."""
    arrays = tuple(arrays)
    return arrays[0] if len(arrays) == 1 else arrays


def each(function: Callable[..., Any], *states: Any) -> Any:
    """Apply a function to the arrays of a state, or of several states side by side.

    >>> each(lambda a, b: a + b, (1, 2), (30, 40))
    (31, 42)
    """
    return state_of(function(*arrays) for arrays in zip(*map(arrays_of, states), strict=True))


def check_state(
    name: str, parts: Sequence[str], state: Any, shapes: Sequence[tuple[int, ...]], dtype: np.dtype
) -> tuple[Array, ...]:
    """Return the arrays of a state if there is one of this dtype for each of the shapes.

    Error messages call the state `name`, and its arrays by the names in `parts`.
    """
    arrays = arrays_of(state)
    if len(arrays) != len(shapes) or isinstance(state, tuple) != (len(shapes) > 1):
        expected = "a NumPy array" if len(shapes) == 1 else f"a pair ({', '.join(parts)})"
        got = f"a tuple of {len(state)}" if isinstance(state, tuple) else type(state).__name__
        raise TypeError(f"expected {name} to be {expected}, got {got}")
    together = zip(parts, arrays, shapes, strict=True)
    return tuple(check_array(part, array, shape, dtype) for part, array, shape in together)
