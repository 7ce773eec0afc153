"""The language model with the plain version of any cell: only the recurrent layer differs.

T steps, B sequences in a batch, V entries of the vocabulary, H hidden units. A state is a list of
arrays (B, H): [h], or [h, c] for the LSTM. Parameters are in the order of a PyTorch model's
state_dict: the `WEIGHTS` of the cell, then W and b of the output layer.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from scratch_rnn.plain.elman import Array, clip_grad_norm, cross_entropy, one_hot, update

WEIGHTS = ("W_ih", "W_hh", "b_ih", "b_hh")  # unless the file of a cell names its own


class PlainCell(NamedTuple):
    """A plain version.

    forward:  (x, *state, *weights) -> (output, last state, tape)
    backward: (tape, d_output, *d_last_state) -> (d_x, *d_state, *d_weights)
    """

    name: str
    forward: Callable[..., tuple[Any, ...]]
    backward: Callable[..., tuple[Array, ...]]
    num_gates: int
    num_states: int
    weights: tuple[str, ...]
    epochs: int  # these and the learning rate suit the built-in sample text
    lr: float


def cell_of(plain: ModuleType) -> PlainCell:
    """Return the cell of the module of a plain version."""
    forward, backward = (getattr(plain, f"{plain.NAME}_{way}") for way in ("forward", "backward"))
    sizes = (plain.NUM_GATES, plain.NUM_STATES, getattr(plain, "WEIGHTS", WEIGHTS))
    return PlainCell(plain.NAME, forward, backward, *sizes, plain.EPOCHS, plain.LR)


FILES = {file.stem for file in Path(__file__).parent.glob("[a-z]*.py")} - {"adam", "model"}
MODULES = [import_module(f"scratch_rnn.plain.{name}") for name in sorted(FILES)]
CELLS = {module.NAME: cell_of(module) for module in MODULES}


def init_parameters(cell: PlainCell, V: int, H: int, rng: np.random.Generator) -> list[Array]:
    """Draw the cell's weights, W and b from -1/√H to 1/√H, as torch does."""
    GH = cell.num_gates * H
    sizes = {"W_ih": [GH, V], "W_hh": [GH, H], "b_ih": [GH], "b_hh": [GH]}
    shapes = [*(sizes[name] for name in cell.weights), [V, H], [V]]
    return [(rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32) for shape in shapes]


def begin_state(cell: PlainCell, B: int, parameters: list[Array]) -> list[Array]:
    """Return the state before the first step: zeros."""
    W = parameters[-2]
    return [np.zeros((B, W.shape[1]), W.dtype) for _ in range(cell.num_states)]


def forward(
    cell: PlainCell, inputs: Array, state: list[Array], parameters: list[Array]
) -> tuple[Array, list[Array], Array, object]:
    """Return logits (T, B, V), the last state, h (T, B, H) and a tape, from inputs (T, B)."""
    *weights, W, b = parameters
    h, last, tape = cell.forward(one_hot(inputs, len(b), W.dtype), *state, *weights)
    return h @ W.T + b, list(last) if cell.num_states > 1 else [last], h, tape


def loss_and_gradients(
    cell: PlainCell,
    inputs: Array,
    targets: Array,
    state: list[Array],
    parameters: list[Array],
    cross_entropy: Callable[..., tuple[float, Array]] = cross_entropy,
) -> tuple[float, list[Array], list[Array]]:
    """Return L, the gradient of each parameter, and the last state; inputs, targets are (T, B)."""
    W, b = parameters[-2:]
    y, last, h, tape = forward(cell, inputs, state, parameters)
    loss, d_y = cross_entropy(y.reshape(-1, len(b)), targets.reshape(-1))
    d_y = d_y.reshape(y.shape)  # (T, B, V)
    _, *d_cell = cell.backward(tape, d_y @ W, *(np.zeros_like(s) for s in last))
    d_W = sum(d_y_t.T @ h_t for d_y_t, h_t in zip(d_y, h, strict=True))  # (V, H)
    return loss, [*d_cell[cell.num_states :], d_W, d_y.sum(axis=(0, 1))], last


def train_epoch(
    cell: PlainCell,
    batches: Iterable[Iterable[Array]],
    B: int,
    parameters: list[Array],
    max_norm: float,
    cross_entropy: Callable[..., tuple[float, Array]] = cross_entropy,
    clip_grad_norm: Callable[[list[Array], float], float] = clip_grad_norm,
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
