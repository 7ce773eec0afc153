"""The four functions of Stanford's CS231n, in their own layout: (N, T, D), weights (in, out).

    rnn_step_forward(x, prev_h, Wx, Wh, b) -> (next_h, cache)
    rnn_step_backward(dnext_h, cache) -> (dx, dprev_h, dWx, dWh, db)
    rnn_forward(x, h0, Wx, Wh, b) -> (h, cache)
    rnn_backward(dh, cache) -> (dx, dh0, dWx, dWh, db)

Their names tell them apart. There is one bias, and no separate gradient of the last state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.cases.parts import Case
from compare.check.functions.drawing import draw_backward, draw_step
from compare.check.functions.plain import Array
from compare.check.functions.signatures import signatures_of
from compare.check.functions.stages import Functions, Inputs, Results, Stage, array, arrays, items
from compare.parity import Move


class AsCS231n:
    """The six functions, right or with a mistake, under these names and in this layout."""

    def __init__(self, functions: Any) -> None:
        self.own = functions

    def rnn_step_forward(
        self, x: Array, prev_h: Array, Wx: Array, Wh: Array, b: Array
    ) -> tuple[Array, Any]:
        """Return (next_h, cache)."""
        next_h = self.own.step(x, prev_h, Wx.T, Wh.T, b, np.zeros_like(b))
        return next_h, (x, prev_h, next_h, Wx.T, Wh.T)

    def rnn_step_backward(self, dnext_h: Array, cache: Any) -> tuple[Array, ...]:
        """Return (dx, dprev_h, dWx, dWh, db)."""
        dx, dprev_h, dWx, dWh, db = self.own.step_backward(dnext_h, *cache)
        return dx, dprev_h, dWx.T, dWh.T, db

    def rnn_forward(self, x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Any]:
        """Return (h, cache)."""
        steps = x.swapaxes(0, 1)
        h, _, tape = self.own.forward(steps, h0, Wx.T, Wh.T, b, np.zeros_like(b))
        return h.swapaxes(0, 1), tape

    def rnn_backward(self, dh: Array, cache: Any) -> tuple[Array, ...]:
        """Return (dx, dh0, dWx, dWh, db)."""
        steps = dh.swapaxes(0, 1)
        dx, dh0, dWx, dWh, db, _ = self.own.backward(cache, steps, np.zeros_like(steps[0]))
        return dx.swapaxes(0, 1), dh0, dWx.T, dWh.T, db


@dataclass(frozen=True, slots=True)
class Pair:
    """The two functions of a step, or of a sequence."""

    forward: str
    backward: str
    state: str  # before the first step
    result: str  # of the forward function, beside the cache

    def run_forward(self, functions: Functions, given: Inputs, move: Move) -> Results:
        """Compute the states."""
        return {self.result: array(self.result, self._forward(functions, given, move)[0])}

    def run_backward(self, functions: Functions, given: Inputs, move: Move) -> Results:
        """Compute the states, then the gradients."""
        _, cache = self._forward(functions, given, move)
        names = ("dx", f"d{self.state}", "dWx", "dWh", "db")
        found = functions.call(self.backward, move(given[f"d{self.result}"]), move(cache))
        return arrays(names, found)

    def _forward(self, functions: Functions, given: Inputs, move: Move) -> tuple[Any, ...]:
        arguments = [move(given[name]) for name in ("x", self.state, "Wx", "Wh", "b")]
        result = functions.call(self.forward, *arguments, keep=(1,))
        return items(result, (self.result, "cache"))


STEP = Pair("rnn_step_forward", "rnn_step_backward", state="prev_h", result="next_h")
SEQUENCE = Pair("rnn_forward", "rnn_backward", state="h0", result="h")


def draw_steps(seed: int) -> Iterator[Case]:
    """Draw single steps."""
    rng = np.random.default_rng([seed, 7])
    for case in draw_step(signatures_of("rnn"), seed):
        own = case.inputs
        inputs = {
            "x": own["x_t"],
            "prev_h": own["h"],
            **_weights(own),
            "dnext_h": rng.normal(size=own["h"].shape).astype(case.dtype),
        }
        yield Case(_renamed(case.words), inputs, case.dtype)


def draw_sequences(seed: int) -> Iterator[Case]:
    """Draw sequences."""
    for case in draw_backward(signatures_of("rnn"), seed):
        own = case.inputs
        inputs = {
            "x": np.ascontiguousarray(own["x"].swapaxes(0, 1)),
            "h0": own["h_0"],
            **_weights(own),
            "dh": np.ascontiguousarray(own["d_output"].swapaxes(0, 1)),
        }
        yield Case(_renamed(case.words), inputs, case.dtype)


def _weights(own: dict[str, Any]) -> dict[str, Any]:
    return {
        "Wx": np.ascontiguousarray(own["W_ih"].T),
        "Wh": np.ascontiguousarray(own["W_hh"].T),
        "b": own["b_ih"] + own["b_hh"],
    }


def _renamed(words: str) -> str:
    return words.replace("B ", "N ").replace("V ", "D ")


STEP_EQUATION = "next_h = tanh(x Wx + prev_h Wh + b)"
BACK_EQUATION = (
    "dz = dnext_h ⊙ (1 - next_h²)\n"
    "dx = dz Wxᵀ,   dprev_h = dz Whᵀ,   dWx = xᵀ dz,   dWh = prev_hᵀ dz,   db = Σ_n dz"
)

CS231N_STAGES = (
    Stage(
        "rnn_step_forward", STEP_EQUATION, STEP.run_forward, draw_steps,
        wrap=AsCS231n, kind="step",
    ),
    Stage(
        "rnn_step_backward", BACK_EQUATION, STEP.run_backward, draw_steps,
        helped_by=("rnn_step_forward",), wrap=AsCS231n, kind="step_backward",
    ),
    Stage(
        "rnn_forward", STEP_EQUATION + "   for t = 1 … T, from h0",
        SEQUENCE.run_forward, draw_sequences,
        helped_by=("rnn_step_forward",), wrap=AsCS231n, kind="forward",
    ),
    Stage(
        "rnn_backward",
        BACK_EQUATION + "\nthe last three summed over the steps; dnext_h is dh_t + dprev_h of t+1",
        SEQUENCE.run_backward, draw_sequences,
        helped_by=("rnn_step_forward", "rnn_step_backward", "rnn_forward"),
        wrap=AsCS231n, kind="backward",
    ),
)  # fmt: skip
"""The four, in the order of the assignment."""
