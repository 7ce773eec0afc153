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
from functools import partial
from typing import Any

import numpy as np

from compare.check.cases.parts import Case
from compare.check.functions.drawing import Kinds, draw_backward, draw_step
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


def draw_steps(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw single steps."""
    rng = np.random.default_rng([seed, 7])
    for case in draw_step(signatures_of("rnn"), seed, kinds):
        own = case.inputs
        d_next = rng.normal(size=own["h"].shape).astype(case.dtype)
        yield _case(case, {"x": own["x_t"], "prev_h": own["h"], "dnext_h": d_next})


def draw_sequences(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw sequences."""
    for case in draw_backward(signatures_of("rnn"), seed, kinds):
        own = case.inputs
        x, dh = (np.ascontiguousarray(own[name].swapaxes(0, 1)) for name in ("x", "d_output"))
        yield _case(case, {"x": x, "h0": own["h_0"], "dh": dh})


def _case(case: Case, inputs: dict[str, Any]) -> Case:
    """Return a case in CS231n's letters, with the weights of `case`."""
    own = case.inputs
    weights = {
        "Wx": np.ascontiguousarray(own["W_ih"].T),
        "Wh": np.ascontiguousarray(own["W_hh"].T),
        "b": own["b_ih"] + own["b_hh"],
    }
    words = case.words.replace("B ", "N ").replace("V ", "D ")
    sizes = {{"B": "N", "V": "D"}.get(letter, letter): n for letter, n in case.sizes.items()}
    return Case(words, inputs | weights, case.dtype, sizes)


STEP_EQUATION = "next_h = tanh(x Wx + prev_h Wh + b)"
BACK_EQUATION = (
    "dz = dnext_h ⊙ (1 - next_h²)\n"
    "dx = dz Wxᵀ,   dprev_h = dz Whᵀ,   dWx = xᵀ dz,   dWh = prev_hᵀ dz,   db = Σ_n dz"
)
SUMS = "the last three summed over the steps; dnext_h is dh_t + dprev_h of t+1"

_stage = partial(Stage, wrap=AsCS231n)

CS231N_STAGES = (
    _stage("rnn_step_forward", STEP_EQUATION, STEP.run_forward, draw_steps, kind="step"),
    _stage("rnn_step_backward", BACK_EQUATION, STEP.run_backward, draw_steps, kind="step_backward"),
    _stage(
        "rnn_forward",
        f"{STEP_EQUATION}   for t = 1 … T, from h0",
        SEQUENCE.run_forward,
        draw_sequences,
        kind="forward",
    ),
    _stage(
        "rnn_backward",
        f"{BACK_EQUATION}\n{SUMS}",
        SEQUENCE.run_backward,
        draw_sequences,
        kind="backward",
    ),
)
"""The four, in the order of the assignment."""
