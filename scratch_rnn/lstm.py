"""torch.nn.LSTM by hand: the cell of Hochreiter and Schmidhuber, put into `layer`."""

from typing import Any

import numpy as np

from scratch_rnn.cells import lstm
from scratch_rnn.columns import StepInColumns
from scratch_rnn.layer import Layer


class LSTM(Layer):
    """Long short-term memory of L layers, in one or both directions: torch.nn.LSTM by hand.

    For each layer and step::

        i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
        f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)                  or W_hr (o_t ⊙ tanh(c_t)), where P > 0

    Parameters
    ----------
    input_size : int
        V, features of each x_t.
    hidden_size : int
        H, units of each c and gate.
    num_layers : int
        L.
    bias : bool
        Whether there are b_ih and b_hh.
    batch_first : bool
        Whether x and output are (B, T, …) instead of (T, B, …). States never are.
    dropout : float
        Probability with which a layer's input (the first's excepted) is dropped in training, that
        is, where masks are given to `forward`.
    bidirectional : bool
        Whether each layer also reads backward: D is 2, else 1.
    proj_size : int
        P, units to which each h is projected; 0 if there is no projection. R is P then, else H.
    dtype : float32 or float64; None stands for float32
    rng : numpy.random.Generator, optional
        Source of the initial parameters, uniform in ±1/√H as in torch.

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (4H, V), ``weight_hh_l0`` (4H, R),
        ``bias_ih_l0`` (4H,), ``bias_hh_l0`` (4H,), with a projection ``weight_hr_l0`` (P, H), then
        ``…_l0_reverse``, ``…_l1`` and so on. The gates are one below the other: i, f, g, o.

    Raises
    ------
    ValueError, TypeError
        For what nn.LSTM refuses, saying what was expected and what came.

    Notes
    -----
    The layer keeps no state between calls. Equations: `scratch_rnn.cells.lstm`. What `forward` and
    `backward` take and return is said in `scratch_rnn.layer`; a state is a pair (h, c).

    Examples
    --------
    >>> layer = LSTM(28, 256)
    >>> output, (h_n, c_n) = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape, c_n.shape
    ((35, 32, 256), (1, 32, 256), (1, 32, 256))
    """

    NUM_GATES = 4
    STATES = ("h", "c")
    Weights = lstm.Weights

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: type | np.dtype | str | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size=proj_size,
            dtype=dtype,
            rng=rng,
        )

    def cell_forward(self, x: Any, state_0: Any, weights: Any) -> lstm.Tape:
        """Run T steps of `lstm`."""
        h_0, c_0 = state_0
        return lstm.forward(x, h_0, c_0, weights)

    def cell_backward(self, tape: Any, weights: Any, d_steps: Any, d_last: Any) -> Any:
        """Run them backward."""
        d_x, d_h_0, d_c_0, d_weights = lstm.backward(tape, weights, *d_steps, *d_last)
        return d_x, [d_h_0, d_c_0], d_weights

    def step_in_columns(self, weights: Any) -> tuple[Any, StepInColumns]:
        """Return b_ih + b_hh, and a step whose sequences are columns."""
        return lstm.step_in_columns(weights)
