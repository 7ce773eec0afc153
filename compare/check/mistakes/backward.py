"""Mistakes of the backward pass in one step."""

from __future__ import annotations

import numpy as np

from compare.check.functions.equations import Array
from compare.check.mistakes.mistake import ELMAN, mistake

BACK = ("step_backward", "backward")

OF_A_STEP_BACK = (
    mistake(
        "the slope of tanh is written 1 - h, the square forgotten",
        BACK,
        slope=lambda self, h, before: 1 - h,
    ),
    mistake(
        "the slope of tanh is missing: δz = δh", BACK, slope=lambda self, h, before: np.ones_like(h)
    ),
    mistake(
        "the slope is taken at the state before the step, 1 - h_{t-1}²",
        BACK,
        slope=lambda self, h, before: 1 - before**2,
    ),
    mistake(
        "the slope of the sigmoid stands where tanh's belongs: h (1 - h)",
        BACK,
        slope=lambda self, h, before: h * (1 - h),
    ),
    mistake(
        "the slope of ReLU stands where tanh's belongs",
        BACK,
        slope=lambda self, h, before: (h > 0).astype(h.dtype),
    ),
    mistake(
        "the slope is taken as if h were z, and tanh is applied again: 1 - tanh(h)²",
        BACK,
        slope=lambda self, h, before: 1 - np.tanh(h) ** 2,
    ),
    mistake("the slope is 1 + h²", BACK, slope=lambda self, h, before: 1 + h * h),
    mistake(
        "the slope is h² - 1: the sign is wrong", BACK, slope=lambda self, h, before: h * h - 1
    ),
    mistake("the slope is h², and not 1 - h²", BACK, slope=lambda self, h, before: h * h),
    mistake("the slope is 1 - 2h", BACK, slope=lambda self, h, before: 1 - 2 * h),
    mistake("the slope is (1 - h)²", BACK, slope=lambda self, h, before: (1 - h) ** 2),
    mistake(
        "tanh stands where its slope belongs: δz = δh ⊙ h", BACK, slope=lambda self, h, before: h
    ),
    mistake(
        "the slope is the square root of 1 - h²",
        BACK,
        slope=lambda self, h, before: np.sqrt(1 - h * h),
    ),
    mistake("the slope is 1 - |h|", BACK, slope=lambda self, h, before: 1 - np.abs(h)),
    mistake("the slope is applied twice", BACK, slope=lambda self, h, before: (1 - h * h) ** 2),
    mistake(
        "W_hh is transposed where the gradient goes back through it",
        BACK,
        d_h=lambda self, d_z, d_h, U: d_z @ U.T,
    ),
    mistake(
        "the gradient of h skips the slope of tanh", BACK, d_h=lambda self, d_z, d_h, U: d_h @ U
    ),
    mistake("the gradient of h skips W_hh", BACK, d_h=lambda self, d_z, d_h, U: d_z),
    mistake(
        "the gradient of h is zero", BACK[:1], d_h=lambda self, d_z, d_h, U: np.zeros_like(d_h)
    ),
    mistake("the gradient of h is the one that came in", BACK, d_h=lambda self, d_z, d_h, U: d_h),
    mistake(
        "the gradient that came in is added once more to the gradient of h",
        BACK,
        d_h=lambda self, d_z, d_h, U: d_z @ U + d_h,
    ),
    mistake(
        "the gradient of x skips the slope of tanh", BACK, d_x=lambda self, d_z, d_h, W: d_h @ W
    ),
    mistake(
        "the gradient of x is zero",
        BACK,
        d_x=lambda self, d_z, d_h, W: np.zeros((len(d_z), W.shape[1])),
    ),
    mistake(
        "the gradient of W_hh uses the state after the step, not the one before it",
        BACK,
        d_W_hh=lambda self, d_z, h, after: d_z.T @ after,
    ),
    mistake(
        "the gradient of W_hh is transposed", BACK, d_W_hh=lambda self, d_z, h, after: h.T @ d_z
    ),
    mistake(
        "the gradient of W_hh is transposed, and uses the state after the step",
        BACK,
        d_W_hh=lambda self, d_z, h, after: after.T @ d_z,
    ),
    mistake("the gradient of W_ih is transposed", BACK, d_W_ih=lambda self, d_z, x: x.T @ d_z),
    mistake(
        "the gradient of W_ih is the mean over the batch, not the sum",
        BACK,
        d_W_ih=lambda self, d_z, x: d_z.T @ x / len(x),
    ),
    mistake(
        "the gradient of W_hh is the mean over the batch, not the sum",
        BACK,
        d_W_hh=lambda self, d_z, h, after: d_z.T @ h / len(h),
    ),
    mistake(
        "the gradients of both weights are means over the batch, not sums",
        BACK,
        d_W_ih=lambda self, d_z, x: d_z.T @ x / len(x),
        d_W_hh=lambda self, d_z, h, after: d_z.T @ h / len(h),
    ),
    mistake(
        "the gradients of the weights and biases are means over the batch, not sums",
        BACK,
        d_W_ih=lambda self, d_z, x: d_z.T @ x / len(x),
        d_W_hh=lambda self, d_z, h, after: d_z.T @ h / len(h),
        d_b=lambda self, d_z: d_z.mean(axis=0),
    ),
    mistake(
        "the gradient of the bias is the mean over the batch, not the sum",
        BACK,
        d_b=lambda self, d_z: d_z.mean(axis=0),
    ),
    mistake(
        "the gradient of the bias is not summed over the batch", BACK, d_b=lambda self, d_z: d_z
    ),
    mistake(
        "the gradient of the bias is summed over everything, units included",
        BACK,
        d_b=lambda self, d_z: np.asarray(d_z.sum()),
    ),
    mistake(
        "the gradient of the bias is summed over the units, not over the batch",
        BACK,
        d_b=lambda self, d_z: d_z.sum(axis=1),
    ),
    mistake(
        "the gradient of the bias is that of the first row alone",
        BACK,
        d_b=lambda self, d_z: d_z[0],
    ),
    mistake(
        "the bias keeps its summed axis: its shape is (1, H)",
        BACK,
        d_b=lambda self, d_z: d_z.sum(axis=0, keepdims=True),
    ),
    mistake(
        "the gradients of the weights come from the first row of the batch alone",
        BACK,
        d_W_ih=lambda self, d_z, x: np.outer(d_z[0], x[0]),
        d_W_hh=lambda self, d_z, h, after: np.outer(d_z[0], h[0]),
    ),
    mistake(
        "the gradients of the weights skip the slope of tanh",
        BACK,
        step_backward=lambda self, d_h, x, h, after, W, U: _skipping(d_h, x, h, after, W, U, "W"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of the bias skips the slope of tanh",
        BACK,
        step_backward=lambda self, d_h, x, h, after, W, U: _skipping(d_h, x, h, after, W, U, "b"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of W_ih skips the slope of tanh",
        BACK,
        step_backward=lambda self, d_h, x, h, after, W, U: _skipping(d_h, x, h, after, W, U, "i"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of W_hh skips the slope of tanh",
        BACK,
        step_backward=lambda self, d_h, x, h, after, W, U: _skipping(d_h, x, h, after, W, U, "h"),
        of=ELMAN,
    ),
)


def _skipping(
    d_h: Array, x: Array, h: Array, after: Array, W: Array, U: Array, what: str
) -> tuple[Array, ...]:
    d_z = d_h * (1 - after * after)
    own = {"W": ("W", "i", "h"), "i": ("i",), "h": ("h",), "b": ("b",)}[what]

    def of(part: str) -> Array:
        return d_h if part in own else d_z

    return d_z @ W, d_z @ U, of("i").T @ x, of("h").T @ h, np.asarray(of("b").sum(axis=0))
