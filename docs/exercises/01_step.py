"""Exercise 1: fill in one line. A step of a recurrent network.

    h_next = tanh(W_ih x_t + b_ih + W_hh h + b_hh)

Each sequence of the batch has a row in the arrays. So W x in the equation is x @ W.T in NumPy.

Check it:  rnn-parity check 01_step.py --stage rnn_step
"""

import numpy as np


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    """x_t (B, V), h (B, H), W_ih (H, V), W_hh (H, H), b_ih and b_hh (H,) -> h_next (B, H)"""
    z = x_t @ W_ih.T  # your line: three terms are missing
    return np.tanh(z)
