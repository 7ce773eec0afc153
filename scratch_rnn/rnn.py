"""torch.nn.RNN by hand: the cell of Elman, put into `layer`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num

from scratch_rnn.cells import elman
from scratch_rnn.checks import check_choice
from scratch_rnn.columns import StepInColumns
from scratch_rnn.layer import Layer
from scratch_rnn.tape import RNNGradients, RNNTape


class RNN(Layer):
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
    dtype : float32 or float64; None stands for float32
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
    The layer keeps no state between calls. Equations: `scratch_rnn.cells.elman`. What `forward` and
    `backward` take and return is said in `scratch_rnn.layer`; state is h0 here.

    Examples
    --------
    >>> rnn = RNN(28, 256)
    >>> output, h_n = rnn(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    NUM_GATES = 1
    Weights = elman.Weights

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
        dtype: type | np.dtype | str | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.nonlinearity = check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            dtype=dtype,
            rng=rng,
        )

    def cell_forward(self, x: Any, state_0: Any, weights: Any) -> elman.Tape:
        """Run T steps of `elman`."""
        (h_0,) = state_0
        return elman.forward(x, h_0, weights, self.nonlinearity)

    def cell_backward(self, tape: Any, weights: Any, d_steps: Any, d_last: Any) -> Any:
        """Run them backward."""
        d_x, d_h_0, d_weights = elman.backward(tape, weights, self.nonlinearity, *d_steps, *d_last)
        return d_x, [d_h_0], d_weights

    def step_in_columns(self, weights: Any) -> tuple[Any, StepInColumns]:
        """Return b_ih + b_hh, and a step whose sequences are columns."""
        _, _, b_ih, b_hh = weights
        f = np.tanh if self.nonlinearity == "tanh" else lambda z: np.maximum(z, 0)
        return 0 if b_ih is None else b_ih + b_hh, lambda a, u, h: [f(a + u)]

    # As in `Layer`, by the names that they have here.

    def __call__(
        self,
        x: Num[np.ndarray, "..."],
        h0: Float[np.ndarray, "..."] | None = None,
        *,
        lengths: Sequence[int] | Int[np.ndarray, "B"] | None = None,
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return (output, h_n) in evaluation mode, as nn.RNN does."""
        return super().__call__(x, h0, lengths=lengths)

    def forward(
        self,
        x: Num[np.ndarray, "..."],
        h0: Float[np.ndarray, "..."] | None = None,
        *,
        lengths: Sequence[int] | Int[np.ndarray, "B"] | None = None,
        dropout_masks: Sequence[Float[np.ndarray, "T B DR"]] | None = None,
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], RNNTape]:
        """Run all layers over all steps; return (output, h_n, tape)."""
        return super().forward(x, h0, lengths=lengths, dropout_masks=dropout_masks)

    def backward(
        self,
        tape: RNNTape,
        d_output: Float[np.ndarray, "..."] | None = None,
        d_h_n: Float[np.ndarray, "..."] | None = None,
    ) -> RNNGradients:
        """Carry gradients of a loss from output and h_n back to x, h0 and the parameters."""
        return super().backward(tape, d_output, d_h_n)
