"""A right layer in NumPy, with other arrays beside its parameters."""

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
