"""How much there is to do: the matrix products of each phase, counted by formula.

A product of (m, k) with (k, n) takes 2·m·k·n floating-point operations, and touches m·k + k·n + m·n
numbers at the least. All other operations (tanh, sums, look-ups of one-hot rows) count as nothing:
the rate that follows is that of the useful products alone, whatever an implementation does besides.

                        forward               backward adds
    recurrence          T × (B, H)·(H, H)     T × (B, H)·(H, H) for δh,  (H, TB)·(TB, H) for δW_hh
    dense input         (TB, V)·(V, H)        (TB, H)·(H, V) for δx,     (H, TB)·(TB, V) for δW_ih
    output layer        (TB, H)·(H, V)        (TB, V)·(V, H) for δh,     (V, TB)·(TB, H) for δW

W_hh is counted as touched in each of the T steps: a cache may hold it, but it has to be read.
"""

from __future__ import annotations

from dataclasses import dataclass

from compare.bench.shapes import Shape

FORWARD = "forward"
BACKWARD = "forward+backward"
STEP = "step"
GENERATION = "generation"
PHASES = {"layer": (FORWARD, BACKWARD), "model": (FORWARD, BACKWARD, STEP, GENERATION)}
"""What can be timed: a step is forward, loss, backward, clipping and update; generation, one
character after the other, counts for each character."""


@dataclass(frozen=True, slots=True)
class Product:
    """One matrix product, (m, k) with (k, n), taken `times` times."""

    m: int
    k: int
    n: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.m * self.k * self.n * self.times

    @property
    def numbers(self) -> int:
        """Entries read and written, each once."""
        return (self.m * self.k + self.k * self.n + self.m * self.n) * self.times


def products(shape: Shape, phase: str) -> list[Product]:
    """Return the products that a phase cannot do without."""
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    if phase == GENERATION:
        return [Product(1, H, H), Product(1, H, V)]
    recurrence = Product(B, H, H, times=T)
    forward = [recurrence, Product(T * B, V, H)]  # with the input's or the output layer's product
    if phase == FORWARD:
        return forward
    backward = [recurrence, Product(H, T * B, H), Product(T * B, H, V), Product(H, T * B, V)]
    return forward + backward


def flops(shape: Shape, phase: str) -> int:
    """Floating-point operations of one call; of one character in generation."""
    return sum(product.flops for product in products(shape, phase))


def numbers(shape: Shape, phase: str) -> int:
    """Numbers that the products touch, in one call or for one character."""
    return sum(product.numbers for product in products(shape, phase))
