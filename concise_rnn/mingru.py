"""The minGRU for PyTorch, which has none: a layer that is called like nn.GRU."""

import torch
from torch import nn
from torch.nn import functional as F

from concise_rnn.one_layer import OneLayer


class MinGRU(OneLayer):
    """One layer in one direction, with the equations and the parameters of scratch_rnn.MinGRU.

    Its parameters and its call are those of `concise_rnn.one_layer.OneLayer`.
    """

    weight_ih_l0: nn.Parameter  # (2H, V), gate order z n
    bias_ih_l0: nn.Parameter | None  # (2H,)

    def list_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by its name."""
        return {
            "weight_ih_l0": (2 * self.hidden_size, self.input_size),
            "bias_ih_l0": (2 * self.hidden_size,),
        }

    def run(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return all states (T, B, H) and the last one (B, H), from x (T, B, V) and h_0 (B, H)."""
        a_z, n = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).chunk(2, dim=2)
        h, states = state, []
        for z_t, n_t in zip(torch.sigmoid(a_z), n, strict=True):
            h = (1 - z_t) * h + z_t * n_t
            states.append(h)
        return torch.stack(states), h
