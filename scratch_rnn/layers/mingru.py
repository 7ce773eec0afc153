"""The minGRU in a `Layer`."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from scratch_rnn.arrays import Array, FloatArray, State
from scratch_rnn.cells import mingru
from scratch_rnn.checks import check_integer
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.layer import Layer
from scratch_rnn.layers.layout import Lengths
from scratch_rnn.layers.tape import RNNTape


@fill_docstring
class MinGRU(Layer):
    """Minimal gated recurrent unit of Feng et al. (2024), one layer in one direction.

    For each step, with the equations of `scratch_rnn.cells.mingru`::

        z_t = σ(W_iz x_t + b_iz)
        n_t = W_in x_t + b_in
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t

    Parameters
    ----------
    %(one_layer)s
    %(initial)s

    Attributes
    ----------
    parameters : dict of str to ndarray
        ``weight_ih_l0`` (2H, V) and ``bias_ih_l0`` (2H,). The gates are one below the other: z, n.

    %(notes)s

    Examples
    --------
    >>> layer = MinGRU(28, 256)
    >>> output, h_n = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    cell: ClassVar = mingru
    NUM_GATES = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        *,
        dtype: type | np.dtype | str | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        if check_integer("num_layers", num_layers, least=1) != 1:
            raise ValueError(f"expected num_layers to be 1, got {num_layers}")
        super().__init__(input_size, hidden_size, 1, bias, batch_first, dtype=dtype, rng=rng)

    def _run(
        self,
        cell: Callable[..., object],
        x: Array,
        state: State | None,
        lengths: Lengths | None,
        dropout_masks: Sequence[Array] | None,
    ) -> tuple[FloatArray, State, RNNTape]:
        if lengths is not None:
            raise ValueError(f"expected no lengths for {type(self).__name__}, got {lengths}")
        return super()._run(cell, x, state, None, dropout_masks)
