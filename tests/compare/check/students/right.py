"""Six right functions. Mistakes and right variants are made from them; see `corpus.py`.

Each function is complete: no function calls another. So a mistake is wrong in one stage alone.
"""

import numpy as np


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    z = x_t @ W_ih.T + h @ W_hh.T + b_ih + b_hh
    return np.tanh(z)


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    T, B, V = x.shape
    H = len(W_hh)
    output = np.zeros((T, B, H), x.dtype)
    h = h_0
    for t in range(T):
        z = x[t] @ W_ih.T + h @ W_hh.T + b_ih + b_hh
        h = np.tanh(z)
        output[t] = h
    tape = (x, h_0, output, W_ih, W_hh)
    return output, h, tape


def rnn_step_backward(d_h, x_t, h, h_next, W_ih, W_hh):
    d_z = d_h * (1 - h_next**2)
    d_x_t = d_z @ W_ih
    d_h_before = d_z @ W_hh
    d_W_ih = d_z.T @ x_t
    d_W_hh = d_z.T @ h
    d_b = d_z.sum(axis=0)
    return d_x_t, d_h_before, d_W_ih, d_W_hh, d_b


def rnn_backward(tape, d_output, d_h_n):
    x, h_0, output, W_ih, W_hh = tape
    T, B, V = x.shape
    H = len(W_hh)
    d_x = np.zeros((T, B, V), x.dtype)
    d_W_ih = np.zeros((H, V), x.dtype)
    d_W_hh = np.zeros((H, H), x.dtype)
    d_b = np.zeros(H, x.dtype)
    d_h = d_h_n
    for t in reversed(range(T)):
        h = output[t - 1] if t > 0 else h_0
        d_h = d_h + d_output[t]
        d_z = d_h * (1 - output[t] ** 2)
        d_x[t] = d_z @ W_ih
        d_W_ih += d_z.T @ x[t]
        d_W_hh += d_z.T @ h
        d_b += d_z.sum(axis=0)
        d_h = d_z @ W_hh
    d_h_0 = d_h
    return d_x, d_h_0, d_W_ih, d_W_hh, d_b, d_b.copy()


def cross_entropy(logits, targets):
    N, V = logits.shape
    rows = np.arange(N)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, targets])
    d_logits = exps / sums
    d_logits[rows, targets] -= 1
    d_logits /= N
    return loss, d_logits


def clip_grad_norm(gradients, max_norm):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    scale = min(max_norm / (norm + 1e-6), 1.0)
    for g in gradients:
        g *= scale
    return norm
