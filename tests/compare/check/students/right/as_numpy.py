"""Right layers in NumPy, in styles that people write.

They differ in where parameters, tape and gradients are kept, and in how a layer is called.
"""

from types import SimpleNamespace

import numpy as np


def draw(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape) / np.sqrt(shape[-1])


class TapeInSelf:
    """Everything is an attribute: parameters, the tape, the gradients."""

    def __init__(self, input_size, hidden_size):
        self.Wx, self.Wh = draw(hidden_size, input_size), draw(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)

    def forward(self, x, h0):
        self.x = x
        h = [h0]
        for x_t in x:
            h.append(np.tanh(x_t @ self.Wx.T + h[-1] @ self.Wh.T + self.b))
        self.h = np.stack(h)
        return self.h[1:].copy(), self.h[-1].copy()

    def backward(self, d_output, d_h_n):
        self.dWx, self.dWh, self.db = (np.zeros_like(w) for w in (self.Wx, self.Wh, self.b))
        d_x, d_h = np.zeros_like(self.x), d_h_n
        for t in reversed(range(len(self.x))):
            d_z = (d_h + d_output[t]) * (1 - self.h[t + 1] ** 2)
            d_x[t] = d_z @ self.Wx
            self.dWx += d_z.T @ self.x[t]
            self.dWh += d_z.T @ self.h[t]
            self.db += d_z.sum(axis=0)
            d_h = d_z @ self.Wh
        return d_x, d_h


class DictAndNoTape:
    """A dict of parameters; the tape is in the object, and None is returned in its place."""

    def __init__(self, input_size, hidden_size):
        self.parameters = {
            "weight_ih_l0": draw(hidden_size, input_size),
            "weight_hh_l0": draw(hidden_size, hidden_size),
            "bias_ih_l0": draw(hidden_size),
            "bias_hh_l0": draw(hidden_size),
        }

    def forward(self, x, h0=None):
        W, U, b, c = self.parameters.values()
        self.x, h = x, np.zeros((x.shape[1], len(U))) if h0 is None else h0[0]
        self.states = [h]
        for x_t in x:
            h = np.tanh(x_t @ W.T + b + h @ U.T + c)
            self.states.append(h)
        return np.array(self.states[1:]), h[None].copy(), None

    def backward(self, tape, d_output=None, d_h_n=None):
        W, U, b, _ = self.parameters.values()
        shape = (len(self.x), *self.states[0].shape)
        d_output = np.zeros(shape) if d_output is None else d_output
        d_h = np.zeros(shape[1:]) if d_h_n is None else d_h_n[0]
        d_x, d_W, d_U, d_b = (np.zeros_like(a) for a in (self.x, W, U, b))
        for t in reversed(range(len(self.x))):
            d_z = (d_h + d_output[t]) * (1 - self.states[t + 1] ** 2)
            d_x[t], d_h = d_z @ W, d_z @ U
            d_W += d_z.T @ self.x[t]
            d_U += d_z.T @ self.states[t]
            d_b += d_z.sum(axis=0)
        gradients = (d_W, d_U, d_b, d_b.copy())
        return d_x, d_h[None], dict(zip(self.parameters, gradients, strict=True))


class Workspace:
    """Production code: a workspace that grows, products into given memory, results copied out."""

    def __init__(self, input_size, hidden_size):
        H = hidden_size
        self.kernel, self.recurrent_kernel = draw(input_size, H), draw(H, H)
        self.bias = np.zeros(H)
        self.states = np.zeros((1, 1, H))
        self.scratch = np.zeros((1, H))
        self.steps = 0

    def reserve(self, steps, batch):
        H = len(self.bias)
        if self.states.shape[0] < steps + 1 or self.states.shape[1] != batch:
            self.states = np.empty((steps + 1, batch, H))
        if self.scratch.shape != (batch, H):
            self.scratch = np.empty((batch, H))

    def forward(self, x, h0):
        self.reserve(len(x), x.shape[1])
        self.steps, self.inputs = len(x), x.copy()
        self.states[0] = h0
        for t in range(self.steps):
            np.matmul(x[t], self.kernel, out=self.states[t + 1])
            np.matmul(self.states[t], self.recurrent_kernel, out=self.scratch)
            self.states[t + 1] += self.scratch
            self.states[t + 1] += self.bias
            np.tanh(self.states[t + 1], out=self.states[t + 1])
        return self.states[1 : self.steps + 1].copy(), self.states[self.steps].copy()

    def backward(self, d_output, d_h_n):
        self.grad_kernel = np.zeros_like(self.kernel)
        self.grad_recurrent_kernel = np.zeros_like(self.recurrent_kernel)
        self.grad_bias = np.zeros_like(self.bias)
        d_x, d_h = np.empty_like(self.inputs), d_h_n.copy()
        for t in range(self.steps - 1, -1, -1):
            d_h += d_output[t]
            np.multiply(self.states[t + 1], self.states[t + 1], out=self.scratch)
            d_z = d_h * (1 - self.scratch)
            np.matmul(d_z, self.kernel.T, out=d_x[t])
            self.grad_kernel += self.inputs[t].T @ d_z
            self.grad_recurrent_kernel += self.states[t].T @ d_z
            self.grad_bias += d_z.sum(0)
            np.matmul(d_z, self.recurrent_kernel.T, out=d_h)
        return d_x, d_h


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


