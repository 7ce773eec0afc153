"""The language model with the plain version of any cell: only the recurrent layer differs.

T steps, B sequences, V entries of the vocabulary, H hidden units. A state is a list of arrays
(B, H): [h], or [h, c] for the LSTM; the delta rule has [S] (B, H, H). Parameters are in the
order of a PyTorch model's state_dict: the weights of the cell, then W and b of the output layer.
"""

from collections.abc import Callable, Iterable

import numpy as np

from scratch_rnn.plain import elman
from scratch_rnn.plain.cells import PlainCell
from scratch_rnn.plain.elman import Array


def init_parameters(cell: PlainCell, V: int, H: int, rng: np.random.Generator) -> list[Array]:
    """Draw the cell's weights, W and b from -1/√H to 1/√H, as torch does."""
    GH = cell.num_gates * H
    sizes = {"W_ih": [GH, V], "W_hh": [GH, H], "b_ih": [GH], "b_hh": [GH]}
    sizes |= {"W_ig": [2, V], "b_ig": [2]}  # of one row for each of two gates
    shapes = [*(sizes[name] for name in cell.weights), [V, H], [V]]
    return [(rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32) for shape in shapes]


def begin_state(cell: PlainCell, B: int, parameters: list[Array]) -> list[Array]:
    """Return the state before the first step: zeros."""
    W = parameters[-2]
    shape = (B, *cell.state_axes * [W.shape[1]])
    return [np.zeros(shape, W.dtype) for _ in range(cell.num_states)]


def forward(
    cell: PlainCell, inputs: Array, state: list[Array], parameters: list[Array]
) -> tuple[Array, list[Array], Array, object]:
    """Return logits y (T, B, V), the last state, h (T, B, H) and a tape, from inputs (T, B)."""
    *weights, W, b = parameters
    x = elman.one_hot(inputs, len(b), W.dtype)  # (T, B, V)
    h, last, tape = cell.forward(x, *state, *weights)
    return elman.output_layer(h, W, b), list(last) if len(state) > 1 else [last], h, tape


def loss_and_gradients(
    cell: PlainCell,
    inputs: Array,
    targets: Array,
    state: list[Array],
    parameters: list[Array],
    cross_entropy: Callable[..., tuple[float, Array]] = elman.cross_entropy,
) -> tuple[float, list[Array], list[Array]]:
    """Return L, the gradient of each parameter, and the last state; inputs, targets are (T, B)."""
    y, last, h, tape = forward(cell, inputs, state, parameters)
    loss, d_y = cross_entropy(y.reshape(-1, y.shape[2]), targets.reshape(-1))
    W = parameters[-2]
    d_h, d_W, d_b = elman.output_layer_backward(d_y.reshape(y.shape), h, W)
    _, *d_cell = cell.backward(tape, d_h, *(np.zeros_like(s) for s in state))
    return loss, [*d_cell[len(state) :], d_W, d_b], last


def train_epoch(
    cell: PlainCell,
    batches: Iterable[Iterable[Array]],
    B: int,
    parameters: list[Array],
    max_norm: float,
    cross_entropy: Callable[..., tuple[float, Array]] = elman.cross_entropy,
    clip_grad_norm: Callable[[list[Array], float], float] = elman.clip_grad_norm,
    update: Callable[[list[Array], list[Array], float], None] = elman.update,
) -> list[float]:
    """Do one update for each batch, whose inputs and targets are (B, T); return the losses."""
    state, losses = begin_state(cell, B, parameters), []
    for inputs, targets in batches:
        # the state is carried from batch to batch; its gradient is not
        loss, gradients, state = loss_and_gradients(
            cell, inputs.T, targets.T, state, parameters, cross_entropy
        )
        clip_grad_norm(gradients, max_norm)
        update(parameters, gradients, cell.lr)
        losses.append(loss)
    return losses


def generate(cell: PlainCell, ids: list[int], num_preds: int, parameters: list[Array]) -> list[int]:
    """Read the ids, then add num_preds more, each the likeliest one."""
    ids, state = list(ids), begin_state(cell, 1, parameters)
    for t in range(len(ids) + num_preds - 1):
        y, state, _, _ = forward(cell, np.array([[ids[t]]]), state, parameters)  # y (1, 1, V)
        if t + 1 == len(ids):  # all that was given has been read
            ids.append(int(y.argmax()))
    return ids
