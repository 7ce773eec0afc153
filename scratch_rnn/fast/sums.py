"""Long sums in short pieces, for a smaller rounding error (blocked summation).

A gradient is a sum over all N = T·B rows. If they are added one after the other in float32, late
terms are added to a large sum, and each addition rounds at the size of that sum. Here each piece is
summed by itself, and then the sums of the pieces: the error grows with the length of a piece and
with their number, but not with the product of both (Higham 2002, section 4.2).
"""

import numpy as np
from jaxtyping import Float

from scratch_rnn.arrays import Array

ROWS = 32
"""Rows of a piece in a sum of rows."""

PRODUCT_ROWS = 128
"""Rows of a piece in a sum of products. Shorter pieces are more accurate and slower."""


def sum_of_rows(d: Float[Array, "*G N H"]) -> Float[Array, "*G H"]:
    """Return Σ_n d_n, for each gate."""
    gradient: Array = sum_in_pieces(d).astype(d.dtype)
    return gradient


def sum_in_pieces(d: Float[Array, "*G N H"], /) -> Float[Array, "*G H"]:
    """Return Σ_n d_n; the sums of the pieces are added up in float64."""
    *G, N, H = d.shape
    whole = N - N % ROWS
    ones = np.ones(ROWS, d.dtype)  # a sum over rows, as a product
    pieces = ones @ d[..., :whole, :].reshape(*G, whole // ROWS, ROWS, H)  # (G, N // ROWS, H)
    total: Array = pieces.sum(axis=-2, dtype=np.float64)
    total += d[..., whole:, :].sum(axis=-2, dtype=np.float64)
    return total


def sum_of_products(d: Float[Array, "*G N H"], x: Float[Array, "N V"]) -> Float[Array, "*G H V"]:
    """Return Σ_n d_n x_n^T, for each gate."""
    d_T = d.swapaxes(-1, -2)  # (G, H, N)
    total: Array = d_T[..., :PRODUCT_ROWS] @ x[:PRODUCT_ROWS]  # (G, H, V)
    for n in range(PRODUCT_ROWS, len(x), PRODUCT_ROWS):
        total += d_T[..., n : n + PRODUCT_ROWS] @ x[n : n + PRODUCT_ROWS]
    return total
