"""Six right functions, written from the template's docstrings alone."""

import numpy as np


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    return np.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    h = [h_0]
    for x_t in x:
        h.append(rnn_step(x_t, h[-1], W_ih, W_hh, b_ih, b_hh))
    return np.stack(h[1:]), h[-1], (x, np.stack(h), W_ih, W_hh)


def rnn_step_backward(d_h, x_t, h, h_next, W_ih, W_hh):
    d_z = d_h * (1 - h_next**2)
    return d_z @ W_ih, d_z @ W_hh, d_z.T @ x_t, d_z.T @ h, d_z.sum(axis=0)


def rnn_backward(tape, d_output, d_h_n):
    x, h, W_ih, W_hh = tape
    d_x = np.zeros_like(x)
    d_h, d_W_ih, d_W_hh, d_b = d_h_n, 0, 0, 0
    for t in reversed(range(len(x))):
        d_x[t], d_h, d_W, d_U, d_c = rnn_step_backward(
            d_h + d_output[t], x[t], h[t], h[t + 1], W_ih, W_hh
        )
        d_W_ih, d_W_hh, d_b = d_W_ih + d_W, d_W_hh + d_U, d_b + d_c
    return d_x, d_h, d_W_ih, d_W_hh, d_b, d_b


def cross_entropy(logits, targets):
    N = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    p[np.arange(N), targets] -= 1
    return -log_p[np.arange(N), targets].mean(), p / N


def clip_grad_norm(gradients, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    for g in gradients:
        g *= min(1, max_norm / (norm + 1e-6))
    return norm
