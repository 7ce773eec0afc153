"""Six right functions with memory that is used again; what leaves them is copied."""

import numpy as np

_memory = {}


def workspace(name, shape, dtype):
    """Return memory of this shape, the same for each call."""
    if (name, shape, dtype) not in _memory:
        _memory[name, shape, dtype] = np.empty(shape, dtype)
    return _memory[name, shape, dtype]


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    z = workspace("z", (len(x_t), len(W_hh)), x_t.dtype)
    q = workspace("q", z.shape, z.dtype)
    np.dot(x_t, W_ih.T, out=z)
    np.dot(h, W_hh.T, out=q)
    z += q
    z += b_ih
    z += b_hh
    return np.tanh(z)


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    T, B, V = x.shape
    H = len(W_hh)
    states = np.empty((T + 1, B, H), x.dtype)
    states[0] = h_0
    projected = workspace("projected", (T * B, H), x.dtype)
    np.matmul(x.reshape(T * B, V), W_ih.T, out=projected)
    projected += b_ih + b_hh
    for t, z in enumerate(projected.reshape(T, B, H)):
        z += states[t] @ W_hh.T
        np.tanh(z, out=states[t + 1])
    return states[1:].copy(), states[T].copy(), (x.copy(), states, W_ih.copy(), W_hh.copy())


def rnn_step_backward(d_h, x_t, h, h_next, W_ih, W_hh):
    d_z = workspace("d_z", d_h.shape, d_h.dtype)
    np.multiply(h_next, h_next, out=d_z)
    np.subtract(1, d_z, out=d_z)
    d_z *= d_h
    return d_z.dot(W_ih), d_z.dot(W_hh), d_z.T.dot(x_t), d_z.T.dot(h), d_z.sum(0)


def rnn_backward(tape, d_output, d_h_n):
    x, states, W_ih, W_hh = tape
    T, B, V = x.shape
    H = len(W_hh)
    slopes = 1 - states[1:] ** 2
    d_z = workspace("d_z of all steps", slopes.shape, slopes.dtype)
    d_h = d_h_n.copy()
    for t in range(T - 1, -1, -1):
        d_h += d_output[t]
        np.multiply(d_h, slopes[t], out=d_z[t])
        np.matmul(d_z[t], W_hh, out=d_h)
    rows = d_z.reshape(T * B, H)
    d_x = (rows @ W_ih).reshape(T, B, V)
    d_W_ih, d_W_hh = rows.T @ x.reshape(T * B, V), rows.T @ states[:-1].reshape(T * B, H)
    return d_x, d_h, d_W_ih, d_W_hh, rows.sum(0), rows.sum(0)


def cross_entropy(logits, targets):
    p = workspace("p", logits.shape, logits.dtype)
    np.subtract(logits, logits.max(1)[:, None], out=p)
    rows = np.arange(len(p))
    picked = p[rows, targets]
    np.exp(p, out=p)
    sums = p.sum(1)
    loss = (np.log(sums) - picked).mean()
    p /= sums[:, None]
    p[rows, targets] -= 1
    return loss, p / len(p)


def clip_grad_norm(gradients, max_norm):
    flat = np.concatenate([np.asarray(g, np.float64).reshape(-1) for g in gradients])
    norm = np.sqrt(np.dot(flat, flat))
    factor = max_norm / (norm + 1e-6)
    if factor < 1:
        for g in gradients:
            g *= factor
    return norm
