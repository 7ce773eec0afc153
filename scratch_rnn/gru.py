"""torch.nn.GRU by hand: the cell of Cho, put into `layer`."""

from typing import Any

import numpy as np

from scratch_rnn.cells import gru
from scratch_rnn.columns import StepInColumns
from scratch_rnn.layer import Layer


class GRU(Layer):
    """Gated recurrent unit of L layers, in one or both directions: torch.nn.GRU by hand.

    For each layer and step::

        r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Parameters
    ----------
    input_size : int
        V, features of each x_t.
    hidden_size : int
        H, units of each state and gate.
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
    dtype : float32 or float64; None stands for float32
    rng : numpy.random.Generator, optional
        Source of the initial parameters, uniform in ±1/√H as in torch.

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (3H, V), ``weight_hh_l0`` (3H, H),
        ``bias_ih_l0`` (3H,), ``bias_hh_l0`` (3H,), then ``…_l0_reverse``, ``…_l1`` and so on. The
        gates are one below the other: r, z, n.

    Raises
    ------
    ValueError, TypeError
        For what nn.GRU refuses, saying what was expected and what came.

    Notes
    -----
    The layer keeps no state between calls. Equations: `scratch_rnn.cells.gru`. What `forward` and
    `backward` take and return is said in `scratch_rnn.layer`.

    Examples
    --------
    >>> layer = GRU(28, 256)
    >>> output, h_n = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    NUM_GATES = 3
    Weights = gru.Weights

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

    def cell_forward(self, x: Any, state_0: Any, weights: Any) -> gru.Tape:
        """Run T steps of `gru`."""
        (h_0,) = state_0
        return gru.forward(x, h_0, weights)

    def cell_backward(self, tape: Any, weights: Any, d_steps: Any, d_last: Any) -> Any:
        """Run them backward."""
        (d_h,), (d_h_n,) = d_steps, d_last
        d_x, d_h_0, d_weights = gru.backward(tape, weights, d_h, d_h_n)
        return d_x, [d_h_0], d_weights

    def step_in_columns(self, weights: Any) -> tuple[Any, StepInColumns]:
        """Return all biases but b_hn, and a step whose sequences are columns."""
        return gru.step_in_columns(weights)
