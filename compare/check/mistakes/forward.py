"""Mistakes of the forward pass: in one step, and over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.check.functions.equations import Array, Equations
from compare.check.mistakes.mistake import ELMAN, mistake, softmax

STEP = ("step", "forward")
FORWARD = ("forward",)


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z))."""
    return np.asarray((1 + np.tanh(z / 2)) / 2)


OF_A_STEP = (
    mistake("b_ih is not added", STEP, sum=lambda self, x, h, W, U, b, c: x @ W.T + h @ U.T + c),
    mistake("b_hh is not added", STEP, sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h @ U.T),
    mistake("neither bias is added", STEP, sum=lambda self, x, h, W, U, b, c: x @ W.T + h @ U.T),
    mistake(
        "b_ih is added twice, and b_hh not at all",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + 2 * b + h @ U.T,
    ),
    mistake(
        "b_hh is added twice, and b_ih not at all",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + 2 * c + h @ U.T,
    ),
    mistake(
        "the biases are subtracted",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T - b + h @ U.T - c,
    ),
    mistake(
        "b_hh is subtracted", STEP, sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h @ U.T - c
    ),
    mistake(
        "the biases are averaged, not added",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + (b + c) / 2 + h @ U.T,
    ),
    mistake(
        "W_hh is not transposed: each unit reads the wrong weights",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h @ U + c,
    ),
    mistake(
        "W_ih is not transposed", STEP, sum=lambda self, x, h, W, U, b, c: x @ W + b + h @ U.T + c
    ),
    mistake(
        "the state is not used: W_hh h is missing",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + c,
    ),
    mistake(
        "the input is not used: W_ih x is missing",
        STEP,
        sum=lambda self, x, h, W, U, b, c: b + h @ U.T + c,
    ),
    mistake(
        "the recurrent term is subtracted",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b - h @ U.T + c,
    ),
    mistake(
        "the recurrent term is an entrywise product with W_hh's diagonal",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h * np.diag(U) + c,
    ),
    mistake(
        "b_hh is multiplied by W_hh too: h + b_hh stands where W_hh h + b_hh belongs",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + (h + c) @ U.T,
    ),
    mistake(
        "the old state is added to the sum: a residual connection",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h @ U.T + c + h,
    ),
    mistake(
        "the state goes through tanh once more before W_hh",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + np.tanh(h) @ U.T + c,
    ),
    mistake(
        "the sum of the batch's rows is taken for each row's state",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h.sum(0) @ U.T + c,
    ),
    mistake(
        "the first row's state is used for every row of the batch",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h[:1] @ U.T + c,
    ),
    mistake(
        "the mean of the batch's states is used for every row",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h.mean(0) @ U.T + c,
    ),
    mistake(
        "W_ih is reshaped where it should be transposed",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.reshape(W.shape[::-1]) + b + h @ U.T + c,
    ),
    mistake(
        "W_hh is rounded to half precision, float16",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ W.T + b + h @ _half(U).T + c,
    ),
    mistake(
        "W_ih is rounded to half precision, float16",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ _half(W).T + b + h @ U.T + c,
    ),
    mistake(
        "the weights are rounded to half precision, float16",
        STEP,
        sum=lambda self, x, h, W, U, b, c: x @ _half(W).T + b + h @ _half(U).T + c,
    ),
    mistake(
        "tanh is taken of the recurrent part alone, and all else added after it",
        STEP,
        step=lambda self, x, h, W, U, b, c: x @ W.T + b + c + np.tanh(h @ U.T),
        of=ELMAN,
    ),
    mistake(
        "tanh is taken of the recurrent part alone, and the input's part added after it",
        STEP,
        step=lambda self, x, h, W, U, b, c: x @ W.T + b + np.tanh(h @ U.T + c),
        of=ELMAN,
    ),
    mistake(
        "tanh is taken of the input's part alone, and all else added after it",
        STEP,
        step=lambda self, x, h, W, U, b, c: np.tanh(x @ W.T) + h @ U.T + b + c,
        of=ELMAN,
    ),
    mistake("tanh is missing", STEP, tanh=lambda self, z: z),
    mistake("the sigmoid stands where tanh belongs", STEP, tanh=lambda self, z: sigmoid(z)),
    mistake("ReLU stands where tanh belongs", STEP, tanh=lambda self, z: np.maximum(z, 0)),
    mistake("sin stands where tanh belongs", STEP, tanh=lambda self, z: np.sin(z)),
    mistake("arctan stands where tanh belongs", STEP, tanh=lambda self, z: np.arctan(z)),
    mistake("tanh is applied twice", STEP, tanh=lambda self, z: np.tanh(np.tanh(z))),
    mistake("tanh has the wrong sign", STEP, tanh=lambda self, z: np.tanh(-z)),
    mistake("tanh of half the sum is taken", STEP, tanh=lambda self, z: np.tanh(z / 2)),
    mistake("tanh of twice the sum is taken", STEP, tanh=lambda self, z: np.tanh(2 * z)),
    mistake(
        "tanh is built from exponentials, which overflow for large inputs",
        STEP,
        tanh=lambda self, z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    ),
    mistake(
        "tanh is built from exp(2z), which overflows for large inputs",
        STEP,
        tanh=lambda self, z: (np.exp(2 * z) - 1) / (np.exp(2 * z) + 1),
    ),
    mistake(
        "tanh is built from exp(-2z), which overflows for large inputs",
        STEP,
        tanh=lambda self, z: (1 - np.exp(-2 * z)) / (1 + np.exp(-2 * z)),
    ),
    mistake(
        "the sum is cut off before tanh, at ±1",
        STEP,
        tanh=lambda self, z: np.tanh(np.clip(z, -1, 1)),
    ),
    mistake(
        "tanh is taken of the input's part alone, and the recurrent part added after it",
        STEP,
        step=lambda self, x, h, W, U, b, c: np.tanh(x @ W.T + b) + h @ U.T + c,
        of=ELMAN,
    ),
    mistake(
        "tanh is taken of each product alone, and not of their sum",
        STEP,
        step=lambda self, x, h, W, U, b, c: np.tanh(x @ W.T + b) + np.tanh(h @ U.T + c),
        of=ELMAN,
    ),
    mistake(
        "the biases are added after tanh",
        STEP,
        step=lambda self, x, h, W, U, b, c: np.tanh(x @ W.T + h @ U.T) + b + c,
        of=ELMAN,
    ),
    mistake(
        "b_hh is added after tanh",
        STEP,
        step=lambda self, x, h, W, U, b, c: np.tanh(x @ W.T + b + h @ U.T) + c,
        of=ELMAN,
    ),
    mistake(
        "the new state is averaged with the old one",
        STEP,
        step=lambda self, x, h, *w: (np.tanh(self.sum(x, h, *w)) + h) / 2,
        of=ELMAN,
    ),
    mistake(
        "the old state is added to the new one",
        STEP,
        step=lambda self, x, h, *w: np.tanh(self.sum(x, h, *w)) + h,
        of=ELMAN,
    ),
    mistake("softmax stands where tanh belongs", STEP, tanh=lambda self, z: softmax(z, 1)),
)

