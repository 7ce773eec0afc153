"""torch.nn.RNN by hand: the cell of Elman in a `Layer`."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Num

from scratch_rnn.arrays import Array, State
from scratch_rnn.cells import elman
from scratch_rnn.checks import check_choice
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.layer import Layer
from scratch_rnn.layers.layout import Lengths
from scratch_rnn.layers.tape import RNNGradients, RNNTape


@fill_docstring
class RNN(Layer):
    """Elman RNN of L layers, in one or both directions: torch.nn.RNN by hand.

    For each layer and step, with f = tanh or ReLU and the equations of `scratch_rnn.cells.elman`::

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

    Parameters
    ----------
    %(sizes)s
    nonlinearity : {"tanh", "relu"}
    %(options)s
    %(initial)s

    Attributes
    ----------
    parameters : dict of str to ndarray
        torch's names, order and shapes: ``weight_ih_l0`` (H, V), ``weight_hh_l0`` (H, H),
        ``bias_ih_l0`` (H,), ``bias_hh_l0`` (H,), then ``…_l0_reverse``, ``…_l1`` and so on.

    %(notes)s

    Examples
    --------
    >>> rnn = RNN(28, 256)
    >>> output, h_n = rnn(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256))
    """

    cell: ClassVar = elman
    NUM_GATES = 1

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
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)

    @property
    def options(self) -> tuple[str, ...]:
        """The last arguments of the cell's functions."""
        return (self.nonlinearity,)

    # The methods of `Layer`, with the names that a state has in nn.RNN.

    def __call__(
        self, x: Num[Array, "..."], h0: State | None = None, *, lengths: Lengths | None = None
    ) -> tuple[Float[Array, "..."], State]:
        """Return (output, h_n) in evaluation mode, as nn.RNN does."""
        return super().__call__(x, h0, lengths=lengths)

    def forward(
        self,
        x: Num[Array, "..."],
        h0: State | None = None,
        *,
        lengths: Lengths | None = None,
        dropout_masks: Sequence[Float[Array, "T B DR"]] | None = None,
    ) -> tuple[Float[Array, "..."], State, RNNTape]:
        """Run all layers over all steps; return (output, h_n, tape). See `Layer.forward`."""
        return super().forward(x, h0, lengths=lengths, dropout_masks=dropout_masks)

    def backward(
        self, tape: RNNTape, d_output: Float[Array, "..."] | None = None, d_h_n: State | None = None
    ) -> RNNGradients:
        """Return the gradients with respect to x, h0 and the parameters. See `Layer.backward`."""
        return super().backward(tape, d_output, d_h_n)
