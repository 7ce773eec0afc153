"""The product inside the recurrence, ``h W^T``, asked of BLAS in the way it answers fastest.

A recurrent product has few rows (B is 32, say) and is taken T times with the same W. A general
matrix product first copies W into a packed layout, which for so few rows costs as much as the
arithmetic. BLAS libraries have a second way for *small* products that reads W where it lies; so
we ask for ``h W^T`` as several small products, each for a block of W's rows.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

SMALL = 100**3
"""Multiplications up to which OpenBLAS takes its kernel for small products."""


def times_transposed(
    W: Float[np.ndarray, "N K"], B: int
) -> Callable[[Float[np.ndarray, "B K"]], Float[np.ndarray, "B N"]]:
    """Return the function ``h -> h W^T`` for h of shape (B, K).

    Parameters
    ----------
    W : ndarray of shape (N, K), C-contiguous
    B : int
        Rows of each h that is to come.

    Returns
    -------
    function
        Its result, of shape (B, N), is one array that the next call fills anew.
    """
    N, K = W.shape
    product = np.empty((B, N), W.dtype)
    rows = rows_of_a_block(N, K, B)
    if rows == 0:
        return times_large(W, product.reshape(N, B))
    W_blocks = W.reshape(N // rows, rows, K).transpose(0, 2, 1)  # (blocks, K, rows), a view
    product_blocks = product.reshape(B, N // rows, rows).transpose(1, 0, 2)  # (blocks, B, rows)
    return lambda h: np.matmul(h, W_blocks, out=product_blocks).transpose(1, 0, 2).reshape(B, N)


def rows_of_a_block(N: int, K: int, B: int) -> int:
    """Return how many of W's N rows make a small product with h; 0 if not even 16 do."""
    return next((rows for rows in (32, 16) if N % rows == 0 and rows * K * B <= SMALL), 0)


def times_large(
    W: Float[np.ndarray, "N K"], product_T: Float[np.ndarray, "N B"]
) -> Callable[[Float[np.ndarray, "B K"]], Float[np.ndarray, "B N"]]:
    """Return the same for products that aren't small: fastest as W h^T, with samples as columns."""
    return lambda h: np.matmul(W, h.T, out=product_T).T
