"""Exercise 4: find the bug. Clipping.

All gradients together are one long vector. If its norm is larger than max_norm, it is made shorter
and keeps its direction. This function changes the direction. Why? Correct it.

Check it:  rnn-parity check 04_clip.py --stage clip_grad_norm
"""

import numpy as np


def clip_grad_norm(gradients, max_norm):
    """Scale all arrays in place by one factor, at most 1; return the norm before."""
    squares = 0.0
    for gradient in gradients:
        squares += (gradient**2).sum()
        norm = np.sqrt(squares)
        gradient *= min(1, max_norm / (norm + 1e-6))
    return norm
