"""A layer of functions whose sequences are columns, as in the course *Sequence Models* (Coursera).

``rnn_forward(x, a0, parameters) -> a, y_pred, caches`` has x of shape (V, B, T), a0 (H, B), a
(H, B, T) and a dict of parameters; ``rnn_backward(da, caches)`` returns a dict of gradients. An
LSTM, ``lstm_forward(x, a0, parameters) -> a, y, c, caches``, begins with a cell state of zeros. The
predictions of the output layer are not compared.
"""

from collections.abc import Callable
from functools import partial
from types import FunctionType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

GATES = "fico"
SHAPES = {
    "rnn_forward": {"Wax": "HV", "Waa": "HH", "ba": "H1", "Wya": "VH", "by": "V1"},
    "lstm_forward": {f"W{gate}": "HC" for gate in GATES}
    | {f"b{gate}": "H1" for gate in GATES}
    | {"Wy": "VH", "by": "V1"},
}
"""The parameters of each function; C is H + V, as a weight acts on a above x."""


class LayerInColumns:
    """The functions as a layer, with the time axis first."""

    def __init__(self, function: FunctionType, V: int, H: int) -> None:
        name = function.__name__
        self._run, self._has_cell_state, self._hidden_size = function, name == "lstm_forward", H
        sizes = {"H": H, "V": V, "C": H + V, "1": 1}
        shapes = {n: [sizes[axis] for axis in axes] for n, axes in SHAPES[name].items()}
        self.parameters = {n: np.zeros(shape) for n, shape in shapes.items()}
        run_back = function.__globals__.get(name.replace("forward", "backward"))
        if run_back:
            self.backward = partial(self._backward, run_back)

    def forward(self, x: Array, a0: Array | None = None) -> tuple[object, ...]:
        """Return output, with the last state unless there is a cell state, and the caches."""
        if self._has_cell_state and a0 is not None:
            raise TypeError("expected no initial state, got an argument a0 without a c0")
        first = np.zeros((self._hidden_size, x.shape[1])) if a0 is None else a0[0].T
        a, *_, caches = self._run(_swap_layout(x), first, self.parameters)
        if np.shape(a) != (shape := (self._hidden_size, *x.shape[1::-1])):
            raise ValueError(f"expected a of shape {shape}, got {np.shape(a)}")
        output = _swap_layout(a)
        return (output, caches) if self._has_cell_state else (output, output[-1:], caches)

    def _backward(
        self,
        run_back: Callable[..., dict[str, Array]],
        caches: object,
        d_output: Array,
        d_h_n: Array | None = None,
    ) -> tuple[Array, Array, dict[str, Array]]:
        """Return the gradients of x, of a0, and of the parameters by name."""
        da = _swap_layout(d_output).copy()
        if d_h_n is not None:
            da[:, :, -1] += d_h_n[0].T
        gradients = run_back(da, caches)
        d_parameters = {
            name: gradients[f"d{name}"] for name in self.parameters if f"d{name}" in gradients
        }
        return _swap_layout(gradients["dx"]), gradients["da0"].T[None], d_parameters


def _swap_layout(array: Array) -> Array:
    """Return (T, B, ·) as (·, B, T), and the other way round."""
    return array.transpose(2, 1, 0)
