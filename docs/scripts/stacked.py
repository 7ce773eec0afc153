"""Train many small networks of one cell at once, in arrays whose first axis is the network.

A network of 32 units is so small that a call takes longer than its arithmetic. Here one call serves
S networks, each with weights and a text of its own. The equations are those of `scratch_rnn.plain`,
and PyTorch computes their gradients; the tests compare a few updates with `scratch_rnn.train_step`.

    S networks, T steps, B rows, H units, V tokens, G products of x
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from concise_rnn.delta import STEPS, run_chunk

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


def read_rows(inputs: Tensor, W_ih: Tensor, b_ih: Tensor) -> Tensor:
    """Return W_ih x + b_ih (S, T, B, G·H) of all inputs (S, T, B), each a column of W_ih."""
    columns = W_ih.mT + b_ih[:, None]  # (S, V, G·H)
    return columns[torch.arange(len(inputs))[:, None, None], inputs]


def run_steps(
    step: Callable[[Tensor, Tensor, State], State],
    arrays: int,
    inputs: Tensor,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
) -> Tensor:
    """Return the output (S, T, B, H) of a cell with so many arrays as state, one step a time."""
    S, _, B = inputs.shape
    state: State = (torch.zeros(S, B, W_hh.shape[2]),) * arrays
    outputs = []
    for a_t in read_rows(inputs, W_ih, b_ih).unbind(dim=1):
        state = step(a_t, torch.baddbmm(b_hh[:, None], state[0], W_hh.mT), state)
        outputs.append(state[0])
    return torch.stack(outputs, dim=1)


def run_mingru(inputs: Tensor, W_ih: Tensor, b_ih: Tensor) -> Tensor:
    """Return the output (S, T, B, H) of a minGRU."""
    a_z, n = read_rows(inputs, W_ih, b_ih).chunk(2, dim=-1)
    z = torch.sigmoid(a_z)
    h, outputs = torch.zeros_like(n[:, 0]), []
    for kept, added in zip((1 - z).unbind(dim=1), (z * n).unbind(dim=1), strict=True):
        h = torch.addcmul(added, kept, h)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def run_delta(inputs: Tensor, W_ih: Tensor, W_ig: Tensor, b_ih: Tensor, b_ig: Tensor) -> Tensor:
    """Return the output (S, T, B, H) of a gated delta rule, in the chunks of `concise_rnn`.

    Rows of all networks are one batch: a chunk has no weights.
    """
    S, T, B = inputs.shape
    q, c, v = read_rows(inputs, W_ih, b_ih).chunk(3, dim=-1)
    k = c / (c.square().sum(dim=-1, keepdim=True) + 1e-6).sqrt()
    gates = torch.sigmoid(read_rows(inputs, W_ig, b_ig))
    q, k, v, gates = (a.transpose(1, 2).flatten(0, 1) for a in (q, k, v, gates))  # (S·B, T, …)
    state, outputs = torch.zeros(len(q), q.shape[2], q.shape[2]), []
    for t in range(0, T, STEPS):
        output, state = run_chunk(state, *(a[:, t : t + STEPS] for a in (q, k, v, gates)))
        outputs.append(output)
    return torch.cat(outputs, dim=1).unflatten(0, (S, B)).transpose(1, 2)


LAYERS: dict[str, Callable[..., Tensor]] = {
    "rnn": partial(run_steps, step_rnn, 1),
    "gru": partial(run_steps, step_gru, 1),
    "lstm": partial(run_steps, step_lstm, 2),
    "mingru": run_mingru,
    "delta": run_delta,
}
"""The output (S, T, B, H) of each cell, from inputs (S, T, B) and the parameters of the layer."""


def loss_gradients(
    cell: str, parameters: Parameters, inputs: Ids, targets: Ids
) -> tuple[Array, Parameters]:
    """Return the logits (S, T, B, V), and the gradients of each network's mean loss.

    `inputs` and `targets` have the shape (S, T, B).
    """
    leaves = [torch.from_numpy(p).requires_grad_() for p in parameters.values()]
    *of_layer, W, b = leaves
    h = LAYERS[cell](torch.from_numpy(inputs), *of_layer)
    S, T, B = inputs.shape
    logits = torch.baddbmm(b[:, None], h.flatten(1, 2), W.mT).unflatten(1, (T, B))
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
