"""The solution of exercise 12: what you write in 12_scan.py."""

import numpy as np


def scan(a, b):
    """a, b (T, B, H) -> all states (T, B, H)"""
    k = 1
    while k < len(b):
        b = np.concatenate([b[:k], a[k:] * b[:-k] + b[k:]])  # the first k steps are ready
        a = np.concatenate([a[:k], a[k:] * a[:-k]])
        k *= 2
    return b