OF_A_SEQUENCE = (
    mistake(
        "the given h_0 is ignored, and the first step begins at zero",
        FORWARD,
        first=lambda self, h_0: np.zeros_like(h_0),
    ),
    mistake(
        "the first step begins at ones, not at the given h_0",
        FORWARD,
        first=lambda self, h_0: np.ones_like(h_0),
    ),
    mistake(
        "the state is not handed on: each step begins at h_0",
        FORWARD,
        handed_on=lambda self, h, h_0: h_0,
    ),
    mistake(
        "the state is not handed on: each step begins at zero",
        FORWARD,
        first=lambda self, h_0: np.zeros_like(h_0),
        handed_on=lambda self, h, h_0: np.zeros_like(h),
    ),
    mistake(
        "the state is set to zero after the first step",
        FORWARD,
        handed_on=lambda self, h, h_0: np.zeros_like(h),
    ),
    mistake(
        "the first row's state is handed on to every row of the batch",
        FORWARD,
        handed_on=lambda self, h, h_0: np.broadcast_to(h[:1], h.shape),
    ),
    mistake(
        "the steps are read from the last to the first",
        FORWARD,
        forward=lambda self, x, h_0, *w: _reversed(self, x, h_0, w),
    ),
    mistake(
        "output comes in reverse order", FORWARD, given=lambda self, h: (np.stack(h[:0:-1]), h[-1])
    ),
    mistake(
        "the sequence is read from its end, and output is in the order of reading",
        FORWARD,
        forward=lambda self, x, *w: self.right.forward(x[::-1], *w),
    ),
    mistake(
        "output holds the states before each step: h_0 … h_{T-1}",
        FORWARD,
        given=lambda self, h: (np.stack(h[:-1]), h[-1]),
    ),
    mistake(
        "output holds h_0 too, and so has T+1 steps",
        FORWARD,
        given=lambda self, h: (np.stack(h), h[-1]),
    ),
    mistake(
        "h_n is the state after the first step, not the last",
        FORWARD,
        given=lambda self, h: (np.stack(h[1:]), h[1]),
    ),
    mistake("h_n is h_0", FORWARD, given=lambda self, h: (np.stack(h[1:]), h[0])),
    mistake(
        "h_n is the last state but one", FORWARD, given=lambda self, h: (np.stack(h[1:]), h[-2])
    ),
    mistake(
        "h_n is all zeros", FORWARD, given=lambda self, h: (np.stack(h[1:]), np.zeros_like(h[-1]))
    ),
    mistake(
        "h_n is the mean of all states",
        FORWARD,
        given=lambda self, h: (np.stack(h[1:]), np.mean(h[1:], axis=0)),
    ),
    mistake(
        "h_n is the last state of the first row, for every row of the batch",
        FORWARD,
        given=lambda self, h: (np.stack(h[1:]), np.broadcast_to(h[-1][:1], h[-1].shape)),
    ),
    mistake(
        "every step of output is the last state: one array was written over and kept T times",
        FORWARD,
        given=lambda self, h: (np.stack([h[-1]] * (len(h) - 1)), h[-1]),
    ),
    mistake(
        "the last step is left out: its output is zero",
        FORWARD,
        forward=lambda self, x, *w: _short(self, x, w, 0, 1),
    ),
    mistake(
        "the first step is left out: its output is zero",
        FORWARD,
        forward=lambda self, x, *w: _short(self, x, w, 1, 0),
    ),
    mistake(
        "every step reads the first input",
        FORWARD,
        forward=lambda self, x, *w: self.right.forward(x[:1].repeat(len(x), 0), *w),
    ),
    mistake(
        "every step reads the last input",
        FORWARD,
        forward=lambda self, x, *w: self.right.forward(x[-1:].repeat(len(x), 0), *w),
    ),
    mistake(
        "each step reads the input of the step after it",
        FORWARD,
        forward=lambda self, x, *w: self.right.forward(np.roll(x, -1, 0), *w),
    ),
    mistake(
        "each step reads the input of the step before it",
        FORWARD,
        forward=lambda self, x, *w: self.right.forward(np.roll(x, 1, 0), *w),
    ),
    mistake(
        "batch and time are swapped by reshape, not by a transposition",
        FORWARD,
        given=lambda self, h: (_reshaped(np.stack(h[1:])), h[-1]),
    ),
    mistake(
        "the biases are added in the first step only",
        FORWARD,
        forward=lambda self, x, h_0, *w: _biased_once(self, x, h_0, w),
        of=ELMAN,
    ),
    mistake(
        "output holds the sums before tanh, z_t",
        FORWARD,
        forward=lambda self, x, h_0, *w: _sums(self, x, h_0, w),
        of=ELMAN,
    ),
    mistake(
        "the input's batch and time are swapped by reshape, not by a transposition",
        FORWARD,
        forward=lambda self, x, h_0, *w: _remixed(self, x, h_0, w),
    ),
    mistake(
        "output is added up over the steps",
        FORWARD,
        given=lambda self, h: (np.cumsum(h[1:], axis=0), h[-1]),
    ),
)


