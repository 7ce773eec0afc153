"""torch.nn.GRU by hand: the cell of Cho in a `Layer`."""

from typing import ClassVar

import numpy as np

from scratch_rnn.cells import gru
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.layer import Layer


@fill_docstring
class GRU(Layer):
    """Gated recurrent unit of L layers, in one or both directions: torch.nn.GRU by hand.

    For each layer and step, with the equations of `scratch_rnn.cells.gru`::

        r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Parameters
    ----------
    %(sizes)s
    %(options)s
    %(initial)s

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (3H, V), ``weight_hh_l0`` (3H, H),
        ``bias_ih_l0`` (3H,), ``bias_hh_l0`` (3H,), then ``…_l0_reverse``, ``…_l1`` and so on. The
        gates are one below the other: r, z, n.

    %(notes)s

    Examples
    --------
    >>> layer = GRU(28, 256)
    >>> output, h_n = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    cell: ClassVar = gru
    NUM_GATES = 3

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
        sizes = (input_size, hidden_size, num_layers)  # the method is here for its name in errors
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)
