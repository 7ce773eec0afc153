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
    raise NotImplementedError


def complex_step(d_h_next, arguments, k):
    """Return the gradient of argument k, entry by entry."""
    gradient = np.zeros(arguments[k].shape)
    for i in np.ndindex(gradient.shape):
        moved = [np.array(argument, complex) for argument in arguments]
        moved[k][i] += 1e-30j
        gradient[i] = (d_h_next * leaky_step(*moved).imag / 1e-30).sum()
    return gradient


def check():
    """Compare the gradients; return the verdict on each, by name."""
    rng = np.random.default_rng(0)
    shapes = {"x": (3, 4), "h": (3, 5), "W_ih": (5, 4), "W_hh": (5, 5), "b": (5,), "a": (5,)}
    arguments = [rng.uniform(0.1, 0.9, shape) for shape in shapes.values()]
    d_h_next = rng.normal(size=(3, 5))
    try:
        found = leaky_step_backward(d_h_next, *arguments)
    except NotImplementedError:
        return dict.fromkeys(shapes, "missing")
    right = [complex_step(d_h_next, arguments, k) for k in range(6)]
    is_right = [
        np.shape(yours) == ours.shape and np.abs(ours - yours).max() <= 1e-12
        for ours, yours in zip(right, found, strict=True)
    ]
    return {name: "right" if k else "wrong" for name, k in zip(shapes, is_right, strict=True)}


if __name__ == "__main__":
    verdicts = check()
    for name, each in verdicts.items():
        print(f"{name:4}  {each}")
    raise SystemExit(set(verdicts.values()) != {"right"})
