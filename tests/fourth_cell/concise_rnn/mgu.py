"""The minimal gated unit for PyTorch, which has none: a layer that is called like nn.GRU."""

from typing import Any

import torch
from torch import nn


class MGU(nn.Module):
    """One layer in one direction. Arguments and names of parameters are nn.GRU's."""

    num_layers, proj_size, dropout, batch_first, bidirectional = 1, 0, 0.0, False, False

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, **tensors: Any
    ) -> None:
        super().__init__()
        if num_layers != 1:
            raise ValueError(f"expected num_layers to be 1, got {num_layers}")
        self.input_size, self.hidden_size = input_size, hidden_size
        bound, rows = hidden_size**-0.5, 2 * hidden_size
        for name, shape in {
            "weight_ih_l0": (rows, input_size),
            "weight_hh_l0": (rows, hidden_size),
            "bias_ih_l0": (rows,),
            "bias_hh_l0": (rows,),
        }.items():
            values = torch.empty(shape, **tensors).uniform_(-bound, bound)
            self.register_parameter(name, nn.Parameter(values))

    def forward(
        self, x: torch.Tensor, h_0: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (output, h_n), as nn.GRU does."""
        h = x.new_zeros(x.shape[1], self.hidden_size) if h_0 is None else h_0[0]
        states = []
        for a in nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0):
            a_f, a_n = a.chunk(2, dim=1)
            u_f, q = nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0).chunk(2, dim=1)
            f = torch.sigmoid(a_f + u_f)
            h = (1 - f) * h + f * torch.tanh(a_n + f * q)
            states.append(h)
        return torch.stack(states), h[None]
