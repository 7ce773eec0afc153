"""The gated delta rule in a `Layer`: its state is a matrix, and its output is read from it."""

from typing import Any, ClassVar

from scratch_rnn.arrays import FloatArray
from scratch_rnn.cells import delta
from scratch_rnn.layers.docstrings import fill_docstring
from scratch_rnn.layers.one_layer import OneLayer


@fill_docstring
class GatedDelta(OneLayer):
    """Gated delta rule of Yang et al. (2024) with one head, one layer in one direction.

    For each step, with the equations of `scratch_rnn.plain.delta`::

        q_t = W_q x_t + b_q
        k_t = W_k x_t + b_k, divided by its length
        v_t = W_v x_t + b_v
        α_t = σ(W_α x_t + b_α)
        β_t = σ(W_β x_t + b_β)
        S_t = α_t S_{t-1} (I - β_t k_t k_t^T) + β_t v_t k_t^T
        o_t = S_t q_t

    The state S is a matrix (H, H) for each sequence; like that of any layer it is called h0 and
    h_n. The output is o_t.

    Parameters
    ----------
    %(one_layer)s
    %(initial)s

    Attributes
    ----------
    parameters : dict of str to ndarray
        ``weight_ih_l0`` (3H, V) and ``bias_ih_l0`` (3H,), one below the other: q, k, v. Then
        ``weight_ig_l0`` (2, V) and ``bias_ig_l0`` (2,): α, β.

    %(notes)s

    Examples
    --------
    >>> layer = GatedDelta(28, 256)
    >>> output, h_n = layer(np.zeros((35, 32, 28), np.float32))
    >>> output.shape, h_n.shape
    ((35, 32, 256), (1, 32, 256, 256))
    """

    cell: ClassVar = delta
    NUM_GATES = 3

    def sizes_of_states(self) -> list[tuple[int, ...]]:
        """Return the shape of the only array of a sequence's state: a matrix (H, H)."""
        return [(self.hidden_size, self.hidden_size)]

    def output_of(self, tape: Any) -> FloatArray:
        """Return the output (T, B, H) of a recurrence: what it has read from its states."""
        output: FloatArray = tape.output
        return output