class Columns:
    """As in a lecture: column vectors, one weight for [h; x], the tape in self."""

    def __init__(self, input_size, hidden_size):
        self.W = draw(hidden_size, hidden_size + input_size)
        self.b = np.zeros((hidden_size, 1))

    def __call__(self, x, h):
        self.joined, self.h = [], []
        for x_t in x:
            joined = np.concatenate([h, x_t])
            h = np.tanh(self.W @ joined + self.b)
            self.joined.append(joined)
            self.h.append(h)
        return np.stack(self.h), h.copy()

    def backward(self, d_output, d_h):
        H = len(self.b)
        d_W, d_b, d_x = np.zeros_like(self.W), np.zeros_like(self.b), []
        for joined, h, d in zip(self.joined[::-1], self.h[::-1], d_output[::-1], strict=True):
            d_z = (d + d_h) * (1 - h**2)
            d_W += d_z @ joined.T
            d_b += d_z.sum(axis=1, keepdims=True)
            d_joined = self.W.T @ d_z
            d_h, d_x_t = d_joined[:H], d_joined[H:]
            d_x.append(d_x_t)
        return np.stack(d_x[::-1]), d_h, {"W": d_W, "b": d_b}


class StepByStep:
    """A method for each step and one for each step back, which accumulates into attributes."""

    def __init__(self, input_size, hidden_size):
        self.weights = {
            "Wxh": draw(hidden_size, input_size),
            "Whh": draw(hidden_size, hidden_size),
            "bh": draw(hidden_size),
        }

    def step(self, x_t):
        w = self.weights
        h = np.tanh(x_t @ w["Wxh"].T + self.h_prev @ w["Whh"].T + w["bh"])
        self.tape.append((x_t, self.h_prev, h))
        self.h_prev = h
        return h

    def step_back(self, d_h):
        x_t, before, h = self.tape.pop()
        d_z = d_h * (1 - h**2)
        self.gradients["Wxh"] += d_z.T @ x_t
        self.gradients["Whh"] += d_z.T @ before
        self.gradients["bh"] += d_z.sum(axis=0)
        return d_z @ self.weights["Wxh"], d_z @ self.weights["Whh"]

    def forward(self, x, h0):
        self.h_prev, self.tape = h0, []
        output = np.array([self.step(x_t) for x_t in x])
        return output, self.h_prev.copy()

    def backward(self, d_output, d_h):
        self.gradients = {name: np.zeros_like(w) for name, w in self.weights.items()}
        d_x = []
        for d in d_output[::-1]:
            d_x_t, d_h = self.step_back(d + d_h)
            d_x.append(d_x_t)
        return np.array(d_x[::-1]), d_h


class ParametersAsProperty:
    """The parameters are a property, a new dict each time; gradients have names with `grad`."""

    def __init__(self, input_size, hidden_size):
        self._w_x, self._w_h = draw(hidden_size, input_size), draw(hidden_size, hidden_size)
        self._b = np.zeros(hidden_size)

    @property
    def parameters(self):
        return {"w_x": self._w_x, "w_h": self._w_h, "b": self._b}

    def forward(self, x, h0):
        h = np.empty((len(x) + 1, *h0.shape), x.dtype)
        h[0] = h0
        for t, x_t in enumerate(x):
            h[t + 1] = np.tanh(x_t @ self._w_x.T + h[t] @ self._w_h.T + self._b)
        return h[1:].copy(), h[-1].copy(), {"x": x, "h": h}

    def backward(self, ctx, d_output, d_h_n):
        x, h = ctx["x"], ctx["h"]
        d_z = np.empty_like(d_output)
        d_h = d_h_n
        for t in reversed(range(len(x))):
            d_z[t] = (d_h + d_output[t]) * (1 - h[t + 1] ** 2)
            d_h = d_z[t] @ self._w_h
        d_w_x = np.tensordot(d_z, x, axes=((0, 1), (0, 1)))
        d_w_h = np.tensordot(d_z, h[:-1], axes=((0, 1), (0, 1)))
        return d_z @ self._w_x, d_h, {"w_x": d_w_x, "w_h": d_w_h, "b": d_z.sum(axis=(0, 1))}


class OutputAlone:
    """As in courses on deep learning: one result, one upstream gradient, the batch first."""

    def __init__(self, input_dim, hidden_dim):
        self.W_in, self.W_rec = draw(input_dim, hidden_dim), draw(hidden_dim, hidden_dim)
        self.bias = np.zeros((1, hidden_dim))

    def forward(self, inputs, h_init=None):
        N, T, _ = inputs.shape
        self.inputs = inputs
        self.hidden = np.zeros((N, T + 1, len(self.W_rec)))
        if h_init is not None:
            self.hidden[:, 0] = h_init
        for t in range(T):
            z = inputs[:, t] @ self.W_in + self.hidden[:, t] @ self.W_rec + self.bias
            self.hidden[:, t + 1] = np.tanh(z)
        return self.hidden[:, 1:].copy()

    def backward(self, grad_output):
        self.grad_W_in, self.grad_W_rec = np.zeros_like(self.W_in), np.zeros_like(self.W_rec)
        self.grad_bias = np.zeros_like(self.bias)
        grad_inputs, grad_h = np.zeros_like(self.inputs), 0.0
        for t in reversed(range(self.inputs.shape[1])):
            grad_z = (grad_output[:, t] + grad_h) * (1 - self.hidden[:, t + 1] ** 2)
            self.grad_W_in += self.inputs[:, t].T @ grad_z
            self.grad_W_rec += self.hidden[:, t].T @ grad_z
            self.grad_bias += grad_z.sum(axis=0, keepdims=True)
            grad_inputs[:, t] = grad_z @ self.W_in.T
            grad_h = grad_z @ self.W_rec.T
        return grad_inputs, grad_h
