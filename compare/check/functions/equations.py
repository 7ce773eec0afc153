"""The six functions of the exercise, with each part in which a mistake can be as a method.

`Equations` is what the three cells have in common: a sequence is made of steps. `Elman` is here,
`GRU` and `LSTM` are in `compare.check.functions.gates`. Letters and order are those of the templates. All are
right; a mistake is a subclass that changes one part (`compare.check.mistakes`), so that its numbers
can be laid beside a submission's.

Every intermediate result goes through `move`, which by default leaves it as it is. A submission's
code rounds in other places than ours: it adds in another order, or takes log p where we take a
difference. So what rounding may do is measured with every intermediate result moved to a
neighbouring float: Monte Carlo arithmetic in full. Where a gap between two numbers is nearly
nothing, as p - 1 is for a sure answer, that makes all the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from compare.parity import Move, unmoved

Array = np.ndarray


class Equations:
    """A recurrent cell over a sequence; the loss; the clipping.

    Parameters
    ----------
    move : function of a value, optional
        Applied to every intermediate result.
    """

    cell: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[tuple[str, ...]] = ()  # what a step gives beside the state, for its way back
    computed: ClassVar[tuple[str, ...]]  # what a step gives, in the order in which it is computed
    seen: ClassVar[tuple[str, ...]]  # what a step back is handed beside gradients and weights
    d_biases: ClassVar[tuple[str, ...]] = ("d_b",)  # what it gives
    tape_names: ClassVar[tuple[str, ...]]  # of the tape that the template suggests

    def __init__(self, move: Move = unmoved) -> None:
        self.move = move
        self.right: Equations = self  # the same cell without a mistake

    # A step, and its way back -------------------------------------------------------------------

    def step(self, x_t: Array, *states_and_weights: Array) -> Any:
        """Return the next states, and the gates in a tuple if there are any."""
        raise NotImplementedError

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return the gradients of x_t, of the states before, of both weights and of the biases."""
        raise NotImplementedError

    def seen_at(self, t: int, x: Array, kept: Sequence[Any]) -> tuple[Any, ...]:
        """Return what the step back of step t is handed, from all states and gates."""
        raise NotImplementedError

    # The parts of a sequence --------------------------------------------------------------------

    def first(self, h_0: Array) -> Array:
        """Return the state before the first step."""
        return h_0

    def handed_on(self, h: Array, h_0: Array) -> Array:
        """Return the state that the next step begins with."""
        return h

    def given(self, h: Sequence[Array]) -> tuple[Array, Array]:
        """Return (output, h_n) of the states h_0, h_1 … h_T."""
        return np.stack(h[1:]), h[-1]

    def last(self, d_h_n: Array) -> Array:
        """Return what step T+1 hands back to h_T."""
        return d_h_n

    def together(self, d_output: Array, d_h: Array, t: int, T: int) -> Array:
        """Return all that reaches h_t."""
        return self.added(d_output, d_h)

    def over_steps(self, shares: Sequence[Array]) -> Array:
        """Sum up the steps' shares, which come from the last step to the first."""
        return self.added(*shares)

    def biases(self, *d_b: Array) -> tuple[Array, ...]:
        """Return the gradients of b_ih and b_hh."""
        return d_b[0], d_b[-1].copy()

    def d_h_0(self, d_h: Array) -> Array:
        """Return the gradient of h_0."""
        return d_h

    # The six functions --------------------------------------------------------------------------

    def forward(self, x: Array, *given: Array) -> tuple[Array, Any, Any]:
        """Return (output, h_n, tape); for two states (output, (h_n, c_n), tape)."""
        S = len(self.states)
        firsts, weights = given[:S], given[S:]
        kept: list[list[Any]] = [[self.first(state)] for state in firsts]
        before, gates = [states[0] for states in kept], []
        for x_t in x:
            after, gates_t = self.parts_of(self.step(x_t, *before, *weights))
            gates.append(gates_t)
            for states, state in zip(kept, after, strict=True):
                states.append(state)
            before = [self.handed_on(s, s_0) for s, s_0 in zip(after, firsts, strict=True)]
        output, h_n = self.given(kept[0])
        last = (h_n, *(states[-1] for states in kept[1:])) if S > 1 else h_n
        return output, last, self.tape(x, kept, gates, weights)

    def parts_of(self, result: Any) -> tuple[Any, Any]:
        """Part what a step gives into the states and the gates."""
        return (result[:-1], result[-1]) if self.gates else ((result,), ())

    def tape(self, x: Array, kept: Any, gates: Any, weights: Sequence[Array]) -> tuple[Any, ...]:
        """Return the tape that the template suggests."""
        return x, *map(np.stack, kept), *([gates] if self.gates else []), *weights[:2]

    def backward(self, tape: Any, d_output: Array, *d_last: Array) -> tuple[Array, ...]:
        """Return the gradients of x, of the first states, and of weights and biases."""
        x, *kept, W_ih, W_hh = tape
        S, T = len(self.states), len(x)
        d_x, shares = [], []
        d_states: Sequence[Array] = [self.last(d) for d in d_last]
        for t in reversed(range(T)):
            d_h, *others = d_states
            d_states = [self.together(d_output[t], d_h, t, T), *others]
            seen = self.seen_at(t, x, kept)
            d_x_t, *found = self.step_backward(*d_states, *seen, W_ih, W_hh)
            d_x.append(d_x_t)
            d_states, share = found[:S], found[S:]
            shares.append(share)
        d_W_ih, d_W_hh, *d_b = (self.over_steps(part) for part in zip(*shares, strict=True))
        d_firsts = [self.d_h_0(d) for d in d_states]
        return np.stack(d_x[::-1]), *d_firsts, d_W_ih, d_W_hh, *self.biases(*d_b)

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Any, Array]:
        """Return (loss, d_logits), by way of log Σ exp."""
        rows = np.arange(len(logits))
        largest = logits.max(axis=1, keepdims=True)
        e = self.move(np.exp(self.move(logits - largest)))
        log_sum = self.added(largest, self.move(np.log(self.added(*e.T[:, :, None]))))
        log_p = self.move(logits - log_sum)
        p = self.move(np.exp(log_p))
        loss = self.added(*-log_p[rows, targets][:, None]) / len(logits)
        p[rows, targets] -= 1
        return self.move(loss)[0], self.move(self.move(p) / len(logits))

    def clip_grad_norm(self, gradients: list[Array], max_norm: float) -> Any:
        """Scale the gradients in place; return their norm."""
        squares = [self.move((g * g).sum(keepdims=True).reshape(1)) for g in gradients]
        norm = self.move(np.sqrt(self.added(*squares)))
        scale = self.move(np.minimum(1, max_norm / self.move(norm + norm.dtype.type(1e-6))))
        for gradient in gradients:
            gradient[...] = self.move(gradient * scale)
        return norm[0]

    def added(self, first: Array, *parts: Array) -> Array:
        """Return a sum whose partial sums are moved."""
        total = first
        for part in parts:
            total = self.move(total + part)
        return np.asarray(total)


