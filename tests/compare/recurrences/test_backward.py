"""Backward passes of NumPy are read: as functions beside their functions, and if all is wrong."""

import numpy as np
import pytest

from tests.compare.recurrences.standings import try_some


def step_forward(x, h, Wx, Wh, b):
    h_next = np.tanh(x @ Wx + h @ Wh + b)
    return h_next, (x, h, Wx, Wh, h_next)


def step_backward(d_next, cache):
    x, h, Wx, Wh, h_next = cache
    d_z = d_next * (1 - h_next**2)
    return d_z @ Wx.T, d_z @ Wh.T, x.T @ d_z, h.T @ d_z, d_z.sum(axis=0)


halved_forward = type(step_forward)(step_forward.__code__, globals(), "halved_forward")
"""The same function under another name, beside which a wrong backward pass stands."""


def halved_backward(d_next, cache):
    d_x, d_h, *d_parameters = step_backward(d_next, cache)
    return d_x, d_h / 2, *d_parameters


def all_forward(x, h, Wx, Wh, b):
    """The last state is in the caches alone, and the backward pass takes no gradient of it."""
    hs, caches = [], {}
    for t, x_t in enumerate(x):
        h, caches[f"step {t}"] = step_forward(x_t, h, Wx, Wh, b)
        hs.append(h)
    return np.stack(hs), caches


def all_backward(d_hs, caches):
    d_h, d_xs, sums = 0, [], [0, 0, 0]
    for d, cache in zip(d_hs[::-1], [*caches.values()][::-1], strict=True):
        d_x, d_h, *terms = step_backward(d + d_h, cache)
        sums = [a + b for a, b in zip(sums, terms, strict=True)]
        d_xs.append(d_x)
    return np.stack(d_xs[::-1]), d_h, *sums


class WithoutSlope:
    """The backward pass of a step lacks the slope of tanh, so that no gradient is right."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.W = 0.4 * rng.normal(size=(hidden_size, input_size))
        self.U = 0.4 * rng.normal(size=(hidden_size, hidden_size))

    def forward(self, x, h):
        return np.tanh(x @ self.W.T + h @ self.U.T)

    def backward(self, d_h):
        return d_h @ self.W, d_h @ self.U


class Tied(WithoutSlope):
    """One array is in two places: the way forward takes it from the one, the way back the other."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weights = [self.U]

    def forward(self, x, h):
        self.h = np.tanh(x @ self.W.T + h @ self.weights[0].T)
        return self.h

    def backward(self, d_h):
        return super().backward(d_h * (1 - self.h**2))


class Clipped(WithoutSlope):
    """Gradients that are clipped do not double with the upstream ones: they cannot be compared."""

    def backward(self, d_h):
        return tuple(np.clip(d, -0.1, 0.1) for d in super().backward(d_h))


class Constant(WithoutSlope):
    """What it returns are no gradients."""

    def backward(self, d_h):
        return np.zeros((len(d_h), self.W.shape[1])), 0 * d_h


@pytest.mark.parametrize(
    ("name", "verdict", "wrong"),
    [
        ("step_forward", "right", ""),
        ("all_forward", "right", ""),
        ("halved_forward", "wrong", "They differ in gradient of state."),
        ("WithoutSlope", "wrong", "They differ in gradient of x, gradient of state."),
        ("Tied", "right", ""),
        ("Clipped", "not tried", ""),
        ("Constant", "not tried", ""),
    ],
)
def test_a_backward_pass_is_read(name, verdict, wrong):
    gradient = try_some(f"{__file__}:{name}", "gradient")["gradient"]
    assert (gradient.verdict, gradient.where) == (verdict, wrong)
