"""A GRU layer in one direction: forward, and backward through time.

Forward, for t = 1 … T, with the gates r, z, n of torch.nn.GRU:

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    q_t = W_hn h_{t-1} + b_hn             the reset gate r_t acts on this product, b_hn included
    n_t = tanh(W_in x_t + b_in + r_t ⊙ q_t)
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1} = n_t + z_t ⊙ (h_{t-1} - n_t)

Backward, for t = T … 1. δa means dL/da; a_r, a_z and a_n are the arguments of σ and tanh. The state
h_t is used as output_t, whose gradient is given (`d_h` in the code), and by step t+1, through its
three products and directly:

    δh_t = δoutput_t + W_hr^T δa_r + W_hz^T δa_z + W_hn^T δq + z_{t+1} ⊙ δh_{t+1}   δa, δq of t+1

    δa_n = δh_t ⊙ (1 - z_t) (1 - n_t²)                 tanh' = 1 - tanh²
    δa_r = δh_t ⊙ (1 - z_t) (1 - n_t²) q_t r_t (1 - r_t)                σ' = σ (1 - σ)
    δa_z = δh_t ⊙ (h_{t-1} - n_t) z_t (1 - z_t)
    δq   = δh_t ⊙ (1 - z_t) (1 - n_t²) r_t

At t = T the sum of all terms except δoutput_t is the given δh_n. Every factor except δh_t is known
before the loop, and is computed for many steps at once. The gradients of the parameters are sums
over the steps:

    δW_i = Σ_t δa x_t^T        δb_i = Σ_t δa      for δa_r, δa_z, δa_n
    δW_h = Σ_t δu h_{t-1}^T    δb_h = Σ_t δu      for δu_r = δa_r, δu_z = δa_z, δu_n = δq

The equations are torch.nn.GRU's: the reset gate comes after the product W_hn h, as in the
first version of Cho et al. (2014), arXiv 1406.1078v1. In the published one (v3) it comes before.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.cells import gated
from scratch_rnn.cells.gated import split_by_gate
from scratch_rnn.fast.columns import StepInColumns
from scratch_rnn.fast.memory import empty
from scratch_rnn.fast.product import Times


class Weights(NamedTuple):
    """The parameters of one layer in one direction, or their gradients; gate order r z n."""

    W_ih: Float[Array, "3H V"]
    W_hh: Float[Array, "3H H"]
    b_ih: Float[Array, "3H"] | None
    b_hh: Float[Array, "3H"] | None


@dataclass(frozen=True, slots=True)
class Tape:
    """The values of a forward pass that `backward` needs."""

    x: Float[Array, "T B V"] | Int[Array, "T B"]
    gates: Float[Array, "3 T B H"]  # r z n
    q: Float[Array, "T B H"]
    h: Float[Array, "T+1 B H"]  # h[0] is the state before the first step


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    h_0: Float[Array, "B H"],
    weights: Weights,
) -> Tape:
    """Run T steps from state `h_0`. Integers in `x` mean one-hot rows."""
    W_ih, W_hh, b_ih, b_hh = weights
    T, B = x.shape[:2]
    h = empty((T + 1, *h_0.shape), h_0.dtype)
    h[0] = h_0
    q = empty((T, *h_0.shape), h_0.dtype)
    b, b_hn = None, None
    if b_ih is not None and b_hh is not None:
        b, b_hn = split_by_gate(b_ih, 3).copy(), split_by_gate(b_hh, 3)[2]
        b[:2] += split_by_gate(b_hh, 3)[:2]
    # (3, T, B, H): first W x + b, in the end the gates r, z, n
    gates = gated.input_products(x, split_by_gate(W_ih, 3), b)
    times_W_hh_T = Times(split_by_gate(W_hh, 3).swapaxes(1, 2), B)
    with np.errstate(over="ignore"):  # in e^-a; see `gated.sigmoid`
        for t in range(T):
            products = times_W_hh_T(h[t])  # (3, B, H)
            r_and_z, n = gates[:2, t], gates[2, t]
            r_and_z += products[:2]
            gated.sigmoid(r_and_z)
            r, z = r_and_z
            q[t] = products[2] if b_hn is None else products[2] + b_hn
            n += r * q[t]
            np.tanh(n, out=n)
            np.subtract(h[t], n, out=h[t + 1])
            h[t + 1] *= z
            h[t + 1] += n
    return Tape(x, gates, q, h)


def backward(
    tape: Tape,
    weights: Weights,
    d_h: Float[Array, "T B H"],
    d_h_n: Float[Array, "B H"],
) -> tuple[Float[Array, "T B V"] | None, Float[Array, "B H"], Weights]:
    """Return δx (None for one-hot input), δh_0 and the gradient of the weights."""
    W_ih, W_hh, b_ih, _ = weights
    T, B, H = d_h.shape
    z = tape.gates[1]  # (T, B, H)
    d = slopes(tape)  # (4, T, B, H), first all but δh_t, then δa_n, δa_r, δa_z, δq
    times_W_hh = Times(split_by_gate(W_hh, 3), B)
    d_h_t = d_h_n.copy()  # first the term of step t+1, then all of δh_t
    for t in reversed(range(T)):
        d_h_t += d_h[t]
        d[:, t] *= d_h_t
        d_h_t *= z[t]
        d_h_t += times_W_hh(d[1:, t]).sum(axis=0)

    # d[:3] is δa, in the order n r z; d[1:] is δu, in the order r z n.
    d_x, d_W_ih = gated.input_gradients(d[:3], tape.x, np.roll(split_by_gate(W_ih, 3), 1, axis=0))
    d_W_ih = np.roll(d_W_ih, -1, axis=0).reshape(W_ih.shape)
    d_W_hh = gated.sum_outer_products(d[1:], tape.h[:-1]).reshape(W_hh.shape)
    if b_ih is None:
        return d_x, d_h_t, Weights(d_W_ih, d_W_hh, None, None)
    d_b = gated.sum_steps(d)  # (4H,)
    return d_x, d_h_t, Weights(d_W_ih, d_W_hh, np.roll(d_b[: 3 * H], -H), d_b[H:].copy())


def slopes(tape: Tape) -> Float[Array, "4 T B H"]:
    """Return δa_n, δa_r, δa_z and δq of all steps, each without its factor δh_t."""
    T, B, H = tape.q.shape
    d = empty((4, T, B, H), tape.q.dtype)
    for few in gated.few_steps(T, B * H):
        r, z, n = tape.gates[:, few]
        h_before, q = tape.h[:-1][few], tape.q[few]
        d_n, d_r, d_z, d_q = d[:, few]
        gated.slope_of_tanh(n, out=d_n)
        d_n *= 1 - z
        np.multiply(d_n, r, out=d_q)
        gated.slope_of_sigmoid(r, out=d_r)
        d_r *= d_n
        d_r *= q
        gated.slope_of_sigmoid(z, out=d_z)
        d_z *= h_before - n
    return d


def step_in_columns(weights: Weights) -> StepInColumns:
    """Return the function (W_ih x + b, W_hh h, h) -> [h] of a step; b is all biases but b_hn."""
    W_ih, W_hh, b_ih, b_hh = weights
    H = W_hh.shape[1]
    b: Array = np.zeros(3 * H, W_hh.dtype)
    b_hn: Array = np.zeros(H, W_hh.dtype)
    if b_ih is not None and b_hh is not None:
        b, b_hn = b_ih.copy(), b_hh[2 * H :]
        b[: 2 * H] += b_hh[: 2 * H]

    def step(a: Array, u: Array, h: Array) -> list[Array]:
        r_and_z, n = u[: 2 * H], u[2 * H :]  # first W_hh h, in the end the gates r, z, n
        r_and_z += a[: 2 * H]
        gated.sigmoid(r_and_z)
        r, z = r_and_z[:H], r_and_z[H:]
        np.add(n.T, b_hn, out=n.T)  # b_hn to each column: q
        n *= r
        n += a[2 * H :]
        np.tanh(n, out=n)
        h = h - n
        h *= z
        h += n
        return [h]

    return StepInColumns(W_ih, W_hh, b, step)
