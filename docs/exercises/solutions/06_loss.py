"""The solution of exercise 6: what you write in 06_loss.py."""

import numpy as np


def cross_entropy(logits, targets):
    """logits (N, V), targets (N,) whole numbers -> loss, d_logits (N, V)"""
    N = len(logits)
    y = logits - logits.max(axis=1, keepdims=True)  # changes no probability
    log_p = y - np.log(np.exp(y).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(N), targets].mean()
    d_logits = np.exp(log_p)
    d_logits[np.arange(N), targets] -= 1
    return loss, d_logits / N
