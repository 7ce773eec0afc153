"""The gated delta rule for PyTorch, which has none: a layer that is called like nn.GRU."""

import torch
from torch import nn
from torch.nn import functional as F

from concise_rnn.one_layer import OneLayer

STEPS = 16
"""Steps of a chunk, computed by products of matrices: see `scratch_rnn.plain.delta_chunks`."""


class GatedDelta(OneLayer):
    """One layer in one direction, with the equations and the parameters of scratch_rnn.GatedDelta.

    The state of a sequence is a matrix (H, H). Its parameters and its call are those of
    `concise_rnn.one_layer.OneLayer`.
    """

    weight_ih_l0: nn.Parameter  # (3H, V), in the order q k v
    weight_ig_l0: nn.Parameter  # (2, V), in the order α β
    bias_ih_l0: nn.Parameter | None  # (3H,)
    bias_ig_l0: nn.Parameter | None  # (2,)

    def list_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by its name."""
        V, H = self.input_size, self.hidden_size
        weights = {"weight_ih_l0": (3 * H, V), "weight_ig_l0": (2, V)}
        return weights | {"bias_ih_l0": (3 * H,), "bias_ig_l0": (2,)}

    @property
    def state_shape(self) -> tuple[int, ...]:
        """The shape of the state of one sequence."""
        return self.hidden_size, self.hidden_size

    def run(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output (T, B, H) and S_n (B, H, H), from x (T, B, V) and S_0 (B, H, H)."""
        q, c, v = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).chunk(3, dim=2)
        k = c / (c.square().sum(dim=2, keepdim=True) + 1e-6).sqrt()
        gates = torch.sigmoid(F.linear(x, self.weight_ig_l0, self.bias_ig_l0))
        S, outputs = state, []
        for t in range(0, len(x), STEPS):
            o, S = run_chunk(S, *(a[t : t + STEPS].transpose(0, 1) for a in (q, k, v, gates)))
            outputs.append(o.transpose(0, 1))
        return torch.cat(outputs), S


def run_chunk(
    S: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, gates: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the output (B, C, H) of a chunk of C steps and the state after it."""
    alpha, beta = gates.chunk(2, dim=2)  # (B, C, 1) each
    C = alpha.shape[1]
    is_later = torch.ones(C, C + 1, dtype=torch.bool, device=S.device).tril()
    D = torch.where(is_later, alpha, 1.0).cumprod(dim=1).tril(1)  # (B, C, C + 1)
    gamma, D = D[:, :, :1], D[:, :, 1:]
    M = (D * (k @ k.mT)).tril(-1)
    R = v - gamma * (k @ S.mT)
    U = torch.linalg.solve_triangular(  # (I + β M) U = β R
        beta * M, beta * R, upper=False, unitriangular=True
    )
    o = gamma * (q @ S.mT) + D * (q @ k.mT) @ U
    return o, gamma[:, -1:] * S + U.mT @ (D[:, -1, :, None] * k)
