"""CS231n's four functions, right."""

import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, next_h, Wx, Wh)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, next_h, Wx, Wh = cache
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, _ = x.shape
    h, caches, state = np.zeros((N, T, len(Wh)), x.dtype), [], h0
    for t in range(T):
        state, cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        h[:, t] = state
        caches.append(cache)
    return h, caches


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx, dstate, grads = [], np.zeros((N, H), dh.dtype), [0, 0, 0]
    for t in reversed(range(T)):
        dx_t, dstate, *terms = rnn_step_backward(dstate + dh[:, t], cache[t])
        dx.append(dx_t)
        grads = [total + term for total, term in zip(grads, terms, strict=True)]
    return np.stack(dx[::-1], axis=1), dstate, *grads
