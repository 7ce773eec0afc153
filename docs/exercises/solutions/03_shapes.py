"""Exercise 3: predict the shapes. All gradients of backpropagation through time.

Replace each None by a shape, made of T, B, V and H. A gradient has the shape of the
array that it belongs to: d_x has that of x. Try it on paper first. The rest of the code is right.

Check it:  rnn-parity check 03_shapes.py --stage rnn_backward
"""

import numpy as np


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    """Right as it is: return all states, the last one, and the tape."""
    h = [h_0]
    for x_t in x:
        h.append(np.tanh(x_t @ W_ih.T + b_ih + h[-1] @ W_hh.T + b_hh))
    return np.stack(h[1:]), h[-1], (x, h, W_ih, W_hh)


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
