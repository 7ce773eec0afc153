"""The solution of exercise 7: what you write in 07_gru.py."""

import numpy as np


def gru_step_backward(d_h_next, x_t, h, gates, W_ih, W_hh):
    """d_h_next (B, H) is the gradient of h_next, W_ih (3H, V), W_hh (3H, H).

    Return the gradients of x_t, h, W_ih, W_hh, b_ih and b_hh.
    """
    r, z, n, q = gates
    d_a_n = d_h_next * (1 - z) * (1 - n**2)  # a_n is the argument of tanh
    d_a_z = d_h_next * (h - n) * z * (1 - z)
    d_a_r = d_a_n * q * r * (1 - r)
    d_q = d_a_n * r
    d_a = np.concatenate([d_a_r, d_a_z, d_a_n], axis=1)  # (B, 3H), for W_ih and b_ih
    d_u = np.concatenate([d_a_r, d_a_z, d_q], axis=1)  # (B, 3H), for W_hh and b_hh
    d_h_before = d_h_next * z + d_u @ W_hh
    return d_a @ W_ih, d_h_before, d_a.T @ x_t, d_u.T @ h, d_a.sum(axis=0), d_u.sum(axis=0)
