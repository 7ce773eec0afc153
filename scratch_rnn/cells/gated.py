"""The code that the gated cells share: σ, and the products of all gates and steps at once.

The first axis is the gate, one of G: in an array (G, T, B, H) all steps of a gate are contiguous.
torch's W (G·H, V) is G matrices (H, V), one below the other; here it is viewed as (G, H, V).
"""

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.fast import lookup
from scratch_rnn.fast.memory import empty
from scratch_rnn.fast.sums import sum_of_products, sum_of_rows


def split_by_gate(W: Float[Array, "GH *V"], G: int) -> Float[Array, "G H *V"]:
    """Return a view of torch's weights or bias as one array for each gate."""
    return W.reshape(G, W.shape[0] // G, *W.shape[1:])


def sigmoid(z: Float[Array, "*Z"]) -> None:
    """Write σ(z) = 1 / (1 + e^-z) in the place of z.

    Where e^-z overflows to infinity, σ is 0, as it should be. Below z = -20 this formula keeps all
    its digits, while (1 + tanh(z/2)) / 2 is 0 in float32.
    """
    z *= -1  # np.negative with out=z errs on some strides in NumPy 2.4
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def slope_of_sigmoid(s: Float[Array, "*Z"], out: Float[Array, "*Z"]) -> None:
    """Write σ'(z) = s (1 - s) to `out`, given s = σ(z)."""
    np.subtract(1, s, out=out)
    out *= s


def slope_of_tanh(h: Float[Array, "*Z"], out: Float[Array, "*Z"]) -> None:
    """Write tanh'(z) = 1 - h² to `out`, given h = tanh(z)."""
    np.multiply(h, h, out=out)
    np.subtract(1, out, out=out)


def few_steps(T: int, size: int) -> list[slice]:
    """Return slices of 0 … T-1, so short that a few arrays of a slice fit into the cache.

    An array has `size` numbers per step. Each operation then reads from the cache what the
    operation before it has written.
    """
    n = max(1, 2**15 // max(1, size))
    return [slice(t, t + n) for t in range(0, T, n)]


def input_products(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    W_ih: Float[Array, "G H V"],
    b: Float[Array, "G H"] | None,
) -> Float[Array, "G T B H"]:
    """Return a_t = W_ih x_t + b for all gates and steps. Integers in `x` mean one-hot rows."""
    T, B = x.shape[:2]
    G, H, _ = W_ih.shape
    a = empty((G, T, B, H), W_ih.dtype)
    if x.ndim == 2:
        for k in range(G):
            lookup.rows(W_ih[k].T if b is None else W_ih[k].T + b[k], x, out=a[k])
        return a
    if b is not None:  # b as the weights of one more input, always 1: [x 1] [W_ih b]^T
        x = np.concatenate([x, np.ones((T, B, 1), x.dtype)], axis=2)
        W_ih = np.concatenate([W_ih, b[:, :, None]], axis=2)
    np.matmul(x.reshape(T * B, x.shape[2]), W_ih.swapaxes(1, 2), out=a.reshape(G, T * B, H))
    return a


def input_gradients(
    d_a: Float[Array, "G T B H"],
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    W_ih: Float[Array, "G H V"],
) -> tuple[Float[Array, "T B V"] | None, Float[Array, "G H V"]]:
    """Return δx_t = Σ W_ih^T δa_t over the gates (None for one-hot x), δW_ih = Σ_t δa_t x_t^T."""
    G, T, B, H = d_a.shape
    V = W_ih.shape[2]
    d_rows = d_a.reshape(G, T * B, H)
    if x.ndim == 2:
        return None, lookup.gradient(d_rows, x.reshape(T * B), V)
    d_x = d_rows[0] @ W_ih[0]
    for k in range(1, G):
        d_x += d_rows[k] @ W_ih[k]
    return d_x.reshape(x.shape), sum_of_products(d_rows, x.reshape(T * B, V))


def sum_outer_products(
    d: Float[Array, "G T B H"], h: Float[Array, "T B R"]
) -> Float[Array, "G H R"]:
    """Return Σ_t d_t h_t^T for each gate."""
    G, T, B, H = d.shape
    return sum_of_products(d.reshape(G, T * B, H), h.reshape(T * B, h.shape[2]))


def sum_steps(d: Float[Array, "G T B H"]) -> Float[Array, "GH"]:
    """Return Σ_t d_t for each gate."""
    G, T, B, H = d.shape
    return sum_of_rows(d.reshape(G, T * B, H)).reshape(G * H)