def _half(W: Array) -> Array:
    return W.astype(np.float16).astype(W.dtype)


def _biased_once(self: Equations, x: Array, h_0: Array, w: Sequence[Array]) -> Any:
    W, U, b, c = w
    first, h_n, tape = self.right.forward(x[:1], h_0, *w)
    if len(x) == 1:
        return first, h_n, tape
    rest, h_n, _ = self.right.forward(x[1:], h_n, W, U, 0 * b, 0 * c)
    return np.concatenate([first, rest]), h_n, tape


def _sums(self: Any, x: Array, h_0: Array, w: Sequence[Any]) -> Any:
    output, h_n, tape = self.right.forward(x, h_0, *w)
    before = np.concatenate([h_0[None], output[:-1]])
    return np.stack([self.sum(x_t, h, *w) for x_t, h in zip(x, before, strict=True)]), h_n, tape


def _remixed(self: Equations, x: Array, h_0: Array, w: Sequence[Any]) -> Any:
    T, B, V = x.shape
    return self.right.forward(x.reshape(B, T, V).swapaxes(0, 1), h_0, *w)


def _reversed(self: Equations, x: Array, h_0: Array, w: Sequence[Array]) -> Any:
    output, h_n, tape = self.right.forward(x[::-1], h_0, *w)
    return output[::-1], h_n, tape


def _short(self: Equations, x: Array, w: Sequence[Any], first: int, last: int) -> Any:
    output, h_n, tape = self.right.forward(x[first : len(x) - last], *w)
    empty = np.zeros((1, *output.shape[1:]))
    return np.concatenate([empty[:first], output, empty[:last]]), h_n, tape


def _reshaped(array: Array) -> Array:
    T, B, H = array.shape
    return array.swapaxes(0, 1).reshape(T, B, H)
