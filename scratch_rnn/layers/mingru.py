"""The minGRU in a `Layer`."""

from typing import ClassVar

from scratch_rnn.cells import mingru
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.one_layer import OneLayer


@fill_docstring
class MinGRU(OneLayer):
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
