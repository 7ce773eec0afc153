"""One sequence without a tape: each product is a matrix times a vector.

In a small network most of the time is spent in calls of NumPy, so here there are few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

StepOfOne = Callable[..., list[Float[np.ndarray, "_"]]]
"""From W_ih x + b and W_hh h, both (G·H,), and the arrays of the state, to those of the next.
A σ in it may overflow to infinity on its way; see `cells.gated.sigmoid`."""


@dataclass(frozen=True, slots=True)
class StatesOfSteps:
    """The states of all steps, by the names that a tape has for them."""

    h: Float[np.ndarray, "T_and_one 1 R"]
    c: Float[np.ndarray, "T_and_one 1 H"] | None = None


def forward(
    x: Float[np.ndarray, "T 1 V"] | Int[np.ndarray, "T 1"],
    state_0: Sequence[Float[np.ndarray, "1 _"]],
    weights: Any,
    bias: Any,
    step: StepOfOne,
) -> StatesOfSteps:
    """Run T steps from `state_0`; `bias` is added to W_ih x."""
    W_ih, W_hh = weights.W_ih, weights.W_hh
    a = (W_ih.T[x[:, 0]] if x.ndim == 2 else x[:, 0] @ W_ih.T) + bias  # (T, G·H)
    states = [[array[0] for array in state_0]]
    with np.errstate(over="ignore"):
        for a_t in a:
            h, *inside = states[-1]
            states.append(step(a_t, W_hh.dot(h), h, *inside))  # up to H 256, .dot is faster than @
    return StatesOfSteps(*(np.array(arrays)[:, None] for arrays in zip(*states, strict=True)))