class Elman(Equations):
    """An Elman network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)."""

    cell = "rnn"
    computed = ("h_next",)
    seen = ("x_t", "h", "h_next")
    tape_names = ("x", "h", "W_ih", "W_hh")

    def sum(self, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Array:
        """Return z_t, of which h_t is the tanh."""
        return self.added(self.move(x @ W_ih.T), b_ih, self.move(h @ W_hh.T), b_hh)

    def tanh(self, z: Array) -> Array:
        """Return h_t of z_t."""
        return np.asarray(self.move(np.tanh(z)))

    def slope(self, h_next: Array, h: Array) -> Array:
        """Return tanh'(z), by way of its value."""
        return np.asarray(self.move(1 - self.move(h_next * h_next)))

    def d_x(self, d_z: Array, d_h: Array, W_ih: Array) -> Array:
        """Return the gradient of x_t."""
        return np.asarray(d_z @ W_ih)

    def d_h(self, d_z: Array, d_h: Array, W_hh: Array) -> Array:
        """Return the gradient of h_{t-1}."""
        return np.asarray(d_z @ W_hh)

    def d_W_ih(self, d_z: Array, x: Array) -> Array:
        """Return one step's share of the gradient of W_ih."""
        return np.asarray(d_z.T @ x)

    def d_W_hh(self, d_z: Array, h: Array, h_next: Array) -> Array:
        """Return one step's share of the gradient of W_hh."""
        return np.asarray(d_z.T @ h)

    def d_b(self, d_z: Array) -> Array:
        """Return one step's share of the gradient of either bias."""
        return np.asarray(d_z.sum(axis=0))

    def step(self, x_t: Array, *given: Array) -> Any:
        """Return h_t."""
        return self.tanh(self.sum(x_t, *given))

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return (d_x_t, d_h, d_W_ih, d_W_hh, d_b)."""
        d_h, x_t, h, h_next, W_ih, W_hh = given
        d_z = self.move(d_h * self.slope(h_next, h))
        results: tuple[Array, ...] = self.move(
            (
                self.d_x(d_z, d_h, W_ih),
                self.d_h(d_z, d_h, W_hh),
                self.d_W_ih(d_z, x_t),
                self.d_W_hh(d_z, h, h_next),
                self.d_b(d_z),
            )
        )
        return results

    def seen_at(self, t: int, x: Array, kept: Sequence[Any]) -> tuple[Any, ...]:
        """Return x_t, h_{t-1} and h_t."""
        (h,) = kept
        return x[t], h[t], h[t + 1]
