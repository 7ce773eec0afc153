"""Exercise 7: derive the gradients of a gated cell, one step of a GRU.

    r = σ(W_ir x_t + b_ir + W_hr h + b_hr)
    z = σ(W_iz x_t + b_iz + W_hz h + b_hz)
    q = W_hn h + b_hn
    n = tanh(W_in x_t + b_in + r ⊙ q)
    h_next = (1 - z) ⊙ n + z ⊙ h

The three blocks of a weight stand one below the other, in the order r, z, n. Begin at h_next, and
follow each path back. The state h is used four times.

Check it:  rnn-parity check 07_gru.py --stage gru_step_backward --no-equations
"""

import numpy as np


def gru_step_backward(d_h_next, x_t, h, gates, W_ih, W_hh):
    """d_h_next (B, H) is the gradient of h_next, W_ih (3H, V), W_hh (3H, H).

    Return the gradients of x_t, h, W_ih, W_hh, b_ih and b_hh.
    """
    r, z, n, q = gates
    d_a_n = d_h_next * (1 - z) * (1 - n**2)  # a_n is the argument of tanh
    d_a_z = np.zeros_like(z)  # yours: a_z is the argument of σ; σ' = σ (1 - σ)
    d_a_r = np.zeros_like(r)  # yours
    d_q = np.zeros_like(q)  # yours
    d_a = np.concatenate([d_a_r, d_a_z, d_a_n], axis=1)  # (B, 3H), for W_ih and b_ih
    d_u = np.concatenate([d_a_r, d_a_z, d_q], axis=1)  # (B, 3H), for W_hh and b_hh
    d_h_before = d_u @ W_hh  # yours: one path is missing
    return d_a @ W_ih, d_h_before, d_a.T @ x_t, d_u.T @ h, d_a.sum(axis=0), d_u.sum(axis=0)
