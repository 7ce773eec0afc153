"""Right layers in NumPy, in styles that people write.

They differ in where parameters, tape and gradients are kept, and in how a layer is called.
"""

from types import SimpleNamespace

import numpy as np


def draw(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape) / np.sqrt(shape[-1])


class StateOfZeros:
    """It has arrays of zeros that look like biases: a first state, and moments of an optimizer."""

    def __init__(self, input_size, hidden_size):
        self.W_xh = draw(hidden_size, input_size)
        self.W_hh = draw(hidden_size, hidden_size)
        self.b_h = np.zeros(hidden_size)
        self.h = np.zeros(hidden_size)
        self.W_xh_grad, self.W_hh_grad = np.zeros_like(self.W_xh), np.zeros_like(self.W_hh)
        self.b_h_grad, self.b_h_momentum = np.zeros_like(self.b_h), np.zeros_like(self.b_h)

    def forward(self, x, h0=None):
        self.h = np.zeros((x.shape[1], len(self.b_h))) if h0 is None else h0
        self.cache = []
        for x_t in x:
            before = self.h
            self.h = np.tanh(x_t @ self.W_xh.T + before @ self.W_hh.T + self.b_h)
            self.cache.append((x_t, before, self.h))
        return np.stack([h for _, _, h in self.cache]), self.h.copy()

    def backward(self, d_output, d_h_n):
        for gradient in (self.W_xh_grad, self.W_hh_grad, self.b_h_grad):
            gradient[...] = 0
        d_x, d_h = [], d_h_n
        for (x_t, before, h), d in zip(self.cache[::-1], d_output[::-1], strict=True):
            d_z = (d_h + d) * (1 - h * h)
            self.W_xh_grad += np.einsum("bh,bv->hv", d_z, x_t)
            self.W_hh_grad += np.einsum("bh,bk->hk", d_z, before)
            self.b_h_grad += np.einsum("bh->h", d_z)
            d_x.append(d_z @ self.W_xh)
            d_h = d_z @ self.W_hh
        gradients = {"W_xh": self.W_xh_grad, "W_hh": self.W_hh_grad, "b_h": self.b_h_grad}
        return np.stack(d_x[::-1]), d_h, {name: g.copy() for name, g in gradients.items()}


def make_closures(input_size, hidden_size):
    """A layer of closures: `forward` returns the function that goes backward."""
    W, U = draw(hidden_size, input_size), draw(hidden_size, hidden_size)
    b = np.zeros(hidden_size)

    def forward(x, h0):
        states = [h0]
        for x_t in x:
            states.append(np.tanh(x_t @ W.T + states[-1] @ U.T + b))

        def pull(d_output, d_h):
            d_x, d_W, d_U, d_b = (np.zeros_like(a) for a in (x, W, U, b))
            for t in reversed(range(len(x))):
                d_z = (d_h + d_output[t]) * (1 - states[t + 1] ** 2)
                d_x[t], d_h = d_z @ W, d_z @ U
                d_W[...] += d_z.T @ x[t]
                d_U[...] += d_z.T @ states[t]
                d_b[...] += d_z.sum(axis=0)
            return d_x, d_h, {"W": d_W, "U": d_U, "b": d_b}

        return np.stack(states[1:]), states[-1].copy(), pull

    def backward(pull, d_output, d_h):
        return pull(d_output, d_h)

    parameters = {"W": W, "U": U, "b": b}
    return SimpleNamespace(parameters=parameters, forward=forward, backward=backward)
