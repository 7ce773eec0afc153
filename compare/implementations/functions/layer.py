"""A recurrent layer that is made of the functions of a cell."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.implementations.cells import CELLS
from compare.implementations.functions.calls import Functions
from compare.implementations.interface import Array, Results
from scratch_rnn.layers.states import State, arrays_of, state_of


class FunctionsLayer:
    """One layer in one direction, which calls the functions of a cell for each pass."""

    def __init__(
        self, functions: Functions, input_size: int, hidden_size: int, *, dtype: str = "float32"
    ) -> None:
        self._functions, self._cell = functions, CELLS[functions.cell]
        G = self._cell.num_gates * hidden_size
        shapes = ((G, input_size), (G, hidden_size), (G,), (G,))
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        self.parameters: Results = {
            name: np.zeros(shape, dtype) for name, shape in zip(names, shapes, strict=True)
        }

    def forward(self, x: Array, state: State = None) -> tuple[Array, State, Any]:
        """Return output (T, B, H), the last state (1, B, H), for an LSTM a pair, and the tape."""
        H = self.parameters["weight_hh_l0"].shape[1]
        if state is None:
            zeros = np.zeros((1, x.shape[1], H), x.dtype)
            state = state_of(zeros.copy() for _ in self._cell.states)
        firsts = (array[0] for array in arrays_of(state))
        weights = self.parameters.values()
        name = f"{self._cell.name}_forward"
        output, last, tape = self._functions.call(name, x, *firsts, *weights, keep=(2,))
        return output, state_of(array[None] for array in arrays_of(last)), tape

    def backward(self, tape: Any, d_output: Array, d_state: State) -> SimpleNamespace:
        """Return the gradients of x, h0, c0 and the parameters; both upstream ones are needed."""
        d_last = [array[0] for array in arrays_of(d_state)]
        name = f"{self._cell.name}_backward"
        d_x, *found = self._functions.call(name, tape, d_output, *d_last)
        d_firsts = [d[None] for d in found[: len(d_last)]]
        d_parameters = dict(zip(self.parameters, found[len(d_last) :], strict=True))
        return SimpleNamespace(
            x=d_x,
            state=state_of(d_firsts),
            h0=d_firsts[0],
            c0=d_firsts[1] if len(d_firsts) > 1 else None,
            parameters=d_parameters,
        )
