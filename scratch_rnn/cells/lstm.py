"""An LSTM layer in one direction: forward, and backward through time.

Forward, for t = 1 … T, with the gates i, f, g, o of torch.nn.LSTM:

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    m_t = o_t ⊙ tanh(c_t)
    h_t = W_hr m_t                        just m_t where there is no projection

Backward, for t = T … 1. δa means dL/da; a_i, a_f, a_g and a_o are the arguments of σ and tanh. The
state is the pair (h_t, c_t). h_t is used as output_t, whose gradient is given (`d_h` in the code),
and by step t+1, through its four arguments; c_t is used by m_t, and by step t+1, through c_{t+1}:

    δh_t = δoutput_t + Σ W_h^T δa_{t+1}   over the gates; at t = T the second term is the given δh_n
    δm_t = W_hr^T δh_t
    δc_t = δc_{t+1} ⊙ f_{t+1} + δm_t ⊙ o_t (1 - tanh²(c_t))     at t = T the first term is δc_n

    δa_i = δc_t ⊙ g_t i_t (1 - i_t)       σ' = σ (1 - σ)
    δa_f = δc_t ⊙ c_{t-1} f_t (1 - f_t)
    δa_g = δc_t ⊙ i_t (1 - g_t²)          tanh' = 1 - tanh²
    δa_o = δm_t ⊙ tanh(c_t) o_t (1 - o_t)

Every factor except δc_t and δm_t is known before the loop, and is computed for many steps at once.
For each gate δW_h = Σ_t δa_t h_{t-1}^T, δW_i = Σ_t δa_t x_t^T, δb = Σ_t δa_t; and
δW_hr = Σ_t δh_t m_t^T.

The equations are torch.nn.LSTM's. The cell is Hochreiter and Schmidhuber's (1997), who had
other squashing functions, with the forget gate of Gers, Schmidhuber and Cummins (2000).
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
    """The parameters of one layer in one direction, or their gradients; gate order i f g o."""

    W_ih: Float[Array, "4H V"]
    W_hh: Float[Array, "4H R"]
    b_ih: Float[Array, "4H"] | None
    b_hh: Float[Array, "4H"] | None
    W_hr: Float[Array, "R H"] | None = None  # the projection; without one R is H


@dataclass(frozen=True, slots=True)
class Tape:
    """The values of a forward pass that `backward` needs."""

    x: Float[Array, "T B V"] | Int[Array, "T B"]
    gates: Float[Array, "4 T B H"]  # i f g o
    tanh_c: Float[Array, "T B H"]
    c: Float[Array, "T+1 B H"]  # c[0] and h[0] are the state before the first step
    h: Float[Array, "T+1 B R"]


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    h_0: Float[Array, "B R"],
    c_0: Float[Array, "B H"],
    weights: Weights,
) -> Tape:
    """Run T steps from state (`h_0`, `c_0`). Integers in `x` mean one-hot rows."""
    W_ih, W_hh, b_ih, b_hh, W_hr = weights
    T, B = x.shape[:2]
    h = empty((T + 1, *h_0.shape), h_0.dtype)
    c = empty((T + 1, *c_0.shape), c_0.dtype)
    h[0], c[0] = h_0, c_0
    tanh_c = empty((T, *c_0.shape), c_0.dtype)
    b = None if b_ih is None or b_hh is None else split_by_gate(b_ih + b_hh, 4)
    # (4, T, B, H): first W x + b, then a, in the end the gates i, f, g, o
    gates = gated.input_products(x, split_by_gate(W_ih, 4), b)
    times_W_hh_T = Times(split_by_gate(W_hh, 4).swapaxes(1, 2), B)
    with np.errstate(over="ignore"):  # in e^-a; see `gated.sigmoid`
        for t in range(T):
            a = gates[:, t]
            a += times_W_hh_T(h[t])
            i, f, g, o = a
            gated.sigmoid(a[:2])  # i and f
            np.tanh(g, out=g)
            gated.sigmoid(o)
            np.multiply(f, c[t], out=c[t + 1])
            c[t + 1] += i * g
            np.tanh(c[t + 1], out=tanh_c[t])
            if W_hr is None:
                np.multiply(o, tanh_c[t], out=h[t + 1])
            else:
                np.matmul(o * tanh_c[t], W_hr.T, out=h[t + 1])
    return Tape(x, gates, tanh_c, c, h)


def backward(
    tape: Tape,
    weights: Weights,
    d_h: Float[Array, "T B R"],
    d_c: Float[Array, "T B H"] | None,
    d_h_n: Float[Array, "B R"],
    d_c_n: Float[Array, "B H"],
) -> tuple[
    Float[Array, "T B V"] | None,
    Float[Array, "B R"],
    Float[Array, "B H"],
    Weights,
]:
    """Return δx (None for one-hot input), δh_0, δc_0 and the gradient of the weights.

    `d_c` is the gradient of each c_t (None for zeros), `d_c_n` the gradient of the last one.
    """
    W_ih, W_hh, b_ih, _, W_hr = weights
    T, B, _ = d_h.shape
    f, o = tape.gates[1], tape.gates[3]  # (T, B, H) each
    d_a, dm_dc = slopes(tape)  # d_a (4, T, B, H) holds first all but δc_t or δm_t, then δa_t
    d_h_rows = np.empty_like(d_h)  # δh_t of all steps, for δW_hr
    times_W_hh = Times(split_by_gate(W_hh, 4), B)
    d_h_t, d_c_t = d_h_n.copy(), d_c_n.copy()  # at first the terms of step t+1
    for t in reversed(range(T)):
        d_h_t += d_h[t]
        d_m_t = d_h_t
        if W_hr is not None:
            d_h_rows[t] = d_h_t
            d_m_t = d_h_t @ W_hr
        if d_c is not None:
            d_c_t += d_c[t]
        d_c_t += d_m_t * dm_dc[t]
        d_a[:3, t] *= d_c_t
        d_a[3, t] *= d_m_t
        d_c_t *= f[t]
        d_h_t = times_W_hh(d_a[:, t]).sum(axis=0)

    d_x, d_W_ih = gated.input_gradients(d_a, tape.x, split_by_gate(W_ih, 4))
    d_W_ih, d_W_hh = (
        d_W_ih.reshape(W_ih.shape),
        gated.sum_outer_products(d_a, tape.h[:-1]).reshape(W_hh.shape),
    )
    d_b = None if b_ih is None else gated.sum_steps(d_a)
    d_b_again = None if d_b is None else d_b.copy()
    d_W_hr = None if W_hr is None else gated.sum_outer_products(d_h_rows[None], o * tape.tanh_c)[0]
    return d_x, d_h_t, d_c_t, Weights(d_W_ih, d_W_hh, d_b, d_b_again, d_W_hr)


def slopes(tape: Tape) -> tuple[Float[Array, "4 T B H"], Float[Array, "T B H"]]:
    """Return δa_t without its factor δc_t or δm_t, for each gate, and the derivative dm_t/dc_t."""
    T, B, H = tape.tanh_c.shape
    d_a, dm_dc = empty(tape.gates.shape, tape.c.dtype), empty(tape.tanh_c.shape, tape.c.dtype)
    for few in gated.few_steps(T, B * H):
        i, f, g, o = tape.gates[:, few]
        c_before, tanh_c = tape.c[:-1][few], tape.tanh_c[few]
        d_i, d_f, d_g, d_o = d_a[:, few]
        gated.slope_of_sigmoid(i, out=d_i)
        d_i *= g
        gated.slope_of_sigmoid(f, out=d_f)
        d_f *= c_before
        gated.slope_of_tanh(g, out=d_g)
        d_g *= i
        gated.slope_of_sigmoid(o, out=d_o)
        d_o *= tanh_c
        gated.slope_of_tanh(tanh_c, out=dm_dc[few])
        dm_dc[few] *= o
    return d_a, dm_dc


def step_in_columns(weights: Weights) -> StepInColumns:
    """Return the function (W_ih x + b, W_hh h, h, c) -> [h, c] of a step; b is b_ih + b_hh."""
    W_ih, W_hh, b_ih, b_hh, W_hr = weights
    H = len(W_hh) // 4

    def step(a: Array, u: Array, h: Array, c: Array) -> list[Array]:
        u += a
        g = np.tanh(u[2 * H : 3 * H])
        gated.sigmoid(u)  # of all four: where H is small that is faster than of i, f and then of o
        c = u[H : 2 * H] * c
        g *= u[:H]
        c += g
        m = np.tanh(c)
        m *= u[3 * H :]
        return [m if W_hr is None else W_hr @ m, c]

    return StepInColumns(W_ih, W_hh, 0 if b_ih is None or b_hh is None else b_ih + b_hh, step)
