"""Mistakes of backpropagation through time."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.check.functions.equations import Array, Elman
from compare.check.mistakes.mistake import ELMAN, mistake

BPTT = ("backward",)

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
        backward=lambda self, tape, d, d_h_n: self.right.backward(
            tape, d + np.where(np.arange(len(d))[:, None, None] < len(d) - 1, d_h_n, 0), d_h_n
        ),
        of=ELMAN,
    ),
    mistake(
        "d_h_n is added at the first step, not at the last",
        BPTT,
        backward=lambda self, tape, d, d_h_n: self.right.backward(
            tape, d + np.where(np.arange(len(d))[:, None, None] == 0, d_h_n, 0), 0 * d_h_n
        ),
        of=ELMAN,
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
        backward=lambda self, tape, d, *last: self.right.backward(tape, d[::-1], *last),
    ),
    mistake(
        "d_output is used one step late",
        BPTT,
        backward=lambda self, tape, d, *last: self.right.backward(
            tape, np.concatenate([d[1:], d[:1] * 0]), *last
        ),
    ),
    mistake(
        "d_output is used one step early",
        BPTT,
        backward=lambda self, tape, d, *last: self.right.backward(
            tape, np.concatenate([d[:1] * 0, d[:-1]]), *last
        ),
    ),
    mistake(
        "d_output of the last step is used at every step",
        BPTT,
        backward=lambda self, tape, d, *last: self.right.backward(
            tape, d[-1:].repeat(len(d), 0), *last
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
    mistake("the gradient of b_hh is zero", BPTT, biases=lambda self, *b: (b[0], 0 * b[-1])),
    mistake("the gradient of b_ih is zero", BPTT, biases=lambda self, *b: (0 * b[0], b[-1])),
    mistake(
        "the bias gradient is split in two halves; each bias has all of it",
        BPTT,
        biases=lambda self, *b: (b[0] / 2, b[-1] / 2),
    ),
    mistake(
        "the bias gradients are twice too large",
        BPTT,
        biases=lambda self, *b: (2 * b[0], 2 * b[-1]),
    ),
    mistake("the gradient of h_0 is zero", BPTT, d_h_0=lambda self, d_h: 0 * d_h),
    mistake(
        "the gradient of h_0 has d_output of step 1 added to it",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_0 + d"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of h_0 is that of h_1: the last step back is missing",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_1"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of h_0 is d_h_n",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h_n"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of x comes in reverse order",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "x"),
        of=ELMAN,
    ),
    mistake(
        "the gradient of W_hh pairs each step's error with the state after it",
        BPTT,
        d_W_hh=lambda self, d_z, h, after: d_z.T @ after,
    ),
    *(
        mistake(
            f"backpropagation is truncated: the gradient is not handed on beyond {k} steps{how}",
            BPTT,
            together=lambda self, d, d_h, t, T, k=k, at=at: d if at(T - 1 - k - t) else d_h + d,
        )
        for k in (1, 2, 3)
        for how, at in (("", (0).__ge__), (", and then begins anew", (0).__eq__))
    ),
    *(
        mistake(
            f"the gradient is clipped at ±{limit:g} in every step on its way back",
            BPTT,
            d_h=lambda self, d_z, d_h, U, limit=limit: np.clip(d_z @ U, -limit, limit),
        )
        for limit in (0.1, 0.5, 1, 2)
    ),
    mistake(
        "no gradient is handed on to the step before: W_hhᵀ δz is zero",
        BPTT,
        d_h=lambda self, d_z, d_h, U: np.zeros_like(d_h),
    ),
    mistake(
        "d_output and d_h_n are divided by the batch size: gradients are means, not sums",
        BPTT,
        backward=lambda self, tape, d, d_h_n: self.right.backward(
            tape, d / len(d_h_n), d_h_n / len(d_h_n)
        ),
        of=ELMAN,
    ),
    mistake(
        "h_0 counts as zero in the gradient of W_hh",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h before 1", 0),
        of=ELMAN,
    ),
    mistake(
        "at the first step the index t-1 is -1: the last state stands where h_0 belongs",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "h before 1", -1),
        of=ELMAN,
    ),
    mistake(
        "the gradient of W_ih pairs each step's error with the input of the step before",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "x shifted", 1),
        of=ELMAN,
    ),
    mistake(
        "the gradient of W_ih pairs each step's error with the input of the step after",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _replaced(tape, d, d_h_n, "x shifted", -1),
        of=ELMAN,
    ),
    mistake(
        "the steps are gone through from the first to the last",
        BPTT,
        backward=lambda self, tape, d, d_h_n: _forwards(tape, d, d_h_n),
        of=ELMAN,
    ),
)


def _replaced(tape: Any, d: Array, d_h_n: Array, what: str, by: int = 0) -> tuple[Array, ...]:
    x, h, W, U = tape
    d_x, d_h_0, *rest = Elman().backward(tape, d, d_h_n)
    if what == "h before 1":
        other = np.concatenate([h[-1:] if by else 0 * h[:1], h[1:]])
        rest[1] = rest[1] + _first_share(tape, d, d_h_n, other[0] - h[0])
    if what == "x shifted":
        d_z = _d_z(tape, d, d_h_n)
        rest[0] = np.einsum("tbh,tbv->hv", d_z, np.roll(x, by, axis=0))
    if what == "h_0 + d":
        d_h_0 = d_h_0 + d[0]
    elif what == "h_1":
        after = Elman().backward((x[1:], h[1:], W, U), d[1:], d_h_n)[1] if len(x) > 1 else d_h_n
        d_h_0 = after + d[0]
    elif what == "h_n":
        d_h_0 = d_h_n
    elif what == "x":
        d_x = d_x[::-1]
    return d_x, d_h_0, *rest


def _d_z(tape: Any, d: Array, d_h_n: Array) -> Array:
    x, h, _, U = tape
    d_z, d_h = np.empty_like(h[1:]), d_h_n
    for t in reversed(range(len(x))):
        d_z[t] = (d_h + d[t]) * (1 - h[t + 1] ** 2)
        d_h = d_z[t] @ U
    return np.asarray(d_z)


def _first_share(tape: Any, d: Array, d_h_n: Array, h: Array) -> Array:
    return np.asarray(_d_z(tape, d, d_h_n)[0].T @ h)


def _forwards(tape: Any, d: Array, d_h_n: Array) -> tuple[Array, ...]:
    x, h, W, U = tape
    d_h, d_x, shares = d_h_n, [], []
    for t in range(len(x)):
        d_x_t, d_h, *share = Elman().step_backward(d_h + d[t], x[t], h[t], h[t + 1], W, U)
        d_x.append(d_x_t)
        shares.append(share)
    d_W, d_U, d_b = (np.sum(part, axis=0) for part in zip(*shares, strict=True))
    return np.stack(d_x), d_h, d_W, d_U, d_b, d_b
