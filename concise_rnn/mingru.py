"""The minGRU for PyTorch, which has none: a layer that is called like nn.GRU."""

import torch
from torch.nn import functional as F

from concise_rnn.one_layer import OneLayer


class MinGRU(OneLayer):
    """One layer in one direction, with the equations and the parameters of scratch_rnn.MinGRU.

    Autograd computes the gradients.
    """

    weight_ih_l0: torch.nn.Parameter
    bias_ih_l0: torch.nn.Parameter | None

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter; gate order z n."""
        V, H = self.input_size, self.hidden_size
        return {"weight_ih_l0": (2 * H, V), "bias_ih_l0": (2 * H,)}

    def run(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return all states (T, B, H) and the last one (B, H), from x (T, B, V) and h_0."""
        a_z, n = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).chunk(2, dim=2)
        states = []
        for z_t, n_t in zip(torch.sigmoid(a_z), n, strict=True):
            h = (1 - z_t) * h + z_t * n_t
            states.append(h)
        return torch.stack(states), h
