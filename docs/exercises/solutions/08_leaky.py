"""Exercise 8: derive the gradients of a cell that is not in this project, a leaky unit.

    z = W_ih x + W_hh h + b
    h_next = (1 - a) ⊙ h + a ⊙ tanh(z)

Each unit has a rate a, between 0 and 1, and learns it. `rnn-parity check` does not know this cell.
But a computer can check any derivative: df/dx = imag(f(x + 1e-30j)) / 1e-30. No difference of two
nearly equal numbers is taken, so the result is exact up to rounding. The rest of the file does this.

Check it:  python 08_leaky.py
"""

import numpy as np


def leaky_step(x, h, W_ih, W_hh, b, a):
    """x (B, V), h (B, H), W_ih (H, V), W_hh (H, H), b and a (H,) -> h_next (B, H)"""
    return (1 - a) * h + a * np.tanh(x @ W_ih.T + h @ W_hh.T + b)


def leaky_step_backward(d_h_next, x, h, W_ih, W_hh, b, a):
    """Return the gradients of x, h, W_ih, W_hh, b and a."""
    tanh_z = np.tanh(x @ W_ih.T + h @ W_hh.T + b)
    d_z = d_h_next * a * (1 - tanh_z**2)
    d_h = d_h_next * (1 - a) + d_z @ W_hh
    d_a = (d_h_next * (tanh_z - h)).sum(axis=0)
    return d_z @ W_ih, d_h, d_z.T @ x, d_z.T @ h, d_z.sum(axis=0), d_a


def complex_step(d_h_next, arguments, k):
    """Return the gradient of argument k, entry by entry."""
    gradient = np.zeros(arguments[k].shape)
    for i in np.ndindex(gradient.shape):
        moved = [np.array(argument, complex) for argument in arguments]
        moved[k][i] += 1e-30j
        gradient[i] = (d_h_next * leaky_step(*moved).imag / 1e-30).sum()
    return gradient


def check():
    """Compare the gradients; return the names of those that are wrong."""
    rng = np.random.default_rng(0)
    shapes = {"x": (3, 4), "h": (3, 5), "W_ih": (5, 4), "W_hh": (5, 5), "b": (5,), "a": (5,)}
    arguments = [rng.uniform(0.1, 0.9, shape) for shape in shapes.values()]
    d_h_next = rng.normal(size=(3, 5))
    found = leaky_step_backward(d_h_next, *arguments)
    right = [complex_step(d_h_next, arguments, k) for k in range(6)]
    return [
        name
        for name, ours, yours in zip(shapes, right, found, strict=True)
        if np.shape(yours) != ours.shape or np.abs(ours - yours).max() > 1e-12
    ]


if __name__ == "__main__":
    wrong = check()
    print(f"wrong: {', '.join(wrong)}" if wrong else "All gradients are right.")
    raise SystemExit(bool(wrong))
