"""The minimal gated unit in a `Layer`."""

from typing import ClassVar

from scratch_rnn.cells import mgu
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.layer import Layer


@fill_docstring
class MGU(Layer):
    """Minimal gated unit of L layers, in one or both directions.

    The equations are those of `scratch_rnn.cells.mgu`.

    Parameters
    ----------
    %(sizes)s
    %(options)s
    %(initial)s

    %(notes)s
    """

    cell: ClassVar = mgu
    NUM_GATES = 2
