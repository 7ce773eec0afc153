"""The forward pass of a small layer, without a tape. Each sequence is a column, so W h is `W @ h`.

A small network spends most of its time on the overhead of NumPy's calls, so this module makes few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array

SMALL, FEW = 2**17, 2**10
"""Up to so many multiplications, and units of all sequences, per step and gate, this is faster."""

StepInColumns = Callable[..., list[Float[Array, "_ *B"]]]
"""One step: from W_ih x + b and W_hh h, both (G·H, B) or (G·H,), and the arrays of the state, to
those of the next state. It may overwrite W_hh h. exp may overflow in it: see `gated.sigmoid`."""


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
    weights: Any,
    bias: Any,
    step: StepInColumns,
) -> StatesOfSteps:
    """Run T steps from `state_0`; `bias` is added to W_ih x."""
    W_ih, W_hh = weights.W_ih, weights.W_hh
    T, B = x.shape[:2]
    a = W_ih.T[x] if x.ndim == 2 else x.reshape(T * B, x.shape[2]) @ W_ih.T
    a = (a + bias).reshape(T, B, len(W_ih)).swapaxes(1, 2).copy()  # (T, G·H, B)
    states = [[array.T.copy() for array in state_0]]  # (R, B) or (H, B) each
    with np.errstate(over="ignore"):
        for a_t in a:
            h, *inside = states[-1]
            states.append(step(a_t, W_hh.dot(h), h, *inside))  # up to H 256, .dot is faster than @
    rows = (np.array(arrays).swapaxes(1, 2).copy() for arrays in zip(*states, strict=True))
    return StatesOfSteps(*rows)
