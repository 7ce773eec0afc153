"""The six functions with a wobble at every intermediate result: Monte Carlo arithmetic in full.

A stranger's code rounds in other places than ours: it adds in another order, or takes log p where
we take a difference. So what rounding may do is measured with every intermediate result moved to a
neighbouring float, and not only what is read and remembered. Where a gap between two numbers is
nearly nothing, as p - 1 is for a sure answer, that makes all the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.check.equations import Array, Equations
from compare.parity import Move


class Wobbled(Equations):
    """The six functions, each intermediate result of which goes through `move`."""

    def __init__(self, move: Move) -> None:
        self.move = move

    def sum(self, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Array:
        """Return z_t."""
        parts = self.move(x @ W_ih.T), b_ih, self.move(h @ W_hh.T), b_hh
        return self._added(parts)

    def tanh(self, z: Array) -> Array:
        """Return h_t of z_t."""
        moved: Array = self.move(np.tanh(z))
        return moved

    def slope(self, h_next: Array, h: Array) -> Array:
        """Return tanh'(z)."""
        moved: Array = self.move(1 - self.move(h_next * h_next))
        return moved

    def together(self, d_output: Array, d_h: Array, t: int, T: int) -> Array:
        """Return all that reaches h_t."""
        return self._added((d_output, d_h))

    def over_steps(self, shares: Sequence[Array]) -> Array:
        """Sum up the steps' shares."""
        return self._added(tuple(shares))

    def rnn_step_backward(self, d_h: Array, *rest: Array) -> tuple[Array, ...]:  # type: ignore[override]
        """Return (d_x_t, d_h, d_W_ih, d_W_hh, d_b)."""
        x_t, h, h_next, W_ih, W_hh = rest
        d_z = self.move(d_h * self.slope(h_next, h))
        results = d_z @ W_ih, d_z @ W_hh, d_z.T @ x_t, d_z.T @ h, d_z.sum(axis=0)
        moved: tuple[Array, ...] = self.move(results)
        return moved

    def cross_entropy(self, logits: Array, targets: Array) -> tuple[Any, Array]:
        """Return (loss, d_logits), by way of log Σ exp."""
        rows = np.arange(len(logits))
        largest = logits.max(axis=1, keepdims=True)
        e = self.move(np.exp(self.move(logits - largest)))
        log_sum = self._added((largest, self.move(np.log(self._added(tuple(e.T[:, :, None]))))))
        log_p = self.move(logits - log_sum)
        p = self.move(np.exp(log_p))
        loss = self._added(tuple(-log_p[rows, targets][:, None])) / len(logits)
        p[rows, targets] -= 1
        return self.move(loss)[0], self.move(self.move(p) / len(logits))

    def clip_grad_norm(self, gradients: list[Array], max_norm: float) -> Any:
        """Scale the gradients in place; return their norm."""
        squares = tuple(self.move((g * g).sum(keepdims=True).reshape(1)) for g in gradients)
        norm = self.move(np.sqrt(self._added(squares)))
        scale = self.move(np.minimum(1, max_norm / self.move(norm + norm.dtype.type(1e-6))))
        for gradient in gradients:
            gradient[...] = self.move(gradient * scale)
        return norm[0]

    def _added(self, parts: tuple[Array, ...]) -> Array:
        """Return a sum whose partial sums are moved."""
        total = parts[0]
        for part in parts[1:]:
            total = self.move(total + part)
        return total
