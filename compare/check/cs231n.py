"""The four functions of Stanford's CS231n, in their own layout: (N, T, D), weights (in, out).

    rnn_step_forward(x, prev_h, Wx, Wh, b) -> (next_h, cache)
    rnn_step_backward(dnext_h, cache) -> (dx, dprev_h, dWx, dWh, db)
    rnn_forward(x, h0, Wx, Wh, b) -> (h, cache)
    rnn_backward(dh, cache) -> (dx, dh0, dWx, dWh, db)

They are recognized by their names. There is one bias, and no gradient of the last state by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from compare.check.drawing import Case, draw_backward, draw_step
from compare.check.equations import Array, Elman
from compare.check.stages import Functions, Results, Stage, array, items
from compare.parity import Move


class AsCS231n:
    """Our equations, right or with a mistake, under these names and in this layout."""

    def __init__(self, equations: Any) -> None:
        self.own = equations

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


GRADIENTS = ("dWx", "dWh", "db")


def run_step_forward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for one step."""
    result = functions.call("rnn_step_forward", *_step(given, move), keep=(1,))
    next_h, _ = items(result, ("next_h", "cache"))
    return {"next_h": array("next_h", next_h)}


def run_step_backward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for one step, and for its gradients."""
    result = functions.call("rnn_step_forward", *_step(given, move), keep=(1,))
    _, cache = items(result, ("next_h", "cache"))
    names = ("dx", "dprev_h", *GRADIENTS)
    found = functions.call("rnn_step_backward", move(given["dnext_h"]), move(cache))
    return {n: array(n, value) for n, value in zip(names, items(found, names), strict=True)}


def run_forward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for all steps."""
    result = functions.call("rnn_forward", *_sequence(given, move), keep=(1,))
    h, _ = items(result, ("h", "cache"))
    return {"h": array("h", h)}


def run_backward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for all steps, and for their gradients."""
    result = functions.call("rnn_forward", *_sequence(given, move), keep=(1,))
    _, cache = items(result, ("h", "cache"))
    names = ("dx", "dh0", *GRADIENTS)
    found = functions.call("rnn_backward", move(given["dh"]), move(cache))
    return {n: array(n, value) for n, value in zip(names, items(found, names), strict=True)}


def _step(given: dict[str, Any], move: Move) -> tuple[Array, ...]:
    return tuple(move(given[name]) for name in ("x", "prev_h", "Wx", "Wh", "b"))


def _sequence(given: dict[str, Any], move: Move) -> tuple[Array, ...]:
    return tuple(move(given[name]) for name in ("x", "h0", "Wx", "Wh", "b"))


def draw_steps(seed: int) -> Iterator[Case]:
    """Draw single steps."""
    rng = np.random.default_rng([seed, 7])
    for case in draw_step(Elman, seed):
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
    for case in draw_backward(Elman, seed):
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
        "rnn_step_forward", STEP_EQUATION, run_step_forward, draw_steps,
        wrap=AsCS231n, kind="step",
    ),
    Stage(
        "rnn_step_backward", BACK_EQUATION, run_step_backward, draw_steps,
        helped_by=("rnn_step_forward",), wrap=AsCS231n, kind="step_backward",
    ),
    Stage(
        "rnn_forward", STEP_EQUATION + "   for t = 1 … T, from h0", run_forward, draw_sequences,
        helped_by=("rnn_step_forward",), wrap=AsCS231n, kind="forward",
    ),
    Stage(
        "rnn_backward",
        BACK_EQUATION + "\nthe last three summed over the steps; dnext_h is dh_t + dprev_h of t+1",
        run_backward, draw_sequences,
        helped_by=("rnn_step_forward", "rnn_step_backward", "rnn_forward"),
        wrap=AsCS231n, kind="backward",
    ),
)  # fmt: skip
"""The four, in the order of the assignment."""
