"""A recurrent layer that is made of the functions of a cell."""

from typing import NamedTuple

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import UnexpectedResult
from compare.implementations.core.interface import Array, Results, UserGradients
from compare.implementations.layers.functions import Functions
from scratch_rnn.arrays import State, arrays_of, each, state_of


class FunctionTapes(NamedTuple):
    """The tapes of the functions, and the results whose gradients may be absent."""

    own: list[object]  # of each layer and direction
    output: Array  # (T, B, D·H)
    last: State


class FunctionsLayer:
    """L layers in D directions, each of which calls the functions of a cell for its passes.

    The directions backwards in time call `reverse`, if these are other functions.
    """

    def __init__(
        self,
        functions: Functions,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        reverse: Functions | None = None,
        dtype: str = "float32",
    ) -> None:
        self._functions = (functions, reverse or functions)[: 1 + bidirectional]
        self._cell, self._num_layers = CELLS[functions.cell], num_layers
        self._hidden_size = H = hidden_size
        D, G = len(self._functions), self._cell.num_gates * H
        self.parameters: Results = {}
        for i in range(num_layers * D):
            V = input_size if i < D else D * H
            zeros = (np.zeros(p.shape(G, V, H), dtype) for p in self._cell.parameters)
            self.parameters |= dict(zip(self._list_names(i), zeros, strict=True))

    def _list_names(self, i: int) -> list[str]:
        """Return the names of the parameters of i = layer · D + direction."""
        layer, direction = divmod(i, len(self._functions))
        end = f"_l{layer}_reverse" if direction else f"_l{layer}"
        return [parameter.kind + end for parameter in self._cell.parameters]

    def list_weights(self, i: int) -> list[Array]:
        """Return the parameters of i = layer · D + direction."""
        return [self.parameters[name] for name in self._list_names(i)]

    def forget(self) -> None:
        """Delete the tapes of all passes in the process of the functions."""
        for functions in self._functions:
            functions.forget()

    def forward(
        self, x: Array, state: State | None = None, **more: object
    ) -> tuple[Array, State, FunctionTapes]:
        """Return output (T, B, D·H), the last state (L·D, B, H), for an LSTM a pair, and tapes."""
        if more:
            raise TypeError(f"expected functions that take {next(iter(more))}, got a cell's")
        D, H = len(self._functions), self._hidden_size
        if state is None:
            zeros = np.zeros((self._num_layers * D, x.shape[1], H), x.dtype)
            state = state_of(zeros.copy() for _ in self._cell.states)
        y, tapes, lasts = x, [], []
        for layer in range(self._num_layers):
            outputs = []
            for direction, functions in enumerate(self._functions):
                i = layer * D + direction
                firsts = (array[i] for array in arrays_of(state))
                steps = y[::-1] if direction else y
                name = f"{self._cell.name}_forward"
                output, last, tape = functions.call(
                    name, steps, *firsts, *self.list_weights(i), keep=(2,)
                )
                if np.shape(output) != (*x.shape[:2], H):
                    raise UnexpectedResult(
                        f"output of shape {(*x.shape[:2], H)}", f"{np.shape(output)}"
                    )
                outputs.append(output[::-1] if direction else output)
                tapes.append(tape)
                lasts.append(arrays_of(last))
            y = np.concatenate(outputs, axis=2) if D == 2 else outputs[0]
        last = state_of(np.stack(several) for several in zip(*lasts, strict=True))
        return y, last, FunctionTapes(tapes, y, last)

    def backward(
        self, tape: FunctionTapes, d_output: Array | None = None, d_state: State | None = None
    ) -> UserGradients:
        """Return the gradients of x, the initial state and the parameters."""
        D, H = len(self._functions), self._hidden_size
        d_y = np.zeros_like(tape.output) if d_output is None else d_output
        d_state = each(np.zeros_like, tape.last) if d_state is None else d_state
        d_firsts: list[list[Array]] = [[] for _ in tape.own]
        d_parameters: Results = {}
        for layer in reversed(range(self._num_layers)):
            d_x = []
            for direction, functions in enumerate(self._functions):
                i = layer * D + direction
                d_h = d_y[:, :, direction * H : (direction + 1) * H]
                d_h = d_h[::-1] if direction else d_h
                d_last = [array[i] for array in arrays_of(d_state)]
                name = f"{self._cell.name}_backward"
                d_steps, *found = functions.call(name, tape.own[i], d_h, *d_last)
                d_x.append(d_steps[::-1] if direction else d_steps)
                d_firsts[i] = found[: len(d_last)]
                own = zip(self._list_names(i), found[len(d_last) :], strict=True)
                d_parameters |= dict(own)
            d_y = d_x[0] + d_x[1] if D == 2 else d_x[0]
        for name, parameter in self.parameters.items():
            if np.shape(d_parameters[name]) != parameter.shape:
                got = f"{np.shape(d_parameters[name])}"
                raise UnexpectedResult(f"a gradient of {name} of shape {parameter.shape}", got)
        d_initial = state_of(np.stack(several) for several in zip(*d_firsts, strict=True))
        return UserGradients(d_y, d_initial, {name: d_parameters[name] for name in self.parameters})
