"""A layer of minGRUs in one direction, fast. Its plain version is scratch_rnn/plain/mingru.py.

Forward, with σ(a) = 1 / (1 + e^-a):

    z_t = σ(W_iz x_t + b_iz)                     all steps at once: nothing here waits for a state
    n_t = W_in x_t + b_in                        all steps at once
    h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t        for t = 1 … T

Backward, where δa means dL/da, and `d_h` in the code is the given δoutput:

    δh_t = δoutput_t + (1 - z_{t+1}) ⊙ δh_{t+1}      for t = T … 1; the last term of δh_T is δh_n
    δa_z = δh_t ⊙ (n_t - h_{t-1}) z_t (1 - z_t)      all steps at once, as are all others
    δn   = δh_t ⊙ z_t
    δW_i = Σ_t δa x_t^T     δb_i = Σ_t δa            for δa_z and δa_n = δn

What is left for the loop is a product and a sum of B·H numbers. The scan of the plain version has
log2 T rounds and not T, but each is over all T·B·H numbers: it pays on a GPU, not on a few cores.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.cells import gated
from scratch_rnn.cells.gated import split_by_gate
from scratch_rnn.fast.memory import empty


class Weights(NamedTuple):
    """The parameters of one layer in one direction, or their gradients; order z n."""

    W_ih: Float[Array, "2H V"]
    b_ih: Float[Array, "2H"] | None


@dataclass(frozen=True, slots=True)
class Tape:
    """The values of a forward pass that `backward` needs."""

    x: Float[Array, "T B V"] | Int[Array, "T B"]
    gates: Float[Array, "2 T B H"]  # z n
    h: Float[Array, "T+1 B H"]  # h[0] is the state before the first step


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    h_0: Float[Array, "B H"],
    weights: Weights,
) -> Tape:
    """Run T steps from state `h_0`. Integers in `x` mean one-hot rows."""
    W_ih, b_ih = weights
    T = len(x)
    h = empty((T + 1, *h_0.shape), h_0.dtype)
    h[0] = h_0
    b = None if b_ih is None else split_by_gate(b_ih, 2)
    gates = gated.input_products(x, split_by_gate(W_ih, 2), b)  # (2, T, B, H)
    for few in gated.few_steps(T, h_0.size):
        z, n = gates[:, few]
        with np.errstate(over="ignore"):  # in e^-a; see `gated.sigmoid`
            gated.sigmoid(z)
        np.multiply(z, n, out=h[1:][few])
        for t, kept in enumerate(1 - z, few.start):
            h[t + 1] += np.multiply(kept, h[t], out=kept)
    return Tape(x, gates, h)


def backward(
    tape: Tape,
    weights: Weights,
    d_h: Float[Array, "T B H"],
    d_h_n: Float[Array, "B H"],
) -> tuple[Float[Array, "T B V"] | None, Float[Array, "B H"], Weights]:
    """Return δx (None for one-hot input), δh_0 and the gradient of the weights."""
    W_ih, b_ih = weights
    T, B, H = d_h.shape
    d_a = empty((2, T, B, H), d_h.dtype)  # δa_z and δn
    d_h_t = d_h_n.copy()  # first the term of step t+1, then all of δh_t
    for few in reversed(gated.few_steps(T, B * H)):
        z, n = tape.gates[:, few]
        d_z, d_n = d_a[:, few]
        kept = 1 - z
        for t in reversed(range(len(z))):
            d_h_t += d_h[few][t]
            d_n[t] = d_h_t
            d_h_t *= kept[t]
        np.subtract(n, tape.h[:-1][few], out=d_z)
        d_z *= kept
        d_n *= z
        d_z *= d_n
    d_x, d_W_ih = gated.input_gradients(d_a, tape.x, split_by_gate(W_ih, 2))
    d_b_ih = None if b_ih is None else gated.sum_steps(d_a)
    return d_x, d_h_t, Weights(d_W_ih.reshape(W_ih.shape), d_b_ih)
