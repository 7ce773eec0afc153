"""The six functions out of a package like scratch_rnn, and a layer out of six functions.

The package is ours, or one with a bug in it; so are the functions.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.check.functions.equations import Array, Elman, Equations
from compare.check.functions.gates import GRU, LSTM
from compare.parity import CELLS
from scratch_rnn.states import arrays_of, state_of

EQUATIONS: dict[str, type[Equations]] = {"rnn": Elman, "gru": GRU, "lstm": LSTM}
"""Of each cell."""


class OfPackage:
    """A package's layer of one cell, its loss and its clipping, as the six functions.

    Parameters
    ----------
    package : module
        With the public names of `scratch_rnn`.
    cell : str
    """

    def __init__(self, package: Any, cell: str) -> None:
        self.package, self.cell = package, cell
        self.kind = EQUATIONS[cell]

    def step(self, x_t: Array, *given: Array) -> Any:
        """Return the next states, and the gates in a tuple if there are any."""
        _, last, (_, tape) = self.forward(x_t[None], *given)
        states = last if isinstance(last, tuple) else (last,)
        if not self.kind.gates:
            return states[0]
        own = tape.recurrences[0]
        gates = (*own.gates[:, 0], *([own.q[0]] if self.cell == "gru" else []))
        return *states, gates

    def forward(self, x: Array, *given: Array) -> tuple[Array, Any, Any]:
        """Return (output, h_n, tape)."""
        S = len(self.kind.states)
        layer = self._layer(given[S:])
        output, last, tape = layer.forward(x, state_of(state[None] for state in given[:S]))
        last = tuple(a[0] for a in last) if S > 1 else last[0]
        return output, last, (layer, tape)

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return the gradients of x_t, of the states before, of both weights and of the biases."""
        S = len(self.kind.states)
        d_states, seen, weights = given[:S], given[S:-2], given[-2:]
        at = dict(zip(self.kind.seen, seen, strict=True))
        none = np.zeros(len(weights[0]), weights[0].dtype)
        before = [at[name] for name in self.kind.states]
        _, _, (layer, tape) = self.forward(at["x_t"][None], *before, *weights, none, none)
        own = tape.recurrences[0]
        if self.cell == "rnn":
            own.h[1] = at["h_next"]
        else:
            own.gates[:, 0] = at["gates"][: len(own.gates)]
        if self.cell == "gru":
            (_, z, n, own.q[0]), h = at["gates"], at["h"]
            own.h[1] = n + z * (h - n)
        if self.cell == "lstm":
            own.c[1], own.tanh_c[0] = at["c_next"], np.tanh(at["c_next"])
        nothing = np.zeros_like(d_states[0][None])
        d_x, *d_before, d_W_ih, d_W_hh, d_b_ih, d_b_hh = self.backward(
            (layer, tape), nothing, *d_states
        )
        d_biases = (d_b_ih, d_b_hh)[: len(self.kind.d_biases)]
        return d_x[0], *d_before, d_W_ih, d_W_hh, *d_biases

    def backward(self, tape: Any, d_output: Array, *d_last: Array) -> tuple[Array, ...]:
        """Return the gradients of x, of the first states, and of weights and biases."""
        layer, own = tape
        gradients = layer.backward(own, d_output, state_of(d[None] for d in d_last))
        firsts = [getattr(gradients, f"{name}0")[0] for name in self.kind.states]
        return gradients.x, *firsts, *gradients.parameters.values()

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Any, Array]:
        """Return (loss, d_logits)."""
        loss, d_logits = self.package.cross_entropy(logits, targets)
        return loss, d_logits

    def clip_grad_norm(self, gradients: list[Array], max_norm: float) -> Any:
        """Scale the gradients in place; return their norm."""
        named = {str(k): gradient for k, gradient in enumerate(gradients)}
        return self.package.clip_grad_norm(named, max_norm)

    def _layer(self, weights: Any) -> Any:
        W_ih, W_hh = weights[:2]
        kind = getattr(self.package, CELLS[self.cell].layer)
        layer = kind(W_ih.shape[1], W_hh.shape[1], dtype=W_hh.dtype)
        for parameter, value in zip(layer.parameters.values(), weights, strict=True):
            parameter[...] = value
        return layer


class AsLayer:
    """Six functions as a recurrent layer of one direction, for `compare.check.cases.layer_results`."""

    def __init__(self, equations: Any) -> None:
        self.equations = equations

    def __call__(self, input_size: int, hidden_size: int, *, dtype: str) -> AsLayer:
        """Build a layer: it is the parameters, which have to be loaded."""
        return AsLayer(self.equations)

    def load(self, parameters: dict[str, Array]) -> None:
        """Take the parameters."""
        self.parameters = parameters

    def forward(self, x: Array, state: Any) -> tuple[Array, Any, Any]:
        """Return (output, h_n, tape)."""
        firsts = (array[0] for array in arrays_of(state))
        output, last, tape = self.equations.forward(x, *firsts, *self.parameters.values())
        return output, state_of(array[None] for array in arrays_of(last)), tape

    def backward(self, tape: Any, d_output: Array, d_state: Any) -> Any:
        """Return the gradients under our names."""
        d_last = [array[0] for array in arrays_of(d_state)]
        d_x, *found = self.equations.backward(tape, d_output, *d_last)
        d_h0, *d_c0 = (d[None] for d in found[: len(d_last)])
        d_parameters = dict(zip(self.parameters, found[len(d_last) :], strict=True))
        return SimpleNamespace(x=d_x, h0=d_h0, c0=next(iter(d_c0), None), parameters=d_parameters)
