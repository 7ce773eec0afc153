"""The code that nn.RNN, nn.GRU and nn.LSTM share: layers, directions, dropout, lengths, layouts.

`Layer._run` makes the input time-major, runs layer by layer through dropout and one or two
directions, and returns the output in the caller's layout. `backward` is the same path in reverse.
A subclass (`rnn.py`, `gru.py`, `lstm.py`) names the cell.

A *recurrence* is the cell of one layer in one direction: there are L·D of them, for L layers and D
directions. A bidirectional layer concatenates both outputs of a step. So every layer but the first
has D·R inputs, where R is the size of h: H, or the proj_size P of an LSTM.
"""

import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Num

from scratch_rnn.arrays import Array, FloatArray, State, arrays_of, state_of
from scratch_rnn.checks import check_array, check_flag, check_has, check_integer, check_number
from scratch_rnn.fast import columns
from scratch_rnn.layers import batch_slices, padding
from scratch_rnn.layers.batch_slices import Gradients, Weights
from scratch_rnn.layers.docstrings import show_call
from scratch_rnn.layers.layout import Layout, Lengths, check_masks, check_state, lay_out
from scratch_rnn.layers.tape import RNNGradients, RNNTape, check_tape, kind_of

NAMES = {
    "W_ih": "weight_ih",
    "W_hh": "weight_hh",
    "b_ih": "bias_ih",
    "b_hh": "bias_hh",
    "W_hr": "weight_hr",
    "W_ig": "weight_ig",
    "b_ig": "bias_ig",
}
"""The letters of the equations, and torch's names of the parameters."""


