"""Error handling: what a layer has to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from compare.check.properties.property import Outcome, Property


@Property
def refusals(package: Any) -> Iterator[Outcome]:
    """Arguments that nn.RNN refuses and tokens outside the vocabulary raise an error."""
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
