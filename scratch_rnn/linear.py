"""The output layer: the same affine map for each row.

y_n = W h_n + b
δW = Σ_n δy_n h_n^T        δb = Σ_n δy_n        δh_n = W^T δy_n
"""

from typing import NamedTuple

from jaxtyping import Float

from scratch_rnn.arrays import Array
from scratch_rnn.fast.sums import sum_of_products, sum_of_rows


class LinearGradients(NamedTuple):
    """Gradients of the loss with respect to the three arguments of `forward`."""

    h: Float[Array, "N H"]
    W: Float[Array, "V H"]
    b: Float[Array, "V"]


def forward(
    h: Float[Array, "N H"], W: Float[Array, "V H"], b: Float[Array, "V"]
) -> Float[Array, "N V"]:
    """Return y, a row for each row of `h`."""
    y = sum_of_products(h.T, W.T)  # h @ W.T, the sum over H in pieces
    y += b
    return y


def backward(
    d_y: Float[Array, "N V"], h: Float[Array, "N H"], W: Float[Array, "V H"]
) -> LinearGradients:
    """Return the gradients, given the gradient of y."""
    return LinearGradients(h=d_y @ W, W=sum_of_products(d_y, h), b=sum_of_rows(d_y))
