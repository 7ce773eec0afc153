"""The solution of exercise 3: what you write in 03_shapes.py."""

import numpy as np


def rnn_backward(tape, d_output, d_h_n):
    """d_output (T, B, H), d_h_n (B, H) -> gradients of x, h_0, W_ih, W_hh, b_ih and b_hh"""
    x, h, W_ih, W_hh = tape
    T, B, V = x.shape
    H = d_h_n.shape[1]

    shape_of_d_x = (T, B, V)
    shape_of_d_h = (B, H)
    shape_of_d_W_ih = (H, V)
    shape_of_d_W_hh = (H, H)
    shape_of_d_b = (H,)

    d_x, d_h = np.zeros(shape_of_d_x), np.zeros(shape_of_d_h)
    d_W_ih, d_W_hh = np.zeros(shape_of_d_W_ih), np.zeros(shape_of_d_W_hh)
    d_b = np.zeros(shape_of_d_b)
    d_h += d_h_n
    for t in reversed(range(T)):
        d_z = (d_h + d_output[t]) * (1 - h[t + 1] ** 2)
        d_x[t] = d_z @ W_ih
        d_h[...] = d_z @ W_hh
        d_W_ih += d_z.T @ x[t]
        d_W_hh += d_z.T @ h[t]
        d_b += d_z.sum(axis=0)
    return d_x, d_h, d_W_ih, d_W_hh, d_b, d_b
