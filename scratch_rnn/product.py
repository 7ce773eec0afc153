"""The product inside the recurrence, ``h W^T``, asked of BLAS in the way it answers fastest.

A recurrent product has few rows (B is 32, say) and is taken T times with the same W. A general
matrix product first copies W into a packed layout, which for so few rows costs as much as the
arithmetic. BLAS libraries have a second way for *small* products that reads W where it lies; so
we ask for ``h W^T`` as several small products, each for a block of W's rows.
"""

import numpy as np
from jaxtyping import Float

SMALL = 100**3
"""Multiplications up to which OpenBLAS takes its kernel for small products."""


class TimesTransposed:
    """The function ``h -> h W^T``, for many h of the same shape.

    Parameters
    ----------
    W : ndarray of shape (N, K), C-contiguous
        Read at each call, not copied.
    B : int
        Rows of each h, which is of shape (B, K).
    """

    def __init__(self, W: Float[np.ndarray, "N K"], B: int) -> None:
        N, K = W.shape
        rows = rows_of_a_block(N, K, B)
        if rows:
            blocks = N // rows
            self.product = np.empty((B, N), W.dtype)
            self.W_T = W.reshape(blocks, rows, K).transpose(0, 2, 1)  # (blocks, K, rows), a view
            self.out = self.product.reshape(B, blocks, rows).transpose(1, 0, 2)  # (blocks, B, rows)
        else:  # larger products are fastest as W h^T, with a column for each sample
            self.product = self.out = np.empty((N, B), W.dtype).T  # (B, N)
            self.W_T = W.T  # (K, N)

    def __call__(self, h: Float[np.ndarray, "B K"]) -> Float[np.ndarray, "B N"]:
        """Return h W^T in an array that the next call fills anew."""
        np.matmul(h, self.W_T, out=self.out)
        return self.product


def rows_of_a_block(N: int, K: int, B: int) -> int:
    """Return how many of W's N rows make a small product with h; 0 if not even 16 do."""
    return next((rows for rows in (32, 16) if N % rows == 0 and rows * K * B <= SMALL), 0)
