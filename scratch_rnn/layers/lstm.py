"""torch.nn.LSTM by hand: the cell of Hochreiter and Schmidhuber in a `Layer`."""

from typing import ClassVar

import numpy as np

from scratch_rnn.cells import lstm
from scratch_rnn.checks import check_integer
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.layer import Layer


@fill_docstring
class LSTM(Layer):
    """Long short-term memory of L layers, in one or both directions: torch.nn.LSTM by hand.

    For each layer and step, with the equations of `scratch_rnn.cells.lstm`::

        i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
        f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)                  or W_hr (o_t ⊙ tanh(c_t)), where P > 0

    A state is the pair (h, c).

    Parameters
    ----------
    %(sizes)s
    %(options)s
    proj_size : int
        P, units to which each h is projected; 0 if there is no projection. R is P then, else H.
    %(initial)s

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (4H, V), ``weight_hh_l0`` (4H, R),
        ``bias_ih_l0`` (4H,), ``bias_hh_l0`` (4H,), with a projection ``weight_hr_l0`` (P, H), then
        ``…_l0_reverse``, ``…_l1`` and so on. The gates are one below the other: i, f, g, o.

    %(notes)s

    Examples
    --------
    >>> layer = LSTM(28, 256)
    >>> output, (h_n, c_n) = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape, c_n.shape
    ((35, 32, 256), (1, 32, 256), (1, 32, 256))
    """

    cell: ClassVar = lstm
    NUM_GATES = 4
    STATES = ("h", "c")

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
        self.proj_size = check_integer("proj_size", proj_size, least=0)
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)
