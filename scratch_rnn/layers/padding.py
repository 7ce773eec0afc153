"""Sequences of different lengths in one array, the shorter ones padded at their end.

``lengths[b]`` is the number of steps of sequence b. The entries at t >= lengths[b] are padding; no
result may depend on them. Without lengths (None) every sequence has all T steps.
"""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
from jaxtyping import Bool, Int, Shaped

from scratch_rnn.arrays import Array


def is_padding(lengths: Int[Array, "B"], T: int) -> Bool[Array, "T B"]:
    """Return True for each entry of the padding."""
    return np.arange(T)[:, None] >= lengths


def ignore_overflow(lengths: Int[Array, "B"] | None) -> AbstractContextManager[object]:
    """Return a context without warnings of overflow, if there is padding.

    A recurrence also runs through the padding, where the state of a ReLU may grow without limit.
    """
    return nullcontext() if lengths is None else np.errstate(over="ignore", invalid="ignore")


def clear_padding(
    x: Shaped[Array, "T B *V"], lengths: Int[Array, "B"] | None
) -> Shaped[Array, "T B *V"]:
    """Return `x` with zeros for padding; `x` itself where there is none."""
    if lengths is None:
        return x
    x = x.copy()
    x[is_padding(lengths, len(x))] = 0
    return x


def reverse(x: Shaped[Array, "T B *V"], lengths: Int[Array, "B"] | None) -> Shaped[Array, "T B *V"]:
    """Return each sequence in reverse, the padding still last. It is its own inverse."""
    if lengths is None:
        return x[::-1]
    T, B = x.shape[:2]
    t = np.arange(T)[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)  # (T, B)
    return x[source, np.arange(B)]


def last_state(
    h: Shaped[Array, "T_and_one B *H"], lengths: Int[Array, "B"] | None
) -> Shaped[Array, "B *H"]:
    """Return the state after each sequence's own last step; h[0] is the one before the first."""
    last: Array = h[-1] if lengths is None else h[lengths, np.arange(len(lengths))]
    return last


def place_at_ends(
    last: Shaped[Array, "B H"], lengths: Int[Array, "B"], T: int
) -> Shaped[Array, "T B H"]:
    """Return zeros, but for `last` at each sequence's own last step."""
    steps = np.zeros((T, *last.shape), last.dtype)
    steps[lengths - 1, np.arange(len(lengths))] = last
    return steps
