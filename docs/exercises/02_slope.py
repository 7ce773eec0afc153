"""Exercise 2: fill in one line. The slope of tanh, without z.

The state is h_next = tanh(z). The forward pass has kept h_next, not z. Compute d_z
from d_h_next and h_next.

With ReLU, h_next = max(z, 0): which line would it be? `slope` in scratch_rnn/cells/elman.py has it.

Check it:  rnn-parity check 02_slope.py --stage rnn_step_backward --no-equations
"""

import numpy as np


def rnn_step_backward(d_h_next, x_t, h, h_next, W_ih, W_hh):
    """d_h_next (B, H): the gradient of h_next. Return those of x_t, h, W_ih, W_hh and one bias."""
    d_z = d_h_next  # your line: times the slope of tanh at z
    return d_z @ W_ih, d_z @ W_hh, d_z.T @ x_t, d_z.T @ h, d_z.sum(axis=0)
