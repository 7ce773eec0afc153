"""Properties that compare no results: what is refused, and where the random numbers come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from compare.check.cases.comparison import Outcome
from compare.check.properties.answers import identical
from compare.check.properties.randomness import global_random_state


def refusals(package: Any) -> Iterator[Outcome]:
    """Refuse what nn.RNN refuses, and tokens outside the vocabulary."""
    T, B, V, H = 5, 2, 3, 4
    rnn, x, h0 = package.RNN(V, H), np.zeros((T, B, V), np.float32), np.zeros((1, B, H), np.float32)
    attempts: dict[str, tuple[type[Exception], Callable[[], object]]] = {
        "x of another dtype": (TypeError, lambda: rnn(x.astype(np.float64))),
        "h0 without its layer axis": (ValueError, lambda: rnn(x, h0[0])),
        "h0 of one row for all": (ValueError, lambda: rnn(x, h0[:, :1])),
        "x with too many features": (
            ValueError,
            lambda: rnn(np.zeros((T, B, V + 1), np.float32)),
        ),
        "the token -1": (ValueError, lambda: rnn(np.full((T, B), -1))),
        f"the token {V} of {V}": (ValueError, lambda: rnn(np.full((T, B), V))),
        "d_output of another shape": (
            ValueError,
            lambda: rnn.backward(rnn.forward(x)[2], np.zeros((T, 1, H), np.float32)),
        ),
    }
    for what, (kind, attempt) in attempts.items():
        try:
            attempt()
        except kind:
            yield Outcome(what)
        except Exception as error:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got {error!r}")
        else:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got a result")


def initial_parameters(package: Any) -> Iterator[Outcome]:
    """Draw the initial weights from ±1/√H, with the given generator."""
    H = 32
    before = global_random_state()
    rnns = [package.RNN(40, H, 2, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    models = [package.RNNModel(rnn, 40, rng=np.random.default_rng(2)) for rnn in rnns]
    yield Outcome("the same generator twice", identical(models[0].parameters, models[1].parameters))
    bound = 1 / np.sqrt(H)
    for name, p in models[0].parameters.items():
        complaint = ""
        reach = float(np.abs(p).max())
        if not 0.8 * bound < reach <= bound * (1 + 1e-6):
            complaint = f"{name}: expected values up to ±{bound:.3g}, got up to ±{reach:.3g}"
        elif not (p.min() < -bound / 2 and p.max() > bound / 2):
            complaint = f"{name}: expected values of both signs, got {p.min():.3g} … {p.max():.3g}"
        elif np.array_equal(p, models[2].parameters[name]) != name.startswith("linear"):
            complaint = f"{name}: expected it to depend on its own generator, got it doesn't"
        yield Outcome("H 32", (), complaint)
    if global_random_state() != before:
        yield Outcome("", (), "np.random: expected it to be left alone, got numbers drawn from it")


def drawn_masks(package: Any) -> Iterator[Outcome]:
    """Draw dropout masks that keep as many units as they should, and scale them."""
    rnn = package.RNN(4, 50, 3, "tanh", True, False, 0.25)
    masks = rnn.draw_dropout_masks(20, 5, np.random.default_rng(0))
    values = np.unique(np.concatenate([mask.ravel() for mask in masks]))
    want = np.array([0, 1 / 0.75], rnn.dtype)
    values_agree = identical({"values of the masks": want}, {"values of the masks": values})
    kept, complaint = float(np.mean([mask != 0 for mask in masks])), ""
    if abs(kept - 0.75) > 0.02:  # of 20,000: six standard deviations
        complaint = f"masks: expected 0.75 of the units to be kept, got {kept:.3g}"
    yield Outcome("dropout 0.25", values_agree, complaint)
