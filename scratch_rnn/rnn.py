"""The whole of torch.nn.RNN, stacked out of single recurrences.

Data passes through in the order of this file's `forward`: it is laid out time-major, then layer
by layer goes through dropout and one or two directions, and is laid back as the caller has it.
`backward` is the same path read from the bottom up.

A bidirectional layer reads the sequence in both directions and hands on both states of a step
side by side, so that every layer but the first has D·H inputs, for D directions.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

from scratch_rnn import padding
from scratch_rnn.cells import elman
from scratch_rnn.cells.elman import Weights
from scratch_rnn.checks import (
    check_array,
    check_choice,
    check_flag,
    check_has,
    check_ids,
    check_number,
    whole_number,
)

FloatArray = np.ndarray  # of the layer's own dtype; shapes stand in the annotations


@dataclass(frozen=True, slots=True)
class Layout:
    """How the caller's arrays differ from ours, which are (T, B, …)."""

    T: int  # steps of the caller's x; with lengths ours may be fewer
    batch_first: bool
    unbatched: bool
    lengths: Int[np.ndarray, "B"] | None


@dataclass(frozen=True, slots=True)
class RNNTape:
    """What `RNN.backward` needs to know of a forward pass."""

    layout: Layout
    recurrences: tuple[elman.Tape, ...]  # L·D of them: layer by layer, forward then reverse
    dropout_masks: tuple[Float[np.ndarray, "T B DH"], ...] | None  # one below each layer but l0


@dataclass(frozen=True, slots=True)
class RNNGradients:
    """Gradients of the loss with respect to all that `RNN.forward` read."""

    x: Float[np.ndarray, "..."] | None  # shaped like x; None where x was integers
    h0: Float[np.ndarray, "..."]  # shaped like h0
    parameters: dict[str, Float[np.ndarray, "..."]]  # the keys and shapes of RNN.parameters


