"""The functions that the settings of a step choose: what the loss is, and what clips."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.implementations import Array, Package, Results
from compare.parity.settings import StepSettings
from compare.parity.tolerance import Move, Unmoved
from concise_rnn import data_parallel


def step_options(
    settings: StepSettings, package: Package = scratch_rnn, move: Move = Unmoved.RESULTS
) -> dict[str, Any]:
    """Return the options of the package's `train_step` for these settings.

    `package` is `concise_rnn`, `data_parallel`, or a package with the names of `scratch_rnn`. With
    a move, its functions are replaced by those that show `tolerances` the effect of rounding.
    """
    functions: tuple[Callable[..., object], Callable[..., object]]
    if package is concise_rnn or package is data_parallel:
        functions = F.cross_entropy, nn.utils.clip_grad_norm_
    elif move is Unmoved.RESULTS:
        functions = package.cross_entropy, package.clip_grad_norm
    else:
        functions = partial(perturb_loss, move=move), partial(perturb_clipping, move=move)
    compute_loss, clip_gradients = functions
    return {
        "max_norm": settings.max_norm,
        "compute_loss": compute_loss,
        "clip_gradients": clip_gradients,
    }


def perturb_loss(logits: Array, targets: Array, move: Move) -> tuple[float, Array]:
    """Compute the cross-entropy, and move its intermediate results.

    If the model is nearly certain, p_k is nearly 1. Then p_k - 1 consists of the rounding of p_k,
    and log s of the rounding of s. The loss has no tape that holds p and s, so they are moved here.
    """
    N, n = len(logits), np.arange(len(logits))
    y = logits - logits.max(axis=1, keepdims=True)
    p = move(np.exp(y))
    s = move(p.sum(axis=1))
    loss = (np.log(s) - y[n, targets]).mean()
    d_logits: Array = move(p / (s * N)[:, None])
    d_logits[n, targets] -= 1 / N
    return float(loss), d_logits


def perturb_clipping(gradients: Results, max_norm: float, move: Move) -> float:
    """Clip by a norm whose squares are added in an extreme way.

    A sum of a million float32 squares depends on the order of the additions: a late term smaller
    than half an ulp of the sum is lost. NumPy and PyTorch keep several partial sums and lose less.
    The two extremes show how much rounding can change the norm. In float64 (the baseline) nothing
    is lost. One after the other in float32 (a random move) the most is lost.
    """
    if move is Unmoved.BASELINE:
        squares = [np.sum(gradient.astype(np.float64) ** 2) for gradient in gradients.values()]
    else:
        squares = [np.cumsum(gradient.ravel() ** 2)[-1] for gradient in gradients.values()]
    norm = np.sqrt(np.sum(squares))
    for gradient in gradients.values():
        gradient *= np.minimum(max_norm / (norm + 1e-6), 1).astype(gradient.dtype)
    return float(norm)
