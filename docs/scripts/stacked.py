"""Train many small networks of one cell at once, in arrays whose first axis is the network.

A network of 32 units is so small that NumPy's calls take longer than its arithmetic. Here one call
serves S networks, each with weights and a text of its own. The equations are those of
`scratch_rnn.plain`; the tests compare a few updates with `scratch_rnn.train_step`.

    S networks, T steps, B rows, H units, V tokens, G gates (1 in an RNN)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Ids = NDArray[np.int64]
Parameters = dict[str, Array]
"""The names of PyTorch, and the shapes with an axis of S networks before them."""


class Way(NamedTuple):
    """A forward pass of the cell: the states, and the function that goes back through time."""

    h: Array  # (S, T + 1, B, H)
    backward: Callable[[Array], tuple[Array, Array]]
    """From d_h (S, T, B, H) to the gradients of the input products and of the recurrent ones."""


def sigmoid(a: Array) -> None:
    """Replace a by σ(a) = 1 / (1 + e^-a)."""
    np.negative(a, out=a)
    np.exp(a, out=a)
    a += 1
    np.reciprocal(a, out=a)


def run_rnn(a: Array, W: Array, b_hh: Array) -> Way:
    """Run h_t = tanh(a_t + W h_{t-1} + b_hh) over a (1, S, T, B, H)."""
    a = a[0] + b_hh[0]
    S, T, B, H = a.shape
    h = np.zeros((S, T + 1, B, H), np.float32)
    W_T = W[0].swapaxes(1, 2).copy()
    for t in range(T):
        np.tanh(a[:, t] + h[:, t] @ W_T, out=h[:, t + 1])

    def backward(d_h: Array) -> tuple[Array, Array]:
        d = 1 - h[:, 1:] ** 2
        back = np.zeros((S, B, H), np.float32)
        for t in reversed(range(T)):
            back += d_h[:, t]
            d[:, t] *= back
            back = d[:, t] @ W[0]
        return d[None], d[None]

    return Way(h, backward)


def run_gru(a: Array, W: Array, b_hh: Array) -> Way:
    """Run a GRU over a (3, S, T, B, H), with the gates r, z, n."""
    _, S, T, B, H = a.shape
    a[:2] += b_hh[:2]
    h = np.zeros((S, T + 1, B, H), np.float32)
    q = np.empty((S, T, B, H), np.float32)
    W_T = W.swapaxes(2, 3).copy()
    for t in range(T):
        products = h[:, t] @ W_T
        r_and_z, n = a[:2, :, t], a[2, :, t]
        r_and_z += products[:2]
        sigmoid(r_and_z)
        np.add(products[2], b_hh[2, :, 0], out=q[:, t])
        n += r_and_z[0] * q[:, t]
        np.tanh(n, out=n)
        h[:, t + 1] = n + r_and_z[1] * (h[:, t] - n)

    def backward(d_h: Array) -> tuple[Array, Array]:
        d_a, d_q = np.empty_like(a), np.empty_like(q)
        back = np.zeros((S, B, H), np.float32)
        for t in reversed(range(T)):
            r, z, n = a[:, :, t]
            d = d_h[:, t] + back
            d_n = d * (1 - z) * (1 - n * n)
            d_a[2, :, t] = d_n
            d_q[:, t] = d_n * r
            d_a[0, :, t] = d_n * q[:, t] * r * (1 - r)
            d_a[1, :, t] = d * (h[:, t] - n) * z * (1 - z)
            back = d * z + d_a[0, :, t] @ W[0] + d_a[1, :, t] @ W[1] + d_q[:, t] @ W[2]
        return d_a, np.stack([d_a[0], d_a[1], d_q])

    return Way(h, backward)


def run_lstm(a: Array, W: Array, b_hh: Array) -> Way:
    """Run an LSTM over a (4, S, T, B, H), with the gates i, f, g, o."""
    _, S, T, B, H = a.shape
    a += b_hh
    h, c = np.zeros((2, S, T + 1, B, H), np.float32)
    tanh_c = np.empty((S, T, B, H), np.float32)
    W_T = W.swapaxes(2, 3).copy()
    for t in range(T):
        gates = a[:, :, t]
        gates += h[:, t] @ W_T
        sigmoid(gates[:2])
        np.tanh(gates[2], out=gates[2])
        sigmoid(gates[3])
        i, f, g, o = gates
        c[:, t + 1] = f * c[:, t] + i * g
        np.tanh(c[:, t + 1], out=tanh_c[:, t])
        np.multiply(o, tanh_c[:, t], out=h[:, t + 1])

    def backward(d_h: Array) -> tuple[Array, Array]:
        d_a = np.empty_like(a)
        back, d_c = np.zeros((2, S, B, H), np.float32)
        for t in reversed(range(T)):
            i, f, g, o = a[:, :, t]
            d = d_h[:, t] + back
            d_c += d * o * (1 - tanh_c[:, t] ** 2)
            d_a[0, :, t] = d_c * g * i * (1 - i)
            d_a[1, :, t] = d_c * c[:, t] * f * (1 - f)
            d_a[2, :, t] = d_c * i * (1 - g * g)
            d_a[3, :, t] = d * tanh_c[:, t] * o * (1 - o)
            back = (d_a[:, :, t] @ W).sum(axis=0)
            d_c *= f
        return d_a, d_a

    return Way(h, backward)


RUN = {"rnn": run_rnn, "gru": run_gru, "lstm": run_lstm}


def loss_gradients(
    cell: str, parameters: Parameters, inputs: Ids, targets: Ids
) -> tuple[Array, Parameters]:
    """Return the logits (S, T, B, V), and the gradients of each network's mean loss.

    `inputs` and `targets` have the shape (S, T, B).
    """
    W_ih, W_hh, b_ih, b_hh, W, b = parameters.values()
    S, T, B = inputs.shape
    V, H = W.shape[1:]

    def by_gate(p: Array) -> Array:
        """Put the axis of the gates first: (S, G·H, …) -> (G, S, H, …)."""
        return p.reshape(S, -1, H, *p.shape[2:]).swapaxes(0, 1)

    columns = by_gate(W_ih).swapaxes(2, 3) + by_gate(b_ih)[:, :, None]  # (G, S, V, H)
    a = columns[:, np.arange(S)[:, None, None], inputs]
    way = RUN[cell](a, by_gate(W_hh), by_gate(b_hh)[:, :, None, None])
    h = way.h[:, 1:].reshape(S, T * B, H)
    logits = h @ W.swapaxes(1, 2) + b[:, None]
    d = np.exp(logits - logits.max(axis=-1, keepdims=True))
    d /= d.sum(axis=-1, keepdims=True)
    d -= targets.reshape(S, T * B, 1) == np.arange(V)
    d /= T * B
    d_a, d_u = way.backward((d @ W).reshape(S, T, B, H))
    d_a, d_u = (each.reshape(-1, S, T * B, H) for each in (d_a, d_u))
    one_hot = (inputs.reshape(S, T * B, 1) == np.arange(V)).astype(np.float32)
    h_before = way.h[:, :-1].reshape(S, T * B, H)
    one = np.ones((1, T * B), np.float32)
    gradients = [
        (d_a.swapaxes(2, 3) @ one_hot).swapaxes(0, 1),
        (d_u.swapaxes(2, 3) @ h_before).swapaxes(0, 1),
        (one @ d_a).swapaxes(0, 1),
        (one @ d_u).swapaxes(0, 1),
        d.swapaxes(1, 2) @ h,
        one @ d,
    ]
    shaped = zip(parameters.items(), gradients, strict=True)
    return logits.reshape(S, T, B, V), {name: g.reshape(p.shape) for (name, p), g in shaped}


def clip(gradients: Parameters) -> None:
    """Scale the gradients of each network, in place, so that their norm is at most 1."""
    flat = [g.reshape(len(g), -1) for g in gradients.values()]
    norm = np.sqrt(sum((g * g).sum(axis=1) for g in flat))
    scale = np.minimum(1 / (norm + 1e-6), 1).astype(np.float32)
    for g in flat:
        g *= scale[:, None]
