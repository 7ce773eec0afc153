"""The solution of exercise 5: what you write in 05_through_time.py."""

import numpy as np


def rnn_backward(tape, d_output, d_h_n):
    """d_output (T, B, H), d_h_n (B, H) -> gradients of x, h_0, W_ih, W_hh, b_ih and b_hh"""
    x, h, W_ih, W_hh = tape  # h[t] is the state after t steps: h[0] is h_0
    d_x, d_h = np.zeros_like(x), d_h_n
    d_W_ih, d_W_hh = np.zeros_like(W_ih), np.zeros_like(W_hh)
    d_b = np.zeros_like(W_hh[0])
    for t in reversed(range(len(x))):  # x[t] and h[t] make h[t + 1]
        d_z = (d_h + d_output[t]) * (1 - h[t + 1] ** 2)
        d_x[t] = d_z @ W_ih
        d_h = d_z @ W_hh
        d_W_ih += d_z.T @ x[t]
        d_W_hh += d_z.T @ h[t]
        d_b += d_z.sum(axis=0)
    return d_x, d_h, d_W_ih, d_W_hh, d_b, d_b
