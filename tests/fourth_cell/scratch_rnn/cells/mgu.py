"""A layer of minimal gated units in one direction, with the equations of the plain version."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratch_rnn.cells import gated
from scratch_rnn.cells.gated import split_by_gate

Array = np.ndarray


class Weights(NamedTuple):
    """What one layer learns in one direction, gates in the order f n; also its gradient."""

    W_ih: Array  # (2H, V)
    W_hh: Array  # (2H, H)
    b_ih: Array | None  # (2H,)
    b_hh: Array | None


@dataclass(frozen=True, slots=True)
class Tape:
    """What `backward` needs to know of a forward pass."""

    x: Array  # (T, B, V) or (T, B)
    gates: Array  # (2, T, B, H): f n
    q: Array  # (T, B, H): W_hn h + b_hn
    h: Array  # (T + 1, B, H)


def forward(x: Array, h_0: Array, weights: Weights) -> Tape:
    """Run T steps from state `h_0`. Integers in `x` stand for one-hot rows."""
    W_ih, W_hh, b_ih, b_hh = weights
    T = len(x)
    h, q = np.empty((T + 1, *h_0.shape), h_0.dtype), np.empty((T, *h_0.shape), h_0.dtype)
    h[0] = h_0
    gates = gated.input_products(
        x, split_by_gate(W_ih, 2), None if b_ih is None else split_by_gate(b_ih, 2)
    )
    with np.errstate(over="ignore"):
        for t in range(T):
            u = h[t] @ W_hh.T if b_hh is None else h[t] @ W_hh.T + b_hh
            u_f, q[t] = np.split(u, 2, axis=1)
            f, n = gates[:, t]
            f += u_f
            gated.sigmoid(f)
            n += f * q[t]
            np.tanh(n, out=n)
            h[t + 1] = (1 - f) * h[t] + f * n
    return Tape(x, gates, q, h)


def backward(
    tape: Tape, weights: Weights, d_h: Array, d_h_n: Array
) -> tuple[Array | None, Array, Weights]:
    """Return δx (None for one-hot input), δh_0 and the gradient of the weights."""
    W_ih, W_hh, b_ih, _ = weights
    T, B, H = d_h.shape
    d_a, d_u = np.empty((2, 2, T, B, H), d_h.dtype)
    d_h_t = d_h_n
    for t in reversed(range(T)):
        d_h_t = d_h_t + d_h[t]
        f, n = tape.gates[:, t]
        d_n = d_h_t * f * (1 - n * n)
        d_f = (d_h_t * (n - tape.h[t]) + d_n * tape.q[t]) * f * (1 - f)
        d_a[0, t], d_a[1, t], d_u[0, t], d_u[1, t] = d_f, d_n, d_f, d_n * f
        d_h_t = d_h_t * (1 - f) + np.concatenate([d_f, d_n * f], axis=1) @ W_hh
    d_x, d_W_ih = gated.input_gradients(d_a, tape.x, split_by_gate(W_ih, 2))
    d_W_hh = gated.sum_outer_products(d_u, tape.h[:-1]).reshape(W_hh.shape)
    d_b_ih, d_b_hh = (None, None) if b_ih is None else (gated.sum_steps(d_a), gated.sum_steps(d_u))
    return d_x, d_h_t.copy(), Weights(d_W_ih.reshape(W_ih.shape), d_W_hh, d_b_ih, d_b_hh)
