"""Mistakes of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compare.check.functions.equations import Array
from compare.check.mistakes.mistake import mistake, softmax

LOSS = ("cross_entropy",)


def _loss(
    logits: Array,
    targets: Array,
    p: Array | None = None,
    *,
    of_loss: Callable[[Array], Any] = np.mean,
    of_gradient: float | None = None,
    log: Callable[[Array], Array] = np.log,
) -> tuple[Any, Array]:
    """Return the loss by way of softmax; `of_gradient` divides the gradient."""
    p = softmax(logits) if p is None else p
    rows = np.arange(len(logits))
    d_logits = p.copy()
    d_logits[rows, targets] -= 1
    return of_loss(-log(p[rows, targets])), d_logits / (of_gradient or len(logits))


OF_THE_LOSS = (
    mistake(
        "the loss and its gradient are sums over the rows, not means",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=np.sum, of_gradient=1),
    ),
    mistake(
        "the loss is the sum over the rows, not the mean",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=np.sum),
    ),
    mistake(
        "the gradient is that of the sum over the rows: / N is missing",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_gradient=1),
    ),
    mistake(
        "the loss is divided by the number of entries, N·V, not of rows",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(
            y, k, of_loss=lambda l: l.sum() / y.size, of_gradient=y.size
        ),
    ),
    mistake(
        "the gradient is divided by N·V, not by N",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_gradient=y.size),
    ),
    mistake(
        "the gradient is divided by V, not by N",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_gradient=y.shape[1]),
    ),
    mistake(
        "the loss and the gradient are divided by V, not by N",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(
            y, k, of_loss=lambda l: l.sum() / y.shape[1], of_gradient=y.shape[1]
        ),
    ),
    mistake(
        "the gradient is divided by N twice",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_gradient=len(y) ** 2),
    ),
    mistake(
        "the loss is a list of the rows' losses: the mean is missing",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=lambda l: l),
    ),
    mistake(
        "the gradient has the wrong sign",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_gradient=-len(y)),
    ),
    mistake(
        "the loss has the wrong sign",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=lambda l: -l.mean()),
    ),
    mistake(
        "the loss and its gradient have the wrong sign",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(
            y, k, of_loss=lambda l: -l.mean(), of_gradient=-len(y)
        ),
    ),
    mistake(
        "the gradient lacks the - onehot(target)",
        LOSS,
        cross_entropy=lambda self, y, k: (_loss(y, k)[0], softmax(y) / len(y)),
    ),
    mistake(
        "the gradient has + onehot(target) where - belongs",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _loss(y, k)[0],
            (softmax(y) + np.eye(y.shape[1])[k]) / len(y),
        ),
    ),
    mistake(
        "the 1 / N of the gradient goes only to the target's entry",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _loss(y, k)[0],
            softmax(y) - np.eye(y.shape[1])[k] / len(y),
        ),
    ),
    mistake(
        "the 1 / N of the gradient goes only to the softmax",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _loss(y, k)[0],
            softmax(y) / len(y) - np.eye(y.shape[1])[k],
        ),
    ),
    mistake(
        "the logits stand where the softmax belongs in the gradient",
        LOSS,
        cross_entropy=lambda self, y, k: (_loss(y, k)[0], (y - np.eye(y.shape[1])[k]) / len(y)),
    ),
    mistake(
        "the gradient is that of -log p with respect to the probabilities p, not to the logits",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _loss(y, k)[0],
            -np.eye(y.shape[1])[k] / softmax(y) / len(y),
        ),
    ),
    mistake(
        "the logarithm is taken to base 2",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=np.log2),
    ),
    mistake(
        "the logarithm is taken to base 10",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=np.log10),
    ),
    mistake(
        "the logarithm is missing: the loss is -p",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: p),
    ),
    mistake(
        "the loss is -p + 1",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: p - 1),
    ),
    mistake(
        "the mean is taken before the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: (
            -np.log(softmax(y)[np.arange(len(y)), k].mean()),
            _loss(y, k)[1],
        ),
    ),
    mistake(
        "softmax is taken over the rows of the batch, not over the vocabulary",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, softmax(y, 0)),
    ),
    mistake(
        "softmax is divided by the sum over all rows",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, np.exp(y) / np.exp(y).sum()),
    ),
    mistake(
        "softmax takes exp of the logits as they are, which overflows",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(
            y, k, np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
        ),
    ),
    mistake(
        "log Σ exp takes exp of the logits as they are, which overflows",
        LOSS,
        cross_entropy=lambda self, y, k: (_unshifted(y, k), _loss(y, k)[1]),
    ),
    mistake(
        "the logits are shifted by the largest of all rows, and softmax underflows",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(
            y, k, np.exp(y - y.max()) / np.exp(y - y.max()).sum(axis=1, keepdims=True)
        ),
    ),
    mistake(
        "softmax is not normalized: exp(logits - max) alone",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, np.exp(y - y.max(axis=1, keepdims=True))),
    ),
    mistake(
        "a small number is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-8)),
    ),
    mistake(
        "1e-9 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-9)),
    ),
    mistake(
        "1e-10 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-10)),
    ),
    mistake(
        "1e-12 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-12)),
    ),
    mistake(
        "1e-7 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-7)),
    ),
    mistake(
        "1e-6 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-6)),
    ),
    mistake(
        "1e-5 is added inside the logarithm",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, log=lambda p: np.log(p + 1e-5)),
    ),
    mistake(
        "softmax is taken twice",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, softmax(softmax(y))),
    ),
    mistake(
        "it is the binary cross-entropy of each entry",
        LOSS,
        cross_entropy=lambda self, y, k: (_binary(y, k), _loss(y, k)[1]),
    ),
    mistake(
        "the logits are shifted by the largest of all rows, and a row's exp underflows",
        LOSS,
        cross_entropy=lambda self, y, k: (_unshifted(y - y.max(), k), _loss(y, k)[1]),
    ),
    mistake(
        "the logits are shifted by the largest of all rows, and softmax is 0 / 0",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _unshifted(y - y.max(), k),
            _loss(y, k, np.exp(y - y.max()) / np.exp(y - y.max()).sum(axis=1, keepdims=True))[1],
        ),
    ),
    mistake(
        "the log is taken of a probability that is rounded to zero; "
        "log p = logits - max - log Σ exp(logits - max) is safe",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k),
    ),
    mistake(
        "1 is subtracted in every row at every target: the rows' own index is missing",
        LOSS,
        cross_entropy=lambda self, y, k: (
            _loss(y, k)[0],
            (softmax(y) - np.isin(np.arange(y.shape[1]), k)) / len(y),
        ),
    ),
    mistake(
        "the loss is the perplexity, exp of the mean",
        LOSS,
        cross_entropy=lambda self, y, k: (np.exp(_loss(y, k)[0]), _loss(y, k)[1]),
    ),
    mistake(
        "the loss is that of the first row alone",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=lambda l: l[0]),
    ),
    mistake(
        "the loss is that of the last row alone",
        LOSS,
        cross_entropy=lambda self, y, k: _loss(y, k, of_loss=lambda l: l[-1]),
    ),
    mistake(
        "the softmax of the targets is returned, not its logarithm's gradient",
        LOSS,
        cross_entropy=lambda self, y, k: (_loss(y, k)[0], softmax(y)),
    ),
)


def _unshifted(y: Array, k: Array) -> Any:
    return (np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), k]).mean()


def _binary(y: Array, k: Array) -> Any:
    p, hot = softmax(y), np.eye(y.shape[1])[k]
    return -(hot * np.log(p) + (1 - hot) * np.log(1 - p)).sum(axis=1).mean()
