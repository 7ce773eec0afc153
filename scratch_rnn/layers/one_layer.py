"""The layers of the cells that PyTorch does not have: one layer, in one direction."""

from collections.abc import Callable, Sequence

import numpy as np

from scratch_rnn.arrays import Array, FloatArray, State
from scratch_rnn.checks import check_integer
from scratch_rnn.layers.layer import Layer
from scratch_rnn.layers.layout import Lengths
from scratch_rnn.layers.tape import RNNTape


class OneLayer(Layer):
    """One layer in one direction, for sequences of equal length. A subclass names the cell."""

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
