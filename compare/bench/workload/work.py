"""The number of operations in the matrix products of each phase, by formula.

A product of (m, k) with (k, n) needs 2·m·k·n floating-point operations. It reads and writes at
least m·k + k·n + m·n numbers. All other operations (tanh, sums, look-ups of one-hot rows) are not
counted. So the rate is that of the necessary products, whatever else an implementation does.

With G gates (1 in a cell without gates) the weights of the cell have G·H rows:

                        forward               backward adds
    recurrence          T × (B, H)·(H, GH)    T × (B, GH)·(GH, H) for δh, (GH, TB)·(TB, H) for δW_hh
    dense input         (TB, V)·(V, GH)       (TB, GH)·(GH, V) for δx,    (GH, TB)·(TB, V) for δW_ih
    output layer        (TB, H)·(H, V)        (TB, V)·(V, H) for δh,      (V, TB)·(TB, H) for δW

W_hh is counted as read in each of the T steps, even if it may come from a cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from compare.bench.workload.shapes import Shape

SCRATCH, REFERENCE = "scratch", "torch"
"""The two rows that are compared with each other before any other row: scratch, and PyTorch on the
CPU. The ratios in the table are relative to the second."""

FORWARD = "forward"
BACKWARD = "forward+backward"
STEP = "step"
GENERATION = "generation"
TIMED, REFUSED, LEFT_OUT = "timed", "refused", "left out"
"""The outcomes of a row in a phase."""

PHASES = {"layer": (FORWARD, BACKWARD), "model": (FORWARD, BACKWARD, STEP, GENERATION)}
"""The phases that can be timed. "step" is forward, loss, backward, clipping and update. Numbers of
"generation" are per character."""


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product of (m, k) with (k, n), computed `times` times."""

    m: int
    k: int
    n: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Number of multiplications and additions."""
        return 2 * self.m * self.k * self.n * self.times

    @property
    def numbers(self) -> int:
        """Number of entries that are read or written, each counted once per product."""
        return (self.m * self.k + self.k * self.n + self.m * self.n) * self.times


def products(shape: Shape, phase: str) -> list[Product]:
    """Return the matrix products that are necessary in a phase."""
    T, B, V, H, GH = shape.T, shape.B, shape.V, shape.H, shape.gates * shape.H
    if phase == GENERATION:
        return [Product(1, H, GH), Product(1, H, V)]
    K = GH if shape.kind == "layer" else H  # the input's product has V·GH, the output layer's V·H
    forward = [Product(B, H, GH, times=T), Product(T * B, V, K)]
    if phase == FORWARD:
        return forward
    backward = [Product(B, GH, H, times=T), Product(GH, T * B, H)]
    return [*forward, *backward, Product(T * B, K, V), Product(K, T * B, V)]


def flops(shape: Shape, phase: str) -> int:
    """Return the floating-point operations of one call; in generation of one character."""
    return sum(product.flops for product in products(shape, phase))


def numbers(shape: Shape, phase: str) -> int:
    """Return how many numbers the products read or write, in one call or for one character."""
    return sum(product.numbers for product in products(shape, phase))
