"""The forward pass of a small layer, without a tape. Each sequence is a column, so W h is `W @ h`.

A small network spends most of its time on the overhead of NumPy's calls, so this module makes few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array

SMALL, FEW = 2**17, 2**10
"""Up to so many multiplications, and units of all sequences, per step and gate, this is faster."""


class StepInColumns(NamedTuple):
    """One step, from W_ih x + b, W_hh h and the arrays of a state to those of the next state.

    The products are (G·H, B) or (G·H,). W_hh h may be overwritten. exp may overflow; see `gated`.
    """

    W_ih: Float[Array, "GH V"]
    W_hh: Float[Array, "GH R"]
    b: Float[Array, "GH"] | int
    compute: Callable[..., list[Float[Array, "_ *B"]]]


@dataclass(frozen=True, slots=True)
class StatesOfSteps:
    """The states of all steps, by the names that a tape has for them."""

    h: Float[Array, "T_and_one B R"]
    c: Float[Array, "T_and_one B H"] | None = None


def are_faster(B: int, H: int, gates: int) -> bool:
    """Return whether columns are faster: for one sequence always, for an RNN only then."""
    return B == 1 or (gates > 1 and B * H <= FEW and B * H * H <= SMALL)


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    state_0: Sequence[Float[Array, "B _"]],
    step: StepInColumns,
) -> StatesOfSteps:
    """Run T steps from `state_0`."""
    W_ih, W_hh, b, compute = step
    T, B = x.shape[:2]
    a = W_ih.T[x] if x.ndim == 2 else x.reshape(T * B, x.shape[2]) @ W_ih.T
    a = (a + b).reshape(T, B, len(W_ih)).swapaxes(1, 2).copy()  # (T, G·H, B)
    states = [[array.T.copy() for array in state_0]]  # (R, B) or (H, B) each
    with np.errstate(over="ignore"):
        for a_t in a:
            h, *inside = states[-1]
            states.append(compute(a_t, W_hh.dot(h), h, *inside))  # to H 256 .dot is faster than @
    rows = (np.array(arrays).swapaxes(1, 2).copy() for arrays in zip(*states, strict=True))
    return StatesOfSteps(*rows)
