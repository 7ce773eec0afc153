"""The cells of the language model: the functions of each, its weights, and how it learns."""

from collections.abc import Callable
from typing import Any, NamedTuple

from scratch_rnn.plain import delta_chunks, elman, gru, lstm, mingru
from scratch_rnn.plain.elman import Array


class PlainCell(NamedTuple):
    """A cell.

    forward:  (x, *state, *weights) -> (output, last state, tape)
    backward: (tape, d_output, *d_last_state) -> (d_x, *d_state, *d_weights)
    """

    forward: Callable[..., tuple[Any, ...]]
    backward: Callable[..., tuple[Array, ...]]
    num_gates: int = 1  # blocks of H rows in each weight
    num_states: int = 1
    state_axes: int = 1  # of H entries each: the state of a sequence is a vector, or a matrix
    weights: tuple[str, ...] = ("W_ih", "W_hh", "b_ih", "b_hh")
    epochs: int = 100  # these and the learning rate suit the built-in sample text
    lr: float = 1.0
    uses_adam: bool = False  # to train on that text


CELLS = {
    "rnn": PlainCell(elman.rnn_forward, elman.rnn_backward, epochs=160),
    "gru": PlainCell(gru.gru_forward, gru.gru_backward, num_gates=3, epochs=80, lr=4.0),
    "lstm": PlainCell(lstm.lstm_forward, lstm.lstm_backward, num_gates=4, num_states=2, lr=4.0),
    "mingru": PlainCell(
        *(mingru.mingru_forward, mingru.mingru_backward),
        num_gates=2,
        weights=("W_ih", "b_ih"),
        epochs=360,
        lr=0.03,
        uses_adam=True,
    ),
    "delta": PlainCell(
        *(delta_chunks.delta_chunks_forward, delta_chunks.delta_chunks_backward),
        num_gates=3,
        state_axes=2,
        weights=("W_ih", "W_ig", "b_ih", "b_ig"),
        lr=0.01,
        uses_adam=True,
    ),
}
