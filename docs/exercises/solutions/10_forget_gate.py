"""The solution of exercise 10: what you write in 10_forget_gate.py."""

import numpy as np


def fades_untrained():
    """Return your answer to 1: True or False."""
    return True


def factor(bias):
    """Return the factor of one step back."""
    return 1 / (1 + np.exp(-bias))


def bias_for(n):
    """Return the bias that leaves one half after n steps."""
    f = 0.5 ** (1 / n)
    return np.log(f / (1 - f))
