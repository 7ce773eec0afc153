"""Products with one-hot rows, without multiplying by zeros.

A one-hot row times a matrix picks one row of it, so a product with many of them is a look-up:

    rows:      onehot(i_n) M = M[i_n]
    gradient:  δM = Σ_n onehot(i_n)^T d_n       row i is the sum of d_n over all n with i_n = i
"""

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.fast.sums import sum_of_products


def rows(M: Float[Array, "V H"], ids: Int[Array, "*N"], out: Float[Array, "*N H"]) -> None:
    """Write ``M[ids]`` to `out`. The ids must be in 0 … V-1; they are not checked."""
    np.take(M, ids, axis=0, out=out, mode="clip")  # "raise" would go through a second buffer


def gradient(
    d_rows: Float[Array, "*G N H"], ids: Int[Array, "N"], V: int
) -> Float[Array, "*G H V"]:
    """Return δM^T, of the shape of W_ih. The product is over the ids that occur."""
    occurring = np.flatnonzero(np.bincount(ids))  # (n,), n <= min(N, V)
    one_hot_T = np.equal(occurring[:, None], ids).astype(d_rows.dtype)  # (n, N)
    d_M_T = np.zeros((*d_rows.shape[:-2], d_rows.shape[-1], V), d_rows.dtype)
    d_M_T[..., occurring] = sum_of_products(d_rows, one_hot_T.T)
    return d_M_T
