"""Mistakes in the cells with gates; the catalogue has those that people made in libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.check.functions.equations import Array
from compare.check.mistakes.backward import BACK
from compare.check.mistakes.forward import FORWARD, STEP
from compare.check.mistakes.mistake import mistake
from compare.check.mistakes.through_time import BPTT

LSTM = ("lstm",)


def _each_block(W: Array, change: Any) -> Array:
    """Change each gate's block of a weight or a bias."""
    return np.concatenate([change(block) for block in np.split(W, len(W) // W.shape[1])])


def _shuffled(array: Array, order: tuple[int, ...], axis: int) -> Array:
    blocks = np.split(array, len(order), axis=axis)
    return np.concatenate([blocks[k] for k in order], axis=axis)


def _in_order(*order: int) -> Any:
    """Return products whose gates stand in another order."""

    def products(self: Any, x: Array, h: Array, W: Array, U: Array, b: Array, c: Array) -> Any:
        a, u = x @ W.T + b, h @ U.T + c
        return _shuffled(a, order, 1), _shuffled(u, order, 1)

    return products


OF_GATES = (
    mistake("b_ih is not added", STEP, products=lambda s, x, h, W, U, b, c: (x @ W.T, h @ U.T + c)),
    mistake("b_hh is not added", STEP, products=lambda s, x, h, W, U, b, c: (x @ W.T + b, h @ U.T)),
    mistake("neither bias is added", STEP, products=lambda s, x, h, W, U, b, c: (x @ W.T, h @ U.T)),
    mistake(
        "W_hh is not transposed: in each gate's block the units read the wrong weights",
        STEP,
        products=lambda s, x, h, W, U, b, c: (
            x @ W.T + b,
            h @ _each_block(U, np.transpose).T + c,
        ),
    ),
    mistake(
        "the state is not used: W_hh h is missing",
        STEP,
        products=lambda s, x, h, W, U, b, c: (x @ W.T + b, 0 * h @ U.T + c),
    ),
    mistake(
        "the input is not used: W_ih x is missing",
        STEP,
        products=lambda s, x, h, W, U, b, c: (0 * x @ W.T + b, h @ U.T + c),
    ),
    mistake(
        "the gates are read in the order z, r, n, as Keras has them",
        STEP,
        of=("gru",),
        products=_in_order(1, 0, 2),
    ),
    mistake(
        "the gates are read in the order i, f, o, g, as CS231n has them",
        STEP,
        of=LSTM,
        products=_in_order(0, 1, 3, 2),
    ),
    mistake(
        "the gates are read in the order f, i, g, o",
        STEP,
        of=LSTM,
        products=_in_order(1, 0, 2, 3),
    ),
    mistake("tanh stands where σ belongs", STEP, sigmoid=lambda self, a: np.tanh(a)),
    mistake(
        "σ is the hard one: 0.2 a + 0.5, cut off at 0 and 1",
        STEP,
        sigmoid=lambda self, a: np.clip(0.2 * a + 0.5, 0, 1),
    ),
    mistake(
        "σ has the wrong sign: 1 / (1 + e^a)",
        STEP,
        sigmoid=lambda self, a: (1 + np.tanh(-a / 2)) / 2,
    ),
    mistake(
        "σ is written e^a / (1 + e^a), which overflows for large inputs",
        STEP,
        sigmoid=lambda self, a: np.exp(a) / (1 + np.exp(a)),
    ),
    mistake("σ is missing", STEP, sigmoid=lambda self, a: a),
    # The GRU
    mistake(
        "the reset gate is not used: n = tanh(W_in x + b_in + q)",
        STEP,
        new=lambda self, a_n, r, q: np.tanh(a_n + q),
    ),
    mistake(
        "the reset gate multiplies the input's part too",
        STEP,
        new=lambda self, a_n, r, q: np.tanh(r * (a_n + q)),
    ),
    mistake("the old state is not mixed in", STEP, mixed=lambda self, z, n, h: (1 - z) * n),
    mistake("n is not multiplied by 1 - z", STEP, mixed=lambda self, z, n, h: n + z * h),
    mistake("h is not multiplied by z", STEP, mixed=lambda self, z, n, h: (1 - z) * n + h),
    # The LSTM
    mistake("the output gate is not used", STEP, told=lambda self, o, c_next: np.tanh(c_next)),
    mistake("the forget gate is taken to be 1 - i", STEP, forget=lambda self, a_f, i: 1 - i),
    mistake(
        "the output gate also sees c_next, as in LSTMs with peepholes",
        STEP,
        output=lambda self, a_o, c_next: (1 + np.tanh((a_o + c_next) / 2)) / 2,
    ),
    mistake(
        "the forget gate is not used: c_next = c + i ⊙ g",
        STEP,
        remembered=lambda self, f, c, i, g: c + i * g,
    ),
    mistake(
        "the input gate is not used: c_next = f ⊙ c + g",
        STEP,
        remembered=lambda self, f, c, i, g: f * c + g,
    ),
    mistake(
        "the forget and the input gate change places in c_next",
        STEP,
        remembered=lambda self, f, c, i, g: i * c + f * g,
    ),
    mistake(
        "the old cell is not used: c_next = i ⊙ g", STEP, remembered=lambda self, f, c, i, g: i * g
    ),
    mistake(
        "the given c_0 is ignored, and the first step begins with a cell of zeros",
        FORWARD,
        of=LSTM,
        forward=lambda self, x, h_0, c_0, *w: self.right.forward(x, h_0, 0 * c_0, *w),
    ),
    mistake(
        "the given h_0 is ignored, and the first step begins with an output of zeros",
        FORWARD,
        of=LSTM,
        forward=lambda self, x, h_0, c_0, *w: self.right.forward(x, 0 * h_0, c_0, *w),
    ),
    mistake(
        "h_0 and c_0 change places",
        FORWARD,
        of=LSTM,
        forward=lambda self, x, h_0, c_0, *w: self.right.forward(x, c_0, h_0, *w),
    ),
    mistake(
        "h_n and c_n change places",
        FORWARD,
        of=LSTM,
        forward=lambda self, *args: _turned(*self.right.forward(*args)),
    ),
)


def _turned(output: Array, last: Any, tape: Any) -> Any:
    return output, last[::-1], tape


SIGMOIDS = {
    "gru": {"r": "reset", "z": "update"},
    "lstm": {"i": "input", "f": "forget", "o": "output"},
}
"""The gates that σ gives, in words."""


def _without_slope(missing: str) -> Any:
    """Return slopes of σ, of which that of one gate is 1."""

    def slope_of_gate(self: Any, gate: str, s: Array) -> Array:
        return np.ones_like(s) if gate == missing else self.slope_of_sigmoid(s)

    return slope_of_gate


OF_GATES_BACK = (
    mistake(
        "the slope of σ is written 1 - s, the factor s forgotten",
        BACK,
        slope_of_sigmoid=lambda self, s: 1 - s,
    ),
    mistake(
        "the slope of σ is written s, the factor 1 - s forgotten",
        BACK,
        slope_of_sigmoid=lambda self, s: s,
    ),
    mistake(
        "the slope of tanh, 1 - s², stands where that of σ belongs",
        BACK,
        slope_of_sigmoid=lambda self, s: 1 - s * s,
    ),
    mistake("the slope of σ is missing", BACK, slope_of_sigmoid=lambda self, s: np.ones_like(s)),
    *(
        mistake(
            f"the slope of σ is missing in the {name} gate",
            BACK,
            of=(cell,),
            slope_of_gate=_without_slope(gate),
        )
        for cell, gates in SIGMOIDS.items()
        for gate, name in gates.items()
    ),
    mistake(
        "the slope of tanh is written 1 - n, the square forgotten",
        BACK,
        slope_of_tanh=lambda self, n: 1 - n,
    ),
    mistake("the slope of tanh is missing", BACK, slope_of_tanh=lambda self, n: np.ones_like(n)),
    mistake(
        "the slope of σ stands where tanh's belongs",
        BACK,
        slope_of_tanh=lambda self, n: n * (1 - n),
    ),
    mistake(
        "W_hh is transposed block by block where the gradient goes back through it",
        BACK,
        through=lambda self, d_u, U: d_u @ _each_block(U, np.transpose),
    ),
    mistake(
        "the gradient of h does not go back through W_hh",
        BACK,
        through=lambda self, d_u, U: np.zeros((len(d_u), U.shape[1])),
    ),
    mistake(
        "the gradients of the weights are means over the batch, not sums",
        BACK,
        shares=lambda self, d_a, d_u, x, h: (d_a.T @ x / len(x), d_u.T @ h / len(h)),
    ),
    mistake(
        "the gradient of W_hh is transposed",
        BACK,
        shares=lambda self, d_a, d_u, x, h: (d_a.T @ x, h.T @ d_u),
    ),
    mistake(
        "the gradient of W_ih is transposed",
        BACK,
        shares=lambda self, d_a, d_u, x, h: (x.T @ d_a, d_u.T @ h),
    ),
    # The GRU
    mistake(
        "the reset gate is left out on the way back: δa_n stands where δq belongs",
        BACK,
        d_q=lambda self, d_a_n, r: d_a_n,
    ),
    mistake(
        "the gradient along z ⊙ h is multiplied by 1 - z",
        BACK,
        direct=lambda self, d_h, z: d_h * (1 - z),
    ),
    # The LSTM
    mistake(
        "the gradient that later steps hand back to c is left out",
        BACK,
        reaching=lambda self, d_h, d_c, o, tanh_c: d_h * o * (1 - tanh_c**2),
    ),
    mistake(
        "the output gate is left out on the way from h to c",
        BACK,
        reaching=lambda self, d_h, d_c, o, tanh_c: d_h * (1 - tanh_c**2) + d_c,
    ),
    mistake(
        "the gradient does not go from h to c", BACK, reaching=lambda self, d_h, d_c, o, c: d_c
    ),
    mistake(
        "d_h_n is not used",
        BPTT,
        of=LSTM,
        backward=lambda self, tape, d, d_h_n, d_c_n: self.right.backward(tape, d, 0 * d_h_n, d_c_n),
    ),
)
