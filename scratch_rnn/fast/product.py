"""The product ``h M``, computed in the way that is fastest for BLAS.

A general matrix product first *packs* M: it copies M into the order in which its inner loop reads.
For the few rows of a recurrent product (for example B = 32) that can cost as much as the
arithmetic, and it is repeated in each of T steps with the same M. OpenBLAS has a second method for
*small* products, which reads both matrices in place. So we cut M into panels of a few columns, each
contiguous, and take small products, of a few rows of h with one panel:

    [ h_1 ]                       [ h_1 M_1 | h_1 M_2 | … ]
    [ h_2 ]  [ M_1 | M_2 | … ]  = [ h_2 M_1 | h_2 M_2 | … ]
    [  …  ]                       [    …    |    …    | … ]

All rows of h are multiplied by a few panels before the next panels are read. So a panel is read
from memory once, and from the cache after that.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from scratch_rnn.arrays import Array
from scratch_rnn.fast.memory import empty

SMALL = 100**3
"""Multiplications up to which OpenBLAS uses its method for small products."""

IN_CACHE = 2**18
"""Bytes of panels that stay in a core's own cache while all rows of h are multiplied by them."""


class Times:
    """The function ``h -> h M``, for many h of the same shape.

    Parameters
    ----------
    M : ndarray of shape (K, N), or (G, K, N) for the matrices of G gates
        It must not change: each call may read it. Also an attribute.
    B : int
        Rows of each h, which is of shape (B, K), or (G, B, K) where each gate has its own.
    """

    def __init__(self, M: Float[Array, "*G K N"], B: int) -> None:
        *G, K, N = M.shape
        self.M = M
        rows, columns = size_of_tiles(K, N, B)
        if rows:
            self.shape_of_h: tuple[int, ...] = (B // rows, 1, rows, K)
            cut = panels(M, columns)[..., None, :, :, :]  # (*G, 1, N/columns, K, columns)
            self.product = empty((*G, B, N), M.dtype)
            tiles = self.product.reshape(*G, B // rows, rows, N // columns, columns)
            tiles = tiles.swapaxes(-3, -2)  # (*G, B/rows, N/columns, rows, columns)
            # Panels at a time; all of them if all rows are in one tile.
            few = max(1, IN_CACHE // (K * columns * M.itemsize)) if rows < B else N
            self.panels_and_tiles = [
                (cut[..., n : n + few, :, :], tiles[..., n : n + few, :, :])
                for n in range(0, N // columns, few)
            ]
        else:
            self.shape_of_h = B, K
            is_transposed = M.flags.f_contiguous
            self.product = np.empty((*G, B, N), M.dtype, order="F" if is_transposed else "C")
            self.panels_and_tiles = [(M, self.product)]

    def __call__(self, h: Float[Array, "*_ B K"]) -> Float[Array, "*G B N"]:
        """Return h M in an array that the next call overwrites."""
        h = h.reshape(h.shape[:-2] + self.shape_of_h)
        for few_panels, tiles in self.panels_and_tiles:
            np.matmul(h, few_panels, out=tiles)
        return self.product


def panels(M: Float[Array, "*G K N"], columns: int) -> Float[Array, "*G panels K columns"]:
    """Return M cut into contiguous panels of so many columns.

    The panels of a single transposed M = W^T are rows of W. OpenBLAS then adds each sum in 16
    parts, and the rounding error is a third as large (3.3e-8 instead of 1.0e-7 at H 256). With
    gates the other order is better: it is 2 to 15 % faster at H 128 to 512, and the error of the
    states is only 5 % larger.
    """
    *G, K, N = M.shape
    is_transposed = M.strides[-2] == M.itemsize
    if is_transposed and not G:
        W = empty((N // columns, columns, K), M.dtype)
        W[:] = M.T.reshape(W.shape)
        return W.swapaxes(-1, -2)
    if is_transposed:  # columns 2^k bytes apart evict each other from the cache
        farther_apart = np.empty((*G, N, K + 16), M.dtype).swapaxes(-1, -2)[..., :K, :]
        farther_apart[:] = M
        M = farther_apart
    copy = empty((*G, N // columns, K, columns), M.dtype)
    copy[:] = M.reshape(*G, K, N // columns, columns).swapaxes(-3, -2)
    return copy


def size_of_tiles(K: int, N: int, B: int) -> tuple[int, int]:
    """Return the numbers of rows of h and columns of M in a tile; (0, 0) for all at once.

    OpenBLAS is fastest with tiles of 256 to 1024 numbers. It has a method of its own for one row.
    """
    if B > 1 and blas_has_small_products():
        for columns in (64, 32, 16, N):
            most = min(1024 // columns, SMALL // (columns * K))
            rows = next((rows for rows in range(most, 1, -1) if B % rows == 0), 0)
            if N % columns == 0 and (rows == B or (rows >= 4 and rows * columns >= 256)):
                return rows, columns
    return 0, 0


@cache
def blas_has_small_products() -> bool:
    """Return whether BLAS has that second method: OpenBLAS does on AVX-512 processors.

    Another BLAS that is loaded, such as SciPy's, also counts. Then products may be slower.
    """
    from threadpoolctl import threadpool_info  # not before it is needed

    return any(
        blas.get("architecture") in ("SkylakeX", "Cooperlake", "SapphireRapids")
        for blas in threadpool_info()
    )
