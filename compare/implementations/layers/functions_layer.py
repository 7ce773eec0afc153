"""A recurrent layer that is made of the functions of a cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import CallFailed, UnexpectedResult
from compare.implementations.core.interface import Array
from compare.implementations.layers.functions import Functions
from scratch_rnn import RNNGradients, RNNTape
from scratch_rnn.arrays import State, arrays_of, state_of
from scratch_rnn.layers.batch_slices import Gradients, Weights
from scratch_rnn.layers.layer import Layer
from scratch_rnn.layers.layout import Lengths
from scratch_rnn.threads import keep_batch_whole


@dataclass(frozen=True, slots=True)
class FunctionTape:
    """The tape of one layer in one direction."""

    functions: Functions
    user_tape: object
    is_one_hot: bool
    last: tuple[Array, ...]  # (B, …) each
    output: Array  # (T, B, H)
    h: Array  # (T + 1, B, H), first the initial state; of another output the first and the last

    @property
    def c(self) -> Array:
        """The cell state, of which the functions return the last alone."""
        return self.last[1][None]


class FunctionsLayer(Layer):
    """Our layer with the functions of a cell in the place of its own.

    The directions backwards in time call `reverse`, if these are other functions.
    """

    def __init__(
        self,
        functions: Functions,
        *sizes: int,
        reverse: Functions | None = None,
        **options: object,
    ) -> None:
        for name in {"nonlinearity", "proj_size"} & {*options}:
            raise CallFailed("missing", f"the functions of a cell take no {name}")
        ours = CELLS[functions.cell].scratch_layer(*sizes, **options)
        vars(self).update(vars(ours), cell=ours.cell, STATES=ours.STATES, NUM_GATES=ours.NUM_GATES)
        self._sizes = ours.sizes_of_states()
        self._functions = functions, reverse or functions
        self._direction = 0  # of the recurrence whose weights were read last
        self._letters = CELLS[functions.cell].weights

    def sizes_of_states(self) -> list[tuple[int, ...]]:
        """Return the shape of each array of a sequence's state, as in our layer."""
        return self._sizes

    def output_of(self, tape: FunctionTape) -> Array:
        """Return what the function of the forward pass has returned."""
        return tape.output

    def weights(self, i: int) -> Weights:
        """Return the parameters of recurrence i = layer · D + direction."""
        self._direction = i % self.num_directions
        return super().weights(i)

    def forget(self) -> None:
        """Delete the tapes of all passes in the process of the functions."""
        for functions in self._functions:
            functions.forget()

    def step_in_columns(self, weights: Weights) -> None:
        """Return None: each step is the functions' own."""

    def cell_forward(self, x: Array, state_0: Sequence[Array], weights: Weights) -> FunctionTape:
        """Call the function of the forward pass; absent biases are zero."""
        functions = self._functions[self._direction]
        is_one_hot = x.dtype.kind != "f"
        if is_one_hot:
            x = np.eye(self.input_size, dtype=self.dtype)[x]
        by_letter = dict(zip(self.cell.Weights._fields, weights, strict=True))
        sizes = self.NUM_GATES * self.hidden_size, x.shape[2], self.hidden_size
        zeros = {p.letter: p.shape(*sizes) for p in CELLS[functions.cell].parameters}
        arguments = (
            np.zeros(zeros[letter], self.dtype) if by_letter[letter] is None else by_letter[letter]
            for letter in self._letters
        )
        name = f"{functions.cell}_forward"
        output, last, tape = functions.call(name, x, *state_0, *arguments, keep=(2,))
        if np.shape(output) != (expected := (*x.shape[:2], self.hidden_size)):
            raise UnexpectedResult(f"output of shape {expected}", f"{np.shape(output)}")
        is_output = state_0[0].ndim == 2  # of a matrix there is the last state alone
        h = np.concatenate([state_0[0][None], output if is_output else arrays_of(last)[0][None]])
        return FunctionTape(functions, tape, is_one_hot, arrays_of(last), output, h)

    def cell_backward(
        self,
        tape: FunctionTape,
        weights: Weights,
        d_steps: Sequence[Array | None],
        d_last: Sequence[Array],
    ) -> Gradients:
        """Call the function of the backward pass."""
        name = f"{tape.functions.cell}_backward"
        d_x, *gradients = tape.functions.call(name, tape.user_tape, d_steps[0], *d_last)
        d_first, rest = gradients[: len(d_last)], gradients[len(d_last) :]
        by_letter = dict(zip(self._letters, rest, strict=True))
        d_weights: dict[str, Array | None] = {}
        for letter, weight in zip(self.cell.Weights._fields, weights, strict=True):
            d_weights[letter] = None if weight is None else by_letter[letter]
            if weight is not None and np.shape(by_letter[letter]) != weight.shape:
                got = f"{np.shape(by_letter[letter])}"
                raise UnexpectedResult(f"a gradient of {letter} of shape {weight.shape}", got)
        return None if tape.is_one_hot else d_x, d_first, self.cell.Weights(**d_weights)

    def forward(
        self,
        x: Array,
        state: State | None = None,
        *,
        lengths: Lengths | None = None,
        dropout_masks: Sequence[Array] | None = None,
    ) -> tuple[Array, State, RNNTape]:
        """Return output, the last state as the functions return it, and the tape."""
        if lengths is not None and len(self.STATES) > 1:
            raise CallFailed("missing", "the functions of a cell return no c within a sequence")
        with keep_batch_whole():
            output, last, tape = super().forward(
                x, state, lengths=lengths, dropout_masks=dropout_masks
            )
        if lengths is None:
            several = zip(*(recurrence.last for recurrence in tape.recurrences), strict=True)
            last = state_of(tape.layout.restore_state(np.stack(arrays)) for arrays in several)
        return output, last, tape

    def backward(
        self, tape: RNNTape, d_output: Array | None = None, d_state: State | None = None
    ) -> RNNGradients:
        """Return the gradients of x, the initial state and the parameters."""
        with keep_batch_whole():
            return super().backward(tape, d_output, d_state)
