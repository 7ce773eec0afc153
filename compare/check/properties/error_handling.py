"""Error handling: what a layer has to refuse."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from compare.check.properties.property import Outcome, Property


@Property
def refusals(package: Any) -> Iterator[Outcome]:
    """Arguments that nn.RNN refuses and tokens outside the vocabulary raise an error."""
    T, B, V, H = 5, 2, 3, 4
    rnn, x, h0 = package.RNN(V, H), np.zeros((T, B, V), np.float32), np.zeros((1, B, H), np.float32)
    wide, d_output = np.zeros((T, B, V + 1), np.float32), np.zeros((T, 1, H), np.float32)
    attempts: dict[str, Callable[[], object]] = {
        "x of another dtype": lambda: rnn(x.astype(np.float64)),
        "h0 without its layer axis": lambda: rnn(x, h0[0]),
        "h0 of one row for all": lambda: rnn(x, h0[:, :1]),
        "x with too many features": lambda: rnn(wide),
        "the token -1": lambda: rnn(np.full((T, B), -1)),
        f"the token {V} of {V}": lambda: rnn(np.full((T, B), V)),
        "d_output of another shape": lambda: rnn.backward(rnn.forward(x)[2], d_output),
    }
    for what, attempt in attempts.items():
        kind = TypeError if "dtype" in what else ValueError
        try:
            attempt()
        except kind:
            yield Outcome(what)
        except Exception as error:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got {error!r}")
        else:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got a result")
