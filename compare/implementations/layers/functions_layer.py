"""A recurrent layer that is made of the functions of a cell."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from compare.implementations.cells import CELLS
from compare.implementations.interface import Array, Results
from compare.implementations.layers.functions import Functions, SubmissionFunctions
from compare.implementations.layouts.parameters import PARAMETERS
from compare.implementations.worker.client import Call, Handle
from compare.implementations.worker.trouble import Malformed
from scratch_rnn.layers.states import State, arrays_of, each, state_of


class Tape(NamedTuple):
    """The tape of the functions, and the results whose gradients may be absent."""

    own: Any
    output: Array  # (T, B, H)
    last: State


class FunctionsLayer:
    """One layer in one direction, which calls the functions of a cell for each pass."""

    def __init__(
        self, functions: Functions, input_size: int, hidden_size: int, *, dtype: str = "float32"
    ) -> None:
        self._functions, self._cell = functions, CELLS[functions.cell]
        G = self._cell.num_gates * hidden_size
        shapes = ((G, input_size), (G, hidden_size), (G,), (G,))
        self.parameters: Results = {
            name: np.zeros(shape, dtype) for name, shape in zip(PARAMETERS, shapes, strict=True)
        }

    def forget(self) -> None:
        """Delete the tapes of all passes in the process of the functions."""
        self._functions.forget()

    def forward(self, x: Array, state: State = None, **more: object) -> tuple[Array, State, Tape]:
        """Return output (T, B, H), the last state (1, B, H), for an LSTM a pair, and the tape."""
        if more:
            raise TypeError(f"expected functions that take {next(iter(more))}, got those of a cell")
        H = self.parameters["weight_hh_l0"].shape[1]
        if state is None:
            zeros = np.zeros((1, x.shape[1], H), x.dtype)
            state = state_of(zeros.copy() for _ in self._cell.states)
        firsts = (array[0] for array in arrays_of(state))
        weights = self.parameters.values()
        name = f"{self._cell.name}_forward"
        output, last, tape = self._functions.call(name, x, *firsts, *weights, keep=(2,))
        if np.shape(output) != (*x.shape[:2], H):
            raise Malformed(f"output of shape {(*x.shape[:2], H)}", f"{np.shape(output)}")
        last = state_of(array[None] for array in arrays_of(last))
        return output, last, Tape(tape, output, last)

    def time(self, times: int, x: Array, state: State, d_output: Array | None) -> float:
        """Return the mean seconds of a pass in its process: forward, and with d_output backward."""
        assert isinstance(self._functions, SubmissionFunctions)
        firsts = [array[0] for array in arrays_of(state)]
        args = (x, *firsts, *self.parameters.values())
        forward = Call(f"{self._cell.name}_forward", args, keep=(2,))
        if d_output is None:
            return self._functions.submission.time(times, forward)
        d_last = map(np.zeros_like, firsts)
        args = (Handle(-1, (2,)), d_output, *d_last)
        backward = Call(f"{self._cell.name}_backward", args)
        return self._functions.submission.time(times, forward, backward)

    def backward(
        self, tape: Tape, d_output: Array | None = None, d_state: State = None
    ) -> SimpleNamespace:
        """Return the gradients of x, h0, c0 and the parameters."""
        d_output = np.zeros_like(tape.output) if d_output is None else d_output
        d_state = each(np.zeros_like, tape.last) if d_state is None else d_state
        d_last = [array[0] for array in arrays_of(d_state)]
        name = f"{self._cell.name}_backward"
        d_x, *found = self._functions.call(name, tape.own, d_output, *d_last)
        d_firsts = [d[None] for d in found[: len(d_last)]]
        d_parameters = dict(zip(self.parameters, found[len(d_last) :], strict=True))
        for parameter, d in d_parameters.items():
            shape = self.parameters[parameter].shape
            if np.shape(d) != shape:
                raise Malformed(f"a gradient of {parameter} of shape {shape}", f"{np.shape(d)}")
        return SimpleNamespace(
            x=d_x,
            state=state_of(d_firsts),
            h0=d_firsts[0],
            c0=d_firsts[1] if len(d_firsts) > 1 else None,
            parameters=d_parameters,
        )
