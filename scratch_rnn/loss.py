"""Softmax cross-entropy, and perplexity.

For a row of logits y and the true next token k:

    p = softmax(y) = exp(y - m) / s,   m = max(y),   s = Σ_v exp(y_v - m)
    loss = -log p_k = log s - (y_k - m)
    δy = (p - onehot(k)) / N

The loss of a batch is the mean of its N rows, hence 1 / N. Subtracting m does not change p, and
exp cannot overflow.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_float, check_ids


def cross_entropy(
    logits: Float[Array, "N V"], targets: Int[Array, "N"]
) -> tuple[float, Float[Array, "N V"]]:
    """Return the mean loss in nats per token, and its gradient with respect to the logits.

    Parameters
    ----------
    logits : ndarray of shape (N, V), float32 or float64
    targets : ndarray of shape (N,), integers in 0 … V-1

    Returns
    -------
    loss : float
        In the precision of the logits.
    d_logits : ndarray of shape (N, V)

    Raises
    ------
    ValueError
        If the shapes do not match, N is 0, or a target is not in the vocabulary.
    TypeError
        If the logits aren't floats or the targets aren't integers.
    """
    logits, targets = np.asarray(logits), np.asarray(targets)
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"expected logits of shape (N, V) and targets of shape (N,), "
            f"got {logits.shape} and {targets.shape}"
        )
    if logits.dtype.kind != "f":
        raise TypeError(f"expected logits of a float dtype, got {logits.dtype}")
    N, V = logits.shape
    if N == 0:
        raise ValueError("expected at least one row of logits, got none")
    check_ids("targets", targets, V)

    y = logits.T.copy()  # (V, N): sums over V then add whole rows, which NumPy does best
    y -= y.max(axis=0)  # y - m
    p = np.exp(y)  # not yet divided by s
    s = p.sum(axis=0)  # (N,)
    n = np.arange(N)
    loss = (np.log(s) - y[targets, n]).mean()

    p /= s * N  # softmax / N
    p[targets, n] -= 1 / N
    return float(loss), p.T.copy()


def perplexity(mean_loss: float) -> float:
    """Return exp(mean loss in nats per token): the number of equally likely tokens with this loss.

    The uniform distribution has perplexity V; a perfect model has perplexity 1.
    """
    mean_loss = check_float("mean_loss", mean_loss)
    try:
        return math.exp(mean_loss)
    except OverflowError:
        return math.inf
