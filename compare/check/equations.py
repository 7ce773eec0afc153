"""The six functions of the exercise, with each part in which a mistake can be as a method.

`Equations` is right. A mistake is a subclass that changes one part (`compare.check.mistakes`), so
that its numbers can be laid beside a stranger's. Letters and order are those of the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import scratch_rnn

Array = np.ndarray


class Equations:
    """An Elman network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), and what it learns."""

    # The parts of a step ------------------------------------------------------------------------

    def sum(self, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Array:
        """Return z_t, of which h_t is the tanh."""
        return np.asarray(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh)

    def tanh(self, z: Array) -> Array:
        """Return h_t of z_t."""
        return np.asarray(np.tanh(z))

    def slope(self, h_next: Array, h: Array) -> Array:
        """Return tanh'(z), by way of its value."""
        return np.asarray(1 - h_next * h_next)

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

    # The parts of a sequence --------------------------------------------------------------------

    def order(self, T: int) -> Iterable[int]:
        """Return in which order the steps are read."""
        return range(T)

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
        return np.asarray(d_output + d_h)

    def over_steps(self, shares: Sequence[Array]) -> Array:
        """Sum up the steps' shares, which come from the last step to the first."""
        total = shares[0].copy()
        for share in shares[1:]:
            total += share
        return total

    def biases(self, d_b: Array) -> tuple[Array, Array]:
        """Return the gradients of b_ih and b_hh."""
        return d_b, d_b.copy()

    def d_h_0(self, d_h: Array) -> Array:
        """Return the gradient of h_0."""
        return d_h

    # The six functions --------------------------------------------------------------------------

    def rnn_step(
        self, x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
    ) -> Array:
        """Return h_t."""
        return self.tanh(self.sum(x_t, h, W_ih, W_hh, b_ih, b_hh))

    def rnn_forward(
        self, x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
    ) -> tuple[Array, Array, Any]:
        """Return (output, h_n, tape)."""
        h: list[Any] = [self.first(h_0)] + [None] * len(x)
        before = h[0]
        for t in self.order(len(x)):
            h[t + 1] = self.rnn_step(x[t], before, W_ih, W_hh, b_ih, b_hh)
            before = self.handed_on(h[t + 1], h_0)
        return *self.given(h), (x, np.stack(h), W_ih, W_hh)

    def rnn_step_backward(
        self, d_h: Array, x_t: Array, h: Array, h_next: Array, W_ih: Array, W_hh: Array
    ) -> tuple[Array, Array, Array, Array, Array]:
        """Return (d_x_t, d_h, d_W_ih, d_W_hh, d_b)."""
        d_z = d_h * self.slope(h_next, h)
        return (
            self.d_x(d_z, d_h, W_ih),
            self.d_h(d_z, d_h, W_hh),
            self.d_W_ih(d_z, x_t),
            self.d_W_hh(d_z, h, h_next),
            self.d_b(d_z),
        )

    def rnn_backward(
        self, tape: Any, d_output: Array, d_h_n: Array
    ) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Return (d_x, d_h_0, d_W_ih, d_W_hh, d_b_ih, d_b_hh)."""
        x, h, W_ih, W_hh = tape
        d_x, shares, T = [], [], len(x)
        d_h = self.last(d_h_n)
        for t in reversed(range(T)):
            d_h = self.together(d_output[t], d_h, t, T)
            d_x_t, d_h, *share = self.rnn_step_backward(d_h, x[t], h[t], h[t + 1], W_ih, W_hh)
            d_x.append(d_x_t)
            shares.append(share)
        d_W_ih, d_W_hh, d_b = (self.over_steps(part) for part in zip(*shares, strict=True))
        return np.stack(d_x[::-1]), self.d_h_0(d_h), d_W_ih, d_W_hh, *self.biases(d_b)

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Any, Array]:
        """Return (loss, d_logits)."""
        return scratch_rnn.cross_entropy(logits, targets)

    def clip_grad_norm(self, gradients: list[Array], max_norm: float) -> Any:
        """Scale the gradients in place; return their norm."""
        return scratch_rnn.clip_grad_norm(dict(enumerate_names(gradients)), max_norm)


class OfPackage(Equations):
    """The same six functions, out of a package like scratch_rnn: ours, or one with a bug in it."""

    def __init__(self, package: Any) -> None:
        self.package = package

    def rnn_step(
        self, x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
    ) -> Array:
        """Return h_t."""
        _, h_n, _ = self.rnn_forward(x_t[None], h, W_ih, W_hh, b_ih, b_hh)
        return h_n

    def rnn_forward(
        self, x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
    ) -> tuple[Array, Array, Any]:
        """Return (output, h_n, tape)."""
        layer = self._layer(W_ih, W_hh, b_ih, b_hh)
        output, h_n, tape = layer.forward(x, h_0[None])
        return output, h_n[0], (layer, tape)

    def rnn_step_backward(
        self, d_h: Array, x_t: Array, h: Array, h_next: Array, W_ih: Array, W_hh: Array
    ) -> tuple[Array, Array, Array, Array, Array]:
        """Return (d_x_t, d_h, d_W_ih, d_W_hh, d_b)."""
        zeros = np.zeros(len(W_hh), W_hh.dtype)
        layer = self._layer(W_ih, W_hh, zeros, zeros)
        _, _, tape = layer.forward(x_t[None], h[None])
        tape.recurrences[0].h[1] = h_next
        gradients = layer.backward(tape, np.zeros_like(h[None]), d_h[None])
        d_W_ih, d_W_hh, d_b, _ = gradients.parameters.values()
        return gradients.x[0], gradients.h0[0], d_W_ih, d_W_hh, d_b

    def rnn_backward(
        self, tape: Any, d_output: Array, d_h_n: Array
    ) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Return (d_x, d_h_0, d_W_ih, d_W_hh, d_b_ih, d_b_hh)."""
        layer, own = tape
        gradients = layer.backward(own, d_output, d_h_n[None])
        return gradients.x, gradients.h0[0], *gradients.parameters.values()

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Any, Array]:
        """Return (loss, d_logits)."""
        loss, d_logits = self.package.cross_entropy(logits, targets)
        return loss, d_logits

    def clip_grad_norm(self, gradients: list[Array], max_norm: float) -> Any:
        """Scale the gradients in place; return their norm."""
        return self.package.clip_grad_norm(dict(enumerate_names(gradients)), max_norm)

    def _layer(self, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Any:
        layer = self.package.RNN(W_ih.shape[1], len(W_hh), dtype=W_hh.dtype)
        for parameter, value in zip(
            layer.parameters.values(), (W_ih, W_hh, b_ih, b_hh), strict=True
        ):
            parameter[...] = value
        return layer


def enumerate_names(gradients: Sequence[Array]) -> Iterable[tuple[str, Array]]:
    """Name gradients by their place in the list."""
    return ((str(k), gradient) for k, gradient in enumerate(gradients))
