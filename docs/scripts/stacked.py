"""Train many small networks of one cell at once, in arrays whose first axis is the network.

A network of 32 units is so small that a call takes longer than its arithmetic. Here one call serves
S networks, each with weights and a text of its own. The equations are those of `scratch_rnn.plain`,
and PyTorch computes their gradients; the tests compare a few updates with `scratch_rnn.train_step`.

    S networks, T steps, B rows, H units, V tokens, G gates (1 in an RNN)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

Array = NDArray[np.float32]
Ids = NDArray[np.int64]
Parameters = dict[str, Array]
"""The names of PyTorch, and the shapes with an axis of S networks before them."""
State = tuple[Tensor, ...]
"""h, or h and c of an LSTM: (S, B, H)."""


def step_rnn(a: Tensor, u: Tensor, _: State) -> State:
    """Return the new state, from the products of the input and of the state (S, B, H)."""
    return (torch.tanh(a + u),)


def step_gru(a: Tensor, u: Tensor, state: State) -> State:
    """Return the new state, from the products of the input and of the state (S, B, 3H)."""
    (h,) = state
    a_r, a_z, a_n = a.chunk(3, dim=-1)
    u_r, u_z, u_n = u.chunk(3, dim=-1)
    r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
    n = torch.tanh(a_n + r * u_n)
    return (n + z * (h - n),)


def step_lstm(a: Tensor, u: Tensor, state: State) -> State:
    """Return the new state, from the products of the input and of the state (S, B, 4H)."""
    i, f, g, o = (a + u).chunk(4, dim=-1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


CELLS = {"rnn": (step_rnn, 1), "gru": (step_gru, 1), "lstm": (step_lstm, 2)}
"""The step of each cell, and how many arrays its state has."""


def loss_gradients(
    cell: str, parameters: Parameters, inputs: Ids, targets: Ids
) -> tuple[Array, Parameters]:
    """Return the logits (S, T, B, V), and the gradients of each network's mean loss.

    `inputs` and `targets` have the shape (S, T, B).
    """
    leaves = [torch.from_numpy(p).requires_grad_() for p in parameters.values()]
    W_ih, W_hh, b_ih, b_hh, W, b = leaves
    S, T, B = inputs.shape
    V, H = W.shape[1:]
    columns = W_ih.mT + b_ih[:, None]  # (S, V, G·H)
    a = columns[torch.arange(S)[:, None, None], torch.from_numpy(inputs)]  # (S, T, B, G·H)
    step, arrays = CELLS[cell]
    state: State = (torch.zeros(S, B, H),) * arrays
    outputs = []
    for a_t in a.unbind(dim=1):
        state = step(a_t, torch.baddbmm(b_hh[:, None], state[0], W_hh.mT), state)
        outputs.append(state[0])
    h = torch.stack(outputs, dim=1).reshape(S, T * B, H)
    logits = torch.baddbmm(b[:, None], h, W.mT).reshape(S, T, B, V)
    loss = S * cross_entropy(logits.flatten(0, 2), torch.from_numpy(targets).flatten())
    gradients = torch.autograd.grad(loss, leaves)  # of the sum of the networks' mean losses
    found = {name: g.numpy() for name, g in zip(parameters, gradients, strict=True)}
    return logits.detach().numpy(), found


def clip(gradients: Parameters) -> None:
    """Scale the gradients of each network, in place, so that their norm is at most 1."""
    flat = [g.reshape(len(g), -1) for g in gradients.values()]
    norm = np.sqrt(sum((g * g).sum(axis=1) for g in flat))
    scale = np.minimum(1 / (norm + 1e-6), 1).astype(np.float32)
    for g in flat:
        g *= scale[:, None]
