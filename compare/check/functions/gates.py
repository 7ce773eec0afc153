"""The GRU and the LSTM of the exercise, with each part in which a mistake can be as a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.check.functions.equations import Array, Equations


class Gated(Equations):
    """What the cells with gates share."""

    def products(
        self, x: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
    ) -> tuple[Array, Array]:
        """Return W_ih x + b_ih and W_hh h + b_hh, of all gates side by side."""
        a = self.added(self.move(x @ W_ih.T), b_ih)
        return a, self.added(self.move(h @ W_hh.T), b_hh)

    def sigmoid(self, a: Array) -> Array:
        """Return σ(a), by way of tanh: where σ is nearly 0 that leaves the fewest digits."""
        return np.asarray(self.move((1 + self.move(np.tanh(a / 2))) / 2))

    def tanh(self, a: Array) -> Array:
        """Return tanh(a)."""
        return np.asarray(self.move(np.tanh(a)))

    def slope_of_sigmoid(self, s: Array) -> Array:
        """Return σ'(a), by way of its value."""
        return np.asarray(self.move(s * self.move(1 - s)))

    def slope_of_gate(self, gate: str, s: Array) -> Array:
        """Return σ'(a) of one gate."""
        return self.slope_of_sigmoid(s)

    def slope_of_tanh(self, n: Array) -> Array:
        """Return tanh'(a), by way of its value."""
        return np.asarray(self.move(1 - self.move(n * n)))

    def product(self, *factors: Array) -> Array:
        """Return a product whose partial products are moved."""
        total = factors[0]
        for factor in factors[1:]:
            total = self.move(total * factor)
        return total

    def through(self, d_u: Array, W_hh: Array) -> Array:
        """Return what goes back through W_hh."""
        return np.asarray(d_u @ W_hh)

    def shares(self, d_a: Array, d_u: Array, x_t: Array, h: Array) -> tuple[Array, Array]:
        """Return one step's shares of the gradients of W_ih and W_hh."""
        return d_a.T @ x_t, d_u.T @ h


