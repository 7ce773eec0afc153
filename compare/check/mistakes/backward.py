"""Mistakes of the backward pass: in one step, and through time."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.check.equations import Array, Equations
from compare.check.mistakes.mistake import mistake

BACK = ("rnn_step_backward", "rnn_backward")
BPTT = ("rnn_backward",)

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
        "tanh is applied once more: 1 - tanh(h)²",
        BACK,
        slope=lambda self, h, before: 1 - np.tanh(h) ** 2,
    ),
    mistake("the slope is 1 + h²", BACK, slope=lambda self, h, before: 1 + h * h),
    mistake(
        "the slope is h² - 1: the sign is turned", BACK, slope=lambda self, h, before: h * h - 1
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
    mistake("the gradient of h is zero", BACK, d_h=lambda self, d_z, d_h, U: np.zeros_like(d_h)),
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
        rnn_step_backward=lambda self, d_h, x, h, after, W, U: _skipping(
            d_h, x, h, after, W, U, "W"
        ),
    ),
    mistake(
        "the gradient of the bias skips the slope of tanh",
        BACK,
        rnn_step_backward=lambda self, d_h, x, h, after, W, U: _skipping(
            d_h, x, h, after, W, U, "b"
        ),
    ),
    mistake(
        "the gradient of W_ih skips the slope of tanh",
        BACK,
        rnn_step_backward=lambda self, d_h, x, h, after, W, U: _skipping(
            d_h, x, h, after, W, U, "i"
        ),
    ),
    mistake(
        "the gradient of W_hh skips the slope of tanh",
        BACK,
        rnn_step_backward=lambda self, d_h, x, h, after, W, U: _skipping(
            d_h, x, h, after, W, U, "h"
        ),
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


OF_A_SEQUENCE_BACK = (
    mistake(
        "the gradient is not handed on from step t to step t-1",
        BPTT,
        together=lambda self, d, d_h, t, T: d + (d_h if t == T - 1 else 0),
    ),
    mistake(
        "neither the last state's gradient nor that of a later step is handed on",
        BPTT,
        together=lambda self, d, d_h, t, T: d + 0 * d_h,
    ),
    mistake("d_h_n is not used", BPTT, last=lambda self, d_h_n: np.zeros_like(d_h_n)),
    mistake(
        "d_h_n is used at every step",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(
            tape, d + np.where(np.arange(len(d))[:, None, None] < len(d) - 1, d_h_n, 0), d_h_n
        ),
    ),
    mistake(
        "d_h_n is added at the first step, not at the last",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(
            tape, d + np.where(np.arange(len(d))[:, None, None] == 0, d_h_n, 0), 0 * d_h_n
        ),
    ),
    mistake("d_h_n is added twice", BPTT, last=lambda self, d_h_n: 2 * d_h_n),
    mistake("d_h_n is subtracted", BPTT, last=lambda self, d_h_n: -d_h_n),
    mistake("d_output is not used", BPTT, together=lambda self, d, d_h, t, T: d_h),
    mistake(
        "d_output is used at the last step alone",
        BPTT,
        together=lambda self, d, d_h, t, T: d_h + (d if t == T - 1 else 0),
    ),
    mistake(
        "d_output is not used at the last step",
        BPTT,
        together=lambda self, d, d_h, t, T: d_h + (d if t < T - 1 else 0),
    ),
    mistake(
        "d_output is not used at the first step",
        BPTT,
        together=lambda self, d, d_h, t, T: d_h + (d if t > 0 else 0),
    ),
    mistake(
        "a later step's gradient takes the place of d_output, and is not added to it",
        BPTT,
        together=lambda self, d, d_h, t, T: d_h if t < T - 1 else d + d_h,
    ),
    mistake(
        "d_output is read in reverse order",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(tape, d[::-1], d_h_n),
    ),
    mistake(
        "d_output is used one step late",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(
            tape, np.concatenate([d[1:], d[:1] * 0]), d_h_n
        ),
    ),
    mistake(
        "d_output is used one step early",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(
            tape, np.concatenate([d[:1] * 0, d[:-1]]), d_h_n
        ),
    ),
    mistake(
        "d_output of the last step is used at every step",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: Equations().rnn_backward(
            tape, d[-1:].repeat(len(d), 0), d_h_n
        ),
    ),
    mistake(
        "the gradients of weights and biases come from the first step alone",
        BPTT,
        over_steps=lambda self, shares: shares[-1],
    ),
    mistake(
        "the gradients of weights and biases come from the last step alone",
        BPTT,
        over_steps=lambda self, shares: shares[0],
    ),
    mistake(
        "the gradients of weights and biases are means over the steps, not sums",
        BPTT,
        over_steps=lambda self, shares: sum(shares) / len(shares),
    ),
    mistake(
        "the first step is left out of the sums over the steps",
        BPTT,
        over_steps=lambda self, shares: sum(shares[:-1], 0 * shares[0]),
    ),
    mistake(
        "the last step is left out of the sums over the steps",
        BPTT,
        over_steps=lambda self, shares: sum(shares[1:], 0 * shares[0]),
    ),
    mistake("the gradient of b_hh is zero", BPTT, biases=lambda self, d_b: (d_b, 0 * d_b)),
    mistake("the gradient of b_ih is zero", BPTT, biases=lambda self, d_b: (0 * d_b, d_b)),
    mistake(
        "the bias gradient is split in two halves; each bias has all of it",
        BPTT,
        biases=lambda self, d_b: (d_b / 2, d_b / 2),
    ),
    mistake(
        "the bias gradients are twice too large", BPTT, biases=lambda self, d_b: (2 * d_b, 2 * d_b)
    ),
    mistake("the gradient of h_0 is zero", BPTT, d_h_0=lambda self, d_h: 0 * d_h),
    mistake(
        "the gradient of h_0 has d_output of step 1 added to it",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_0 + d"),
    ),
    mistake(
        "the gradient of h_0 is that of h_1: the last step back is missing",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_1"),
    ),
    mistake(
        "the gradient of h_0 is d_h_n",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_n"),
    ),
    mistake(
        "the gradient of x comes in reverse order",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "x"),
    ),
    mistake(
        "the gradient of W_hh pairs each step's error with the state after it",
        BPTT,
        d_W_hh=lambda self, d_z, h, after: d_z.T @ after,
    ),
    mistake(
        "only the last two steps are gone back through: BPTT is truncated",
        BPTT,
        together=lambda self, d, d_h, t, T: d_h + d if t >= T - 2 else d,
    ),
    mistake(
        "the steps are gone through from the first to the last",
        BPTT,
        rnn_backward=lambda self, tape, d, d_h_n: _forwards(tape, d, d_h_n),
    ),
)


def _replaced(tape: Any, d: Array, d_h_n: Array, what: str) -> tuple[Array, ...]:
    x, h, W, U = tape
    d_x, d_h_0, *rest = Equations().rnn_backward(tape, d, d_h_n)
    if what == "h_0 + d":
        d_h_0 = d_h_0 + d[0]
    elif what == "h_1":
        after = (
            Equations().rnn_backward((x[1:], h[1:], W, U), d[1:], d_h_n)[1] if len(x) > 1 else d_h_n
        )
        d_h_0 = after + d[0]
    elif what == "h_n":
        d_h_0 = d_h_n
    else:
        d_x = d_x[::-1]
    return d_x, d_h_0, *rest


def _forwards(tape: Any, d: Array, d_h_n: Array) -> tuple[Array, ...]:
    x, h, W, U = tape
    d_h, d_x, shares = d_h_n, [], []
    for t in range(len(x)):
        d_x_t, d_h, *share = Equations().rnn_step_backward(d_h + d[t], x[t], h[t], h[t + 1], W, U)
        d_x.append(d_x_t)
        shares.append(share)
    d_W, d_U, d_b = (np.sum(part, axis=0) for part in zip(*shares, strict=True))
    return np.stack(d_x), d_h, d_W, d_U, d_b, d_b
