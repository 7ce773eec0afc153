"""An Elman layer in one direction, fast. Its plain version is scratch_rnn/plain/elman.py.

Forward, for t = 1 … T, with f either tanh or ReLU:

    a_t = W_ih x_t + b_ih + b_hh          all steps at once: nothing here waits for the step before
    z_t = a_t + W_hh h_{t-1}
    h_t = f(z_t)

Backward, for t = T … 1. δa means dL/da. The state h_t is used twice: as output_t, whose gradient
is given (`d_h` in the code, `d_t` for one step), and by step t+1, through z_{t+1}:

    δh_t = δoutput_t + W_hh^T δz_{t+1}    at t = T the second term is the given δh_n
    δz_t = δh_t ⊙ f'(z_t)                 tanh' = 1 - h_t²;  relu' = 0 where h_t ≤ 0, else 1
    δh_0 = W_hh^T δz_1

All steps use the same parameters, so the gradient of each is a sum over the steps, one product:

    δW_hh = Σ_t δz_t h_{t-1}^T    δW_ih = Σ_t δz_t x_t^T    δb = Σ_t δz_t    δx_t = W_ih^T δz_t

Each sequence is a row of the arrays, so ``W h`` is written ``h @ W.T``. The equations are Elman's
(1990), as torch.nn.RNN states them. The backward pass is Werbos's (1990).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.fast import lookup
from scratch_rnn.fast.columns import StepInColumns
from scratch_rnn.fast.memory import empty
from scratch_rnn.fast.product import Times
from scratch_rnn.fast.sums import sum_of_products, sum_of_rows


class Weights(NamedTuple):
    """The parameters of one layer in one direction, or their gradients."""

    W_ih: Float[Array, "H V"]
    W_hh: Float[Array, "H H"]
    b_ih: Float[Array, "H"] | None
    b_hh: Float[Array, "H"] | None  # as in torch; both have the same gradient


@dataclass(frozen=True, slots=True)
class Tape:
    """The values of a forward pass that `backward` needs."""

    x: Float[Array, "T B V"] | Int[Array, "T B"]
    h: Float[Array, "T+1 B H"]  # h[0] is the state before the first step


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    h_0: Float[Array, "B H"],
    weights: Weights,
    nonlinearity: str,
) -> Tape:
    """Run T steps from state `h_0`. Integers in `x` mean one-hot rows."""
    W_ih, W_hh, b_ih, b_hh = weights
    T, B = x.shape[:2]
    h = empty((T + 1, *h_0.shape), h_0.dtype)
    h[0] = h_0
    a = h[1:]  # each step's place holds first a_t, then z_t, then h_t
    if x.ndim == 2:
        lookup.rows(W_ih.T if b_ih is None else W_ih.T + (b_ih + b_hh), x, out=a)
    else:
        V, H = x.shape[2], len(W_hh)
        np.matmul(x.reshape(T * B, V), W_ih.T, out=a.reshape(T * B, H))
        if b_ih is not None:
            a += b_ih + b_hh
    times_W_hh_T = Times(W_hh.T, B)
    for h_before, z in pairwise(h):
        z += times_W_hh_T(h_before)
        np.tanh(z, out=z) if nonlinearity == "tanh" else np.maximum(z, 0, out=z)
    return Tape(x, h)


def backward(
    tape: Tape,
    weights: Weights,
    d_h: Float[Array, "T B H"],
    d_h_n: Float[Array, "B H"],
    nonlinearity: str,
) -> tuple[Float[Array, "T B V"] | None, Float[Array, "B H"], Weights]:
    """Return δx (None for one-hot input), δh_0 and the gradient of the weights."""
    W_ih, W_hh, b_ih, _ = weights
    T, B, H = d_h.shape
    h = tape.h[1:]
    d_z = slope(h, nonlinearity)  # (T, B, H), holds first f'(z_t), then δz_t
    times_W_hh = Times(W_hh, B)
    d_h_t = d_h_n.copy()  # first the term of step t+1, then all of δh_t
    for d_t, d_z_t in zip(d_h[::-1], d_z[::-1], strict=True):
        d_h_t += d_t
        if nonlinearity == "tanh":
            d_z_t *= d_h_t
        else:  # not a product: where h is 0 the gradient is 0, even if δh_t is infinite
            np.copyto(d_z_t, d_h_t, where=d_z_t > 0)
        d_h_t = times_W_hh(d_z_t)

    d_z_rows = d_z.reshape(T * B, H)
    d_W_hh = sum_of_products(d_z_rows, tape.h[:-1].reshape(T * B, H))
    if tape.x.ndim == 2:
        d_x, d_W_ih = None, lookup.gradient(d_z_rows, tape.x.reshape(T * B), W_ih.shape[1])
    else:
        d_x = (d_z_rows @ W_ih).reshape(tape.x.shape)
        d_W_ih = sum_of_products(d_z_rows, tape.x.reshape(T * B, W_ih.shape[1]))
    if b_ih is None:
        return d_x, d_h_t.copy(), Weights(d_W_ih, d_W_hh, None, None)
    d_b = sum_of_rows(d_z_rows)
    return d_x, d_h_t.copy(), Weights(d_W_ih, d_W_hh, d_b, d_b.copy())


def slope(h: Float[Array, "T B H"], nonlinearity: str) -> Float[Array, "T B H"]:
    """Return f'(z). For tanh and for ReLU it follows from h = f(z)."""
    if nonlinearity == "relu":
        return (~(h <= 0)).astype(h.dtype)  # as in torch, 1 where h is NaN
    slopes: Array = h * h
    np.subtract(1, slopes, out=slopes)  # 1 - h², without a second array of this size
    return slopes


def step_in_columns(weights: Weights, nonlinearity: str) -> StepInColumns:
    """Return the function (W_ih x + b, W_hh h, h) -> [h] of a step; b is b_ih + b_hh."""
    W_ih, W_hh, b_ih, b_hh = weights
    b = 0 if b_ih is None or b_hh is None else b_ih + b_hh
    f = np.tanh if nonlinearity == "tanh" else lambda z: np.maximum(z, 0)
    return StepInColumns(W_ih, W_hh, b, lambda a, u, h: [f(a + u)])