class RNN:
    """Elman RNN of L layers, in one or both directions: torch.nn.RNN by hand.

    For each layer and step, with f = tanh or ReLU::

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

    Parameters
    ----------
    input_size : int
        V, features of each x_t.
    hidden_size : int
        H, units of each state.
    num_layers : int
        L.
    nonlinearity : {"tanh", "relu"}
    bias : bool
        Whether there are b_ih and b_hh.
    batch_first : bool
        Whether x and output are (B, T, …) instead of (T, B, …). States never are.
    dropout : float
        Probability with which a layer's input (the first's excepted) is dropped in training, that
        is, where masks are given to `forward`.
    bidirectional : bool
        Whether each layer also reads backward: D is 2, else 1.
    dtype : float32 or float64
    rng : numpy.random.Generator, optional
        Source of the initial parameters, uniform in ±1/√H as in torch.

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (H, V), ``weight_hh_l0`` (H, H),
        ``bias_ih_l0`` (H,), ``bias_hh_l0`` (H,), then ``…_l0_reverse``, ``…_l1`` and so on.

    Raises
    ------
    ValueError, TypeError
        For what nn.RNN refuses, saying what was expected and what came.

    Notes
    -----
    The layer keeps no state between calls. Equations: `scratch_rnn.cells.elman`.

    Examples
    --------
    >>> rnn = RNN(28, 256)
    >>> output, h_n = rnn(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: type | np.dtype | str = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.input_size = whole_number("input_size", input_size, least=1)
        self.hidden_size = whole_number("hidden_size", hidden_size, least=1)
        self.num_layers = whole_number("num_layers", num_layers, least=1)
        self.nonlinearity = check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.bias = check_flag("bias", bias)
        self.batch_first = check_flag("batch_first", batch_first)
        self.dropout = check_number("dropout", dropout)
        if self.dropout > 1:
            raise ValueError(f"expected dropout in 0 … 1, got {dropout:g}")
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"dropout {dropout:g} has no effect: it acts between layers and there is one",
                stacklevel=2,
            )
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.num_directions = 2 if bidirectional else 1
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise TypeError(f"expected dtype float32 or float64, got {self.dtype}")
        rng = np.random.default_rng() if rng is None else rng
        check_has("rng", rng, "uniform")
        self.parameters = self._initial_parameters(rng)

    def _initial_parameters(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        H, D = self.hidden_size, self.num_directions
        bound = 1 / np.sqrt(H)
        shapes: dict[str, tuple[int, ...]] = {}
        for i in range(self.num_layers * D):
            V = self.input_size if i < D else D * H
            sizes = ((H, V), (H, H), (H,), (H,))
            shapes |= dict(zip(self._names(i), sizes, strict=False))
        return {
            name: rng.uniform(-bound, bound, shape).astype(self.dtype)
            for name, shape in shapes.items()
        }

    def _names(self, i: int) -> list[str]:
        """Return torch's names for the parameters of recurrence i = layer · D + direction."""
        layer, direction = divmod(i, self.num_directions)
        suffix = f"l{layer}_reverse" if direction == 1 else f"l{layer}"
        kinds = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * self.bias
        return [f"{kind}_{suffix}" for kind in kinds]

    def weights(self, i: int) -> Weights:
        """Return the parameters of recurrence i = layer · D + direction, not copied."""
        W_ih, W_hh, *biases = (self.parameters[name] for name in self._names(i))
        b_ih, b_hh = biases or (None, None)
        return Weights(W_ih, W_hh, b_ih, b_hh)

    def __call__(
        self,
        x: Num[np.ndarray, "..."],
        h0: Float[np.ndarray, "..."] | None = None,
        *,
        lengths: Sequence[int] | Int[np.ndarray, "B"] | None = None,
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return (output, h_n) in evaluation mode, as nn.RNN does; see `forward`."""
        output, h_n, _ = self.forward(x, h0, lengths=lengths)
        return output, h_n

    def forward(
        self,
        x: Num[np.ndarray, "..."],
        h0: Float[np.ndarray, "..."] | None = None,
        *,
        lengths: Sequence[int] | Int[np.ndarray, "B"] | None = None,
        dropout_masks: Sequence[Float[np.ndarray, "T B DH"]] | None = None,
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], RNNTape]:
        """Run all layers over all steps.

        Parameters
        ----------
        x : ndarray of shape (T, B, V); (B, T, V) with `batch_first`; (T, V) unbatched
            Of the layer's dtype. Or integers in 0 … V-1 without the last axis, for one-hot rows.
            The tape refers to it: change it only after `backward`.
        h0 : ndarray of shape (L·D, B, H), or (L·D, H) unbatched; optional
            The states before the first step; zeros if not given.
        lengths : B integers in 1 … T, optional
            Steps of each sequence; the rest is padding. Results are those of a packed sequence:
            output has max(lengths) steps and is zero in the padding, h_n is the state after each
            sequence's own end, and the reverse direction begins there.
        dropout_masks : L-1 arrays of shape (T, B, D·H), optional
            What the input of each layer but the first is multiplied with; see
            `draw_dropout_masks`. Time-major, whatever the layout of x. None is evaluation mode.

        Returns
        -------
        output : ndarray of shape (T, B, D·H), laid out like x; read-only
        h_n : ndarray of shape (L·D, B, H), or (L·D, H) unbatched
        tape : RNNTape
            For `backward`. Many may be alive at once.

        Raises
        ------
        ValueError
            If a shape, a length or an integer of x is not as said.
        TypeError
            If a dtype is not the layer's, or an argument is no array.
        """
        x, h0, layout = self._lay_out(x, h0, lengths)  # (T, B, V) or (T, B);  (L·D, B, H)
        masks = self._check_masks(dropout_masks, layout.T, x)
        D, padded = self.num_directions, layout.lengths
        y = padding.without_padding(x, padded)  # each layer's input, in the end the output
        tapes: list[elman.Tape] = []
        for layer in range(self.num_layers):
            if layer > 0 and masks is not None:
                y = y * masks[layer - 1]
            outputs = []
            for i in range(layer * D, (layer + 1) * D):
                is_reverse = i % D == 1
                steps = padding.reverse(y, padded) if is_reverse else y
                tape = elman.forward(steps, h0[i], self.weights(i), self.nonlinearity)
                h = tape.h[1:]  # (T, B, H)
                if padded is not None:
                    h[padding.is_padding(padded, len(h))] = 0
                outputs.append(padding.reverse(h, padded) if is_reverse else h)
                tapes.append(tape)
            y = np.concatenate(outputs, axis=2) if D == 2 else outputs[0]  # (T, B, D·H)
        h_n = np.stack([padding.last_state(tape.h, padded) for tape in tapes])  # (L·D, B, H)
        output, h_n = self._lay_back(y, h_n, layout)
        output.flags.writeable = False  # it may be the tape's own memory
        return output, h_n, RNNTape(layout, tuple(tapes), masks)

    def backward(
        self,
        tape: RNNTape,
        d_output: Float[np.ndarray, "..."] | None = None,
        d_h_n: Float[np.ndarray, "..."] | None = None,
    ) -> RNNGradients:
        """Carry gradients of a loss from the results of `forward` back to what it read.

        The parameters must be those of the forward pass. Nothing given is changed, and a tape can
        be used again.

        Parameters
        ----------
        tape : RNNTape
        d_output : ndarray shaped like output, optional
            δoutput; None stands for zeros.
        d_h_n : ndarray shaped like h_n, optional
            δh_n; None stands for zeros.

        Returns
        -------
        RNNGradients

        Raises
        ------
        ValueError, TypeError
            If a gradient has not the shape or dtype of its result.
        """
        check_has("tape", tape, "layout", "recurrences")
        D, H, lengths = self.num_directions, self.hidden_size, tape.layout.lengths
        d_y, d_h_n = self._lay_out_gradients(tape, d_output, d_h_n)  # (T, B, D·H);  (L·D, B, H)
        B = d_y.shape[1]
        d_h0 = np.empty_like(d_h_n)
        d_parameters: dict[str, FloatArray] = {}
        for layer in reversed(range(self.num_layers)):
            d_x = None  # summed over the directions, which read the same x
            for i in range(layer * D, (layer + 1) * D):
                is_reverse = i % D == 1
                d_h = d_y[:, :, H:] if is_reverse else d_y[:, :, :H]  # (T, B, H)
                d_last = d_h_n[i]  # (B, H)
                if is_reverse:
                    d_h = padding.reverse(d_h, lengths)
                if lengths is not None:  # h_n was read at each sequence's own last step
                    d_h = padding.without_padding(d_h, lengths)
                    d_h[lengths - 1, np.arange(B)] += d_last
                    d_last = np.zeros_like(d_last)
                d_x_i, d_h0[i], d_weights = elman.backward(
                    tape.recurrences[i], self.weights(i), self.nonlinearity, d_h, d_last
                )
                d_arrays = [array for array in d_weights if array is not None]
                d_parameters |= dict(zip(self._names(i), d_arrays, strict=True))
                if d_x_i is not None:
                    d_x_i = padding.reverse(d_x_i, lengths) if is_reverse else d_x_i
                    d_x = d_x_i if d_x is None else d_x + d_x_i
            if layer > 0 and d_x is not None:  # this layer's input is the output of the one below
                d_y = d_x if tape.dropout_masks is None else d_x * tape.dropout_masks[layer - 1]
        d_x, d_h0 = self._lay_back_gradients(d_x, d_h0, tape.layout)
        return RNNGradients(d_x, d_h0, {name: d_parameters[name] for name in self.parameters})

    def draw_dropout_masks(
        self, T: int, B: int, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "T B DH"], ...]:
        """Return masks for `forward`: 0 with probability `dropout`, else 1 / (1 - dropout)."""
        T, B = whole_number("T", T, least=0), whole_number("B", B, least=0)
        check_has("rng", rng, "random")
        kept = 1 - self.dropout
        shape = (T, B, self.num_directions * self.hidden_size)
        scale = 1 / kept if kept > 0 else 0.0
        return tuple(
            ((rng.random(shape) < kept) * scale).astype(self.dtype)
            for _ in range(self.num_layers - 1)
        )

    # The caller's layout and ours -----------------------------------------------------------

    def _lay_out(
        self,
        x: np.ndarray,
        h0: np.ndarray | None,
        lengths: Sequence[int] | np.ndarray | None,
    ) -> tuple[np.ndarray, FloatArray, Layout]:
        """Return x as (T, B, V) or (T, B), and h0 as (L·D, B, H), both checked."""
        if not isinstance(x, np.ndarray):
            raise TypeError(f"expected x to be a NumPy array, got {type(x).__name__}")
        is_one_hot = x.dtype.kind in "iu"
        if not is_one_hot and x.dtype != self.dtype:
            raise TypeError(f"expected x of dtype {self.dtype} or integers, got {x.dtype}")
        unbatched = x.ndim == (1 if is_one_hot else 2)
        if not unbatched and x.ndim != (2 if is_one_hot else 3):
            batched = "(B, T" if self.batch_first else "(T, B"
            expected = f"{batched}) or (T,)" if is_one_hot else f"{batched}, V) or (T, V)"
            raise ValueError(f"expected x of shape {expected}, got {x.shape}")
        if is_one_hot:
            check_ids("x", x, self.input_size)
        elif x.shape[-1] != self.input_size:
            raise ValueError(f"expected x with {self.input_size} features, got shape {x.shape}")
        original_shape = x.shape
        if unbatched:
            x = x[:, None]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        T, B = x.shape[:2]
        if T == 0:
            raise ValueError(f"expected x with at least one step, got shape {original_shape}")

        LD, H = self.num_layers * self.num_directions, self.hidden_size
        if h0 is None:
            h0 = np.zeros((LD, B, H), self.dtype)
        else:
            h0 = check_array("h0", h0, (LD, H) if unbatched else (LD, B, H), self.dtype)
            h0 = h0.reshape(LD, B, H)
        if lengths is not None:
            if unbatched:
                raise ValueError("expected lengths only with a batch, got x without one")
            lengths = self._check_lengths(lengths, T, B)
            x = x[: lengths.max()]
        return x, h0, Layout(T, self.batch_first, unbatched, lengths)

    @staticmethod
    def _check_lengths(lengths: Sequence[int] | np.ndarray, T: int, B: int) -> np.ndarray:
        lengths = np.array(lengths)
        if lengths.shape != (B,) or B == 0:
            raise ValueError(f"expected lengths of shape ({B},), B > 0, got {lengths.shape}")
        if lengths.dtype.kind not in "iu":
            raise TypeError(f"expected lengths to be integers, got {lengths.dtype}")
        if lengths.min() < 1 or lengths.max() > T:
            raise ValueError(f"expected lengths in 1 … {T}, got {lengths.tolist()}")
        return lengths.astype(np.int64)

    def _check_masks(
        self, masks: Sequence[np.ndarray] | None, T: int, x: np.ndarray
    ) -> tuple[FloatArray, ...] | None:
        """Return the masks, checked, of as many steps as our x has."""
        if masks is None:
            return None
        number = len(masks) if isinstance(masks, list | tuple) else type(masks).__name__
        if number != self.num_layers - 1:
            raise ValueError(f"expected {self.num_layers - 1} dropout_masks, got {number}")
        steps, B = x.shape[:2]
        shape = (T, B, self.num_directions * self.hidden_size)
        return tuple(
            check_array(f"dropout_masks[{k}]", mask, shape, self.dtype)[:steps]
            for k, mask in enumerate(masks)
        )

    @staticmethod
    def _lay_back(y: FloatArray, h_n: FloatArray, layout: Layout) -> tuple[FloatArray, FloatArray]:
        if layout.unbatched:
            return y[:, 0], h_n[:, 0]
        return (y.swapaxes(0, 1) if layout.batch_first else y[:]), h_n

    def _lay_out_gradients(
        self, tape: RNNTape, d_output: np.ndarray | None, d_h_n: np.ndarray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return δoutput as (T, B, D·H) and δh_n as (L·D, B, H), both checked, absent ones zero."""
        layout, DH = tape.layout, self.num_directions * self.hidden_size
        T, B, H = tape.recurrences[0].h[1:].shape
        LD = len(tape.recurrences)
        if d_output is None:
            d_output = np.zeros((T, B, DH), self.dtype)
        elif layout.unbatched:
            d_output = check_array("d_output", d_output, (T, DH), self.dtype)[:, None]
        elif layout.batch_first:
            d_output = check_array("d_output", d_output, (B, T, DH), self.dtype).swapaxes(0, 1)
        else:
            d_output = check_array("d_output", d_output, (T, B, DH), self.dtype)
        if d_h_n is None:
            d_h_n = np.zeros((LD, B, H), self.dtype)
        elif layout.unbatched:
            d_h_n = check_array("d_h_n", d_h_n, (LD, H), self.dtype)[:, None]
        else:
            d_h_n = check_array("d_h_n", d_h_n, (LD, B, H), self.dtype)
        return d_output, d_h_n

    @staticmethod
    def _lay_back_gradients(
        d_x: FloatArray | None, d_h0: FloatArray, layout: Layout
    ) -> tuple[FloatArray | None, FloatArray]:
        if d_x is not None:
            steps_cut_off = layout.T - len(d_x)
            d_x = np.pad(d_x, ((0, steps_cut_off), (0, 0), (0, 0))) if steps_cut_off else d_x
            d_x = (
                d_x[:, 0] if layout.unbatched else d_x.swapaxes(0, 1) if layout.batch_first else d_x
            )
        return d_x, (d_h0[:, 0] if layout.unbatched else d_h0)