class Layer:
    """L recurrent layers, in one or both directions, of the cell of a subclass.

    A subclass names the module of its `cell`, the arrays of its state (`STATES`), and how many
    blocks of H rows its weights have (`NUM_GATES`). The module has::

        Weights                                                    named tuple, fields from `NAMES`
        forward(x, *state_0, weights, *options)                    -> tape
        backward(tape, weights, *d_steps, *d_last, *options)       -> δx, *δstate_0, δweights
        step_in_columns(weights, *options)                         optional, for speed

    A tape is a dataclass with an array (T + 1, B, …) for each name in `STATES`, first the state
    before the first step. `h` (T + 1, B, R) is also the output, unless a subclass has another.
    """

    cell: ClassVar[ModuleType]
    NUM_GATES: ClassVar[int]
    STATES: ClassVar[tuple[str, ...]] = ("h",)
    proj_size = 0  # P: units to which h is projected, if the cell can; R is P then, else H

    parameters: dict[str, FloatArray]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: type | np.dtype | str | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.input_size = check_integer("input_size", input_size, least=1)
        self.hidden_size = check_integer("hidden_size", hidden_size, least=1)
        self.num_layers = check_integer("num_layers", num_layers, least=1)
        self.bias = check_flag("bias", bias)
        self.batch_first = check_flag("batch_first", batch_first)
        self.dropout = check_number("dropout", dropout)
        if self.dropout > 1:
            raise ValueError(f"expected dropout in 0 … 1, got {dropout:g}")
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"dropout {dropout:g} has no effect: it acts between layers and there is one",
                stacklevel=2 if type(self).__init__ is Layer.__init__ else 3,  # the user's line
            )
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.num_directions = 2 if bidirectional else 1
        H, P = self.hidden_size, self.proj_size
        if P >= H:
            raise ValueError(f"expected proj_size below hidden_size {H}, got {P}")
        self.output_size = P or H  # R
        self.dtype = np.dtype(np.float32 if dtype is None else dtype)
        self._kind = kind_of(self)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"expected dtype float32 or float64, got {self.dtype}")
        rng = np.random.default_rng() if rng is None else rng
        check_has("rng", rng, "uniform")
        self._shapes = self._parameter_shapes()
        bound = 1 / np.sqrt(self.hidden_size)
        self.parameters = {
            name: rng.uniform(-bound, bound, shape).astype(self.dtype)
            for name, shape in self._shapes.items()
        }

    def __repr__(self) -> str:
        return show_call(self)

    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        H, R, P, D = self.hidden_size, self.output_size, self.proj_size, self.num_directions
        G = self.NUM_GATES * H
        shapes: dict[str, tuple[int, ...]] = {}
        for i in range(self.num_layers * D):
            V = self.input_size if i < D else D * R
            sizes: dict[str, tuple[int, ...]] = {"W_ih": (G, V), "W_hh": (G, R)}
            sizes |= {"b_ih": (G,), "b_hh": (G,)} if self.bias else {}
            sizes |= {"W_hr": (P, H)} if P else {}
            sizes |= {"W_ig": (2, V), "b_ig": (2,)} if self.bias else {"W_ig": (2, V)}
            letters = [letter for letter in self.cell.Weights._fields if letter in sizes]
            shapes |= {self._name(letter, i): sizes[letter] for letter in letters}
        return shapes

    def _name(self, letter: str, i: int) -> str:
        """Return torch's name for a parameter of recurrence i = layer · D + direction."""
        layer, direction = divmod(i, self.num_directions)
        suffix = f"l{layer}_reverse" if direction == 1 else f"l{layer}"
        return f"{NAMES[letter]}_{suffix}"

    def weights(self, i: int) -> Weights:
        """Return the parameters of recurrence i = layer · D + direction: views, None where absent.

        It raises if one was replaced by an array of another shape or dtype.
        """
        names = [self._name(letter, i) for letter in self.cell.Weights._fields]
        weights: Weights = self.cell.Weights._make(
            check_array(name, self.parameters.get(name), self._shapes[name], self.dtype)
            if name in self._shapes
            else None
            for name in names
        )
        return weights

    # The cell -------------------------------------------------------------------------------

    @property
    def options(self) -> tuple[str, ...]:
        """The last arguments of the cell's functions."""
        return ()

    def cell_forward(self, x: Array, state_0: Sequence[Array], weights: Weights) -> Any:
        """Run the cell over T steps, in one direction, and return its tape."""
        return self.cell.forward(x, *state_0, weights, *self.options)

    def cell_backward(
        self, tape: Any, weights: Weights, d_steps: Sequence[Array | None], d_last: Sequence[Array]
    ) -> Gradients:
        """Return δx (None for one-hot input), δ of each initial state, and δ of the weights.

        For each state, `d_steps` is its gradient (T, B, …) at every step, None for zeros, and
        `d_last` (B, …) the gradient of the last one.
        """
        results = self.cell.backward(tape, weights, *d_steps, *d_last, *self.options)
        return results[0], results[1:-1], results[-1]

    def step_in_columns(self, weights: Weights) -> columns.StepInColumns | None:
        """Return a step whose sequences are columns, if the cell has one."""
        step = getattr(self.cell, "step_in_columns", None)
        return step and step(weights, *self.options)

    def _cell_states(self, x: Array, state_0: Sequence[Array], weights: Weights) -> Any:
        """Return the cell's tape. A small layer returns only the states, which is faster."""
        is_small = columns.are_faster(x.shape[1], self.hidden_size, self.NUM_GATES)
        if is_small and (step := self.step_in_columns(weights)):
            return columns.forward(x, state_0, step)
        return self.cell_forward(x, state_0, weights)

    def begin_state(self, batch_size: int) -> State:
        """Return the state before any step: zeros of shape (L·D, B, …)."""
        B, LD = batch_size, self.num_layers * self.num_directions
        return state_of(np.zeros((LD, B, *sizes), self.dtype) for sizes in self.sizes_of_states())

    def sizes_of_states(self) -> list[tuple[int, ...]]:
        """Return the shape of each array of a sequence's state: (R,) for h, (H,) for others."""
        R, H = self.output_size, self.hidden_size
        return [(R,) if name == "h" else (H,) for name in self.STATES]

    def output_of(self, tape: Any) -> FloatArray:
        """Return the output (T, B, R) of a recurrence: its states."""
        output: FloatArray = tape.h[1:]
        return output

    # Forward and backward -------------------------------------------------------------------

    def __call__(
        self, x: Num[Array, "..."], state: State | None = None, *, lengths: Lengths | None = None
    ) -> tuple[Float[Array, "..."], State]:
        """Return (output, state) in evaluation mode, as torch's layer does; see `forward`."""
        output, state, _ = self._run(self._cell_states, x, state, lengths, None)
        return output, state

    def forward(
        self,
        x: Num[Array, "..."],
        state: State | None = None,
        *,
        lengths: Lengths | None = None,
        dropout_masks: Sequence[Float[Array, "T B DR"]] | None = None,
    ) -> tuple[Float[Array, "..."], State, RNNTape]:
        """Run all layers over all steps.

        Parameters
        ----------
        x : ndarray of shape (T, B, V); (B, T, V) with `batch_first`; (T, V) unbatched
            Of the layer's dtype. Or integers in 0 … V-1 without the last axis, for one-hot rows.
            The tape refers to it: change it only after `backward`.
        state : ndarray of shape (L·D, B, R), or (L·D, R) unbatched; for an LSTM a pair; optional
            The states before the first step: h0, or (h0, c0). Zeros if not given.
        lengths : B integers in 1 … T, optional
            Steps of each sequence; the rest is padding. As with a packed sequence, output has
            max(lengths) steps and is zero in the padding, and h_n is each sequence's own last.
        dropout_masks : L-1 arrays of shape (T, B, D·R), optional
            Factors for the input of each layer but the first; see `draw_dropout_masks`.
            Time-major, whatever the layout of x. None means evaluation mode.

        Returns
        -------
        output : ndarray of shape (T, B, D·R), laid out like x; read-only
        state : h_n, or (h_n, c_n), shaped like the state before the first step
        tape : RNNTape, for `backward`
            Many may be alive at once.

        Raises
        ------
        ValueError
            If a shape, a length or an integer of x is not as described.
        TypeError
            If a dtype is not the layer's, or an argument is no array.
        """
        return self._run(self.cell_forward, x, state, lengths, dropout_masks)

    def _run(
        self,
        cell: Callable[..., Any],
        x: Array,
        state: State | None,
        lengths: Lengths | None,
        dropout_masks: Sequence[Array] | None,
    ) -> tuple[FloatArray, State, RNNTape]:
        """Run all layers, each direction by `cell`, which returns a tape or the states alone."""
        x, state_0, layout = self._lay_out(x, state, lengths)  # (T, B, V) or (T, B);  (L·D, B, …)
        D, padded = self.num_directions, layout.lengths
        shape = (layout.T, x.shape[1], D * self.output_size)
        masks = check_masks(dropout_masks, self.num_layers - 1, shape, len(x), self.dtype)
        y = padding.clear_padding(x, padded)  # each layer's input, in the end the output
        tapes: list[Any] = []
        for layer in range(self.num_layers):
            if layer > 0 and masks is not None:
                y = y * masks[layer - 1]
            outputs = []
            for i in range(layer * D, (layer + 1) * D):
                is_reverse = i % D == 1
                steps = padding.reverse(y, padded) if is_reverse else y
                before = {name: a[i] for name, a in zip(self.STATES, state_0, strict=True)}
                with padding.ignore_overflow(padded):
                    tape = batch_slices.forward(cell, steps, before, self.weights(i))
                h = self.output_of(tape)  # (T, B, R)
                if padded is not None:
                    h[padding.is_padding(padded, len(h))] = 0
                outputs.append(padding.reverse(h, padded) if is_reverse else h)
                tapes.append(tape)
            y = np.concatenate(outputs, axis=2) if D == 2 else outputs[0]  # (T, B, D·R)
        state_n = [  # (L·D, B, …)
            np.stack([padding.last_state(getattr(tape, name), padded) for tape in tapes])
            for name in self.STATES
        ]
        output = layout.restore(y)
        output.flags.writeable = False  # it may be the tape's own memory
        state = state_of(layout.restore_state(array) for array in state_n)
        return output, state, RNNTape(layout, tuple(tapes), masks, self._kind)

    def backward(
        self,
        tape: RNNTape,
        d_output: Float[Array, "..."] | None = None,
        d_state: State | None = None,
    ) -> RNNGradients:
        """Return the gradients of x, of the initial state and of the parameters.

        The parameters must be the same as in the forward pass. `backward` changes no argument, and
        a tape can be used again.

        Parameters
        ----------
        tape : RNNTape
        d_output : ndarray shaped like output, optional
            δoutput; zeros if not given.
        d_state : shaped like the state that `forward` returned, optional
            δh_n, or (δh_n, δc_n); zeros if not given.

        Raises
        ------
        ValueError, TypeError
            If a gradient has not the shape or dtype of its result, or the tape is of another layer.
        """
        check_tape(tape, self._kind)
        D, R, lengths = self.num_directions, self.output_size, tape.layout.lengths
        # (T, B, D·R) and (L·D, B, …)
        d_y, d_state_n = self._lay_out_gradients(tape, d_output, d_state)
        B = d_y.shape[1]
        d_state_0 = [np.empty_like(d) for d in d_state_n]
        d_parameters: dict[str, FloatArray] = {}
        for layer in reversed(range(self.num_layers)):
            d_x = None  # summed over the directions, which read the same x
            for i in range(layer * D, (layer + 1) * D):
                is_reverse = i % D == 1
                d_h = d_y[:, :, R:] if is_reverse else d_y[:, :, :R]  # (T, B, R)
                d_last = [d[i] for d in d_state_n]  # (B, …)
                d_inside: list[FloatArray | None] = [None] * (len(d_last) - 1)  # only h is output
                if is_reverse:
                    d_h = padding.reverse(d_h, lengths)
                if lengths is not None:  # the state was read at each sequence's own last step
                    d_h = padding.clear_padding(d_h, lengths)
                    d_h[lengths - 1, np.arange(B)] += d_last[0]
                    d_inside = [padding.place_at_ends(d, lengths, len(d_h)) for d in d_last[1:]]
                    d_last = [np.zeros_like(d) for d in d_last]
                own, weights = tape.recurrences[i], self.weights(i)
                d_x_i, d_first, d_weights = batch_slices.backward(
                    self.cell_backward, own, weights, [d_h, *d_inside], d_last
                )
                for d_state_0_k, d_first_k in zip(d_state_0, d_first, strict=True):
                    d_state_0_k[i] = d_first_k
                for letter, d in zip(self.cell.Weights._fields, d_weights, strict=True):
                    if d is not None:
                        d_parameters[self._name(letter, i)] = d
                if d_x_i is not None:
                    d_x_i = padding.reverse(d_x_i, lengths) if is_reverse else d_x_i
                    d_x = d_x_i if d_x is None else d_x + d_x_i
            if layer > 0 and d_x is not None:  # this layer's input is the output of the one below
                d_y = d_x if tape.dropout_masks is None else d_x * tape.dropout_masks[layer - 1]
        if d_x is not None:
            steps_cut_off = tape.layout.T - len(d_x)
            d_x = np.pad(d_x, ((0, steps_cut_off), (0, 0), (0, 0))) if steps_cut_off else d_x
            d_x = tape.layout.restore(d_x)
        d_h0, *d_c0 = (tape.layout.restore_state(d) for d in d_state_0)
        d_parameters = {name: d_parameters[name] for name in self.parameters}  # in their order
        return RNNGradients(d_x, d_h0, d_parameters, *d_c0)

    def draw_dropout_masks(
        self, T: int, B: int, rng: np.random.Generator
    ) -> tuple[Float[Array, "T B DR"], ...]:
        """Return masks for `forward`: 0 with probability `dropout`, else 1 / (1 - dropout)."""
        T, B = check_integer("T", T, least=0), check_integer("B", B, least=0)
        check_has("rng", rng, "random")
        kept = 1 - self.dropout
        shape = (T, B, self.num_directions * self.output_size)
        scale = 1 / kept if kept > 0 else 0.0
        return tuple(
            ((rng.random(shape) < kept) * scale).astype(self.dtype)
            for _ in range(self.num_layers - 1)
        )

    # The caller's layout and ours -----------------------------------------------------------

    def _lay_out(
        self, x: Array, state: State | None, lengths: Lengths | None
    ) -> tuple[Array, list[FloatArray], Layout]:
        """Return x as (T, B, V) or (T, B), the arrays of the state as (L·D, B, …), all checked."""
        x, layout = lay_out(x, lengths, self.input_size, self.dtype, batch_first=self.batch_first)
        names = [f"{name}0" for name in self.STATES]
        return x, self._check_state("state", names, state, layout, x.shape[1]), layout

    def _check_state(
        self, whole: str, names: list[str], state: State | None, layout: Layout, B: int
    ) -> list[FloatArray]:
        """Return the arrays of a state, or of its gradient, as (L·D, B, …); absent ones zero."""
        if state is None:
            return list(arrays_of(self.begin_state(B)))
        LD = self.num_layers * self.num_directions
        shapes = [layout.callers_state_shape(LD, B, *sizes) for sizes in self.sizes_of_states()]
        arrays = check_state(whole, names, state, shapes, self.dtype)
        return [array[:, None] if layout.unbatched else array for array in arrays]

    def _lay_out_gradients(
        self, tape: RNNTape, d_output: Array | None, d_state: State | None
    ) -> tuple[FloatArray, list[FloatArray]]:
        """Return δoutput as (T, B, D·R), the arrays of δstate as (L·D, B, …), absent ones zero."""
        layout, DR = tape.layout, self.num_directions * self.output_size
        T, B, _ = self.output_of(tape.recurrences[0]).shape
        if d_output is None:
            d_output = np.zeros((T, B, DR), self.dtype)
        else:
            shape = layout.callers_shape(T, B, DR)
            d_output = layout.make_time_major(check_array("d_output", d_output, shape, self.dtype))
        names = [f"d_{name}_n" for name in self.STATES]
        return d_output, self._check_state("d_state", names, d_state, layout, B)