class GRU(Gated):
    """A gated recurrent unit, as torch.nn.GRU has it."""

    cell = "gru"
    gates, computed = ("r", "z", "n", "q"), ("r", "z", "q", "n", "h_next")
    seen = ("x_t", "h", "gates")
    tape_names = ("x", "h", "gates", "W_ih", "W_hh")
    d_biases = ("d_b_ih", "d_b_hh")

    def new(self, a_n: Array, r: Array, q: Array) -> Array:
        """Return n_t."""
        return self.tanh(self.added(a_n, self.move(r * q)))

    def mixed(self, z: Array, n: Array, h: Array) -> Array:
        """Return h_t."""
        return self.added(self.product(self.move(1 - z), n), self.move(z * h))

    def step(self, x_t: Array, *given: Array) -> Any:
        """Return h_t and the gates (r, z, n, q)."""
        a, u = self.products(x_t, *given)
        (a_r, a_z, a_n), (u_r, u_z, q) = np.split(a, 3, axis=1), np.split(u, 3, axis=1)
        r, z = self.sigmoid(self.added(a_r, u_r)), self.sigmoid(self.added(a_z, u_z))
        n = self.new(a_n, r, q)
        return self.mixed(z, n, given[0]), (r, z, n, q)

    def d_q(self, d_a_n: Array, r: Array) -> Array:
        """Return the gradient of q_t."""
        return np.asarray(self.move(d_a_n * r))

    def direct(self, d_h: Array, z: Array) -> Array:
        """Return what goes back to h_{t-1} as it is, past the gates."""
        return np.asarray(self.move(d_h * z))

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return (d_x_t, d_h, d_W_ih, d_W_hh, d_b_ih, d_b_hh)."""
        d_h, x_t, h, (r, z, n, q), W_ih, W_hh = given
        d_a_n = self.product(d_h, self.move(1 - z), self.slope_of_tanh(n))
        d_a_z = self.product(d_h, self.move(h - n), self.slope_of_gate("z", z))
        d_a_r = self.product(d_a_n, q, self.slope_of_gate("r", r))
        d_a = np.concatenate([d_a_r, d_a_z, d_a_n], axis=1)
        d_u = np.concatenate([d_a_r, d_a_z, self.d_q(d_a_n, r)], axis=1)
        before = self.added(self.direct(d_h, z), self.move(self.through(d_u, W_hh)))
        results = d_a @ W_ih, before, *self.shares(d_a, d_u, x_t, h), d_a.sum(0), d_u.sum(0)
        moved: tuple[Array, ...] = self.move(results)
        return moved

    def seen_at(self, t: int, x: Array, kept: Sequence[Any]) -> tuple[Any, ...]:
        """Return x_t, h_{t-1} and the gates of step t."""
        h, gates = kept
        return x[t], h[t], gates[t]


class LSTM(Gated):
    """A long short-term memory, as torch.nn.LSTM has it."""

    cell = "lstm"
    states = ("h", "c")
    gates, computed = ("i", "f", "g", "o"), ("i", "f", "g", "o", "c_next", "h_next")
    seen = ("x_t", "h", "c", "c_next", "gates")
    tape_names = ("x", "h", "c", "gates", "W_ih", "W_hh")

    def forget(self, a_f: Array, i: Array) -> Array:
        """Return f_t."""
        return self.sigmoid(a_f)

    def output(self, a_o: Array, c_next: Array) -> Array:
        """Return o_t."""
        return self.sigmoid(a_o)

    def remembered(self, f: Array, c: Array, i: Array, g: Array) -> Array:
        """Return c_t."""
        return self.added(self.move(f * c), self.move(i * g))

    def told(self, o: Array, c_next: Array) -> Array:
        """Return h_t."""
        return np.asarray(self.move(o * self.move(np.tanh(c_next))))

    def step(self, x_t: Array, *given: Array) -> Any:
        """Return h_t, c_t and the gates (i, f, g, o)."""
        h, c, *weights = given
        a_i, a_f, a_g, a_o = np.split(self.added(*self.products(x_t, h, *weights)), 4, axis=1)
        i, g = self.sigmoid(a_i), self.tanh(a_g)
        f = self.forget(a_f, i)
        c_next = self.remembered(f, c, i, g)
        o = self.output(a_o, c_next)
        return self.told(o, c_next), c_next, (i, f, g, o)

    def reaching(self, d_h: Array, d_c: Array, o: Array, tanh_c: Array) -> Array:
        """Return all that reaches c_t."""
        return self.added(self.product(d_h, o, self.slope_of_tanh(tanh_c)), d_c)

    def d_c(self, d_c_t: Array, f: Array) -> Array:
        """Return the gradient of c_{t-1}."""
        return np.asarray(d_c_t * f)

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return (d_x_t, d_h, d_c, d_W_ih, d_W_hh, d_b)."""
        d_h, d_c, x_t, h, c, c_next, (i, f, g, o), W_ih, W_hh = given
        tanh_c = self.move(np.tanh(c_next))
        d_c_t = self.reaching(d_h, d_c, o, tanh_c)
        d_a_i = self.product(d_c_t, g, self.slope_of_gate("i", i))
        d_a_f = self.product(d_c_t, c, self.slope_of_gate("f", f))
        d_a_g = self.product(d_c_t, i, self.slope_of_tanh(g))
        d_a_o = self.product(d_h, tanh_c, self.slope_of_gate("o", o))
        d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)
        before = self.through(d_a, W_hh), self.d_c(d_c_t, f)
        results = d_a @ W_ih, *before, *self.shares(d_a, d_a, x_t, h), d_a.sum(0)
        moved: tuple[Array, ...] = self.move(results)
        return moved

    def seen_at(self, t: int, x: Array, kept: Sequence[Any]) -> tuple[Any, ...]:
        """Return x_t, h_{t-1}, c_{t-1}, c_t and the gates of step t."""
        h, c, gates = kept
        return x[t], h[t], c[t], c[t + 1], gates[t]
