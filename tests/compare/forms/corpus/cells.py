"""GRU and LSTM after their input products: given are preactivations of shape (T, B, H)."""

import torch
from jaxtyping import Float
from torch import Tensor

Rows, State, Square = Float[Tensor, "T B H"], Float[Tensor, "B H"], Float[Tensor, "H H"]


def lstm(i: Rows, f: Rows, g: Rows, o: Rows, U: Square, h0: State, c0: State) -> tuple[Rows, State]:
    h, c, states, i, f, o = h0, c0, [], *map(torch.sigmoid, (i, f, o))
    for t in range(len(i)):
        c = f[t] * c + i[t] * torch.tanh(g[t] + h @ U.T)
        h = o[t] * torch.tanh(c)
        states.append(h)
    return torch.stack(states), c


def lstm_last_cell(
    i: Rows, f: Rows, g: Rows, o: Rows, U: Square, h0: State, c0: State
) -> tuple[Rows, State]:
    """The backward pass ignores the gradient of the last cell state.
    https://github.com/deeplearning4j/deeplearning4j/issues/8838
    """
    states, c = lstm(i, f, g, o, U, h0, c0)
    return states, c.detach()


def gru(
    r: Rows, z: Rows, n: Rows, U: Square, h0: State, product=lambda r, h, U: (r * h) @ U.T
) -> Rows:
    h, states, r, z = h0, [], torch.sigmoid(r), torch.sigmoid(z)
    for t in range(len(n)):
        h = z[t] * h + (1 - z[t]) * torch.tanh(n[t] + product(r[t], h, U))
        states.append(h)
    return torch.stack(states)


def gru_own_reset(r: Rows, z: Rows, n: Rows, U: Square, h0: State) -> Rows:
    """A unit has its own reset gate for every state that it reads, not each state its gate.
    https://github.com/ooples/AiDotNet/pull/722
    """
    return gru(r, z, n, U, h0, lambda r, h, U: r * (h @ U.T))
