"""The minimal gated unit for PyTorch, which has none: a layer that is called like nn.GRU."""

from typing import Any

import torch
from torch import nn


class MGU(nn.Module):
    """L layers, in one or both directions. Arguments and names of parameters are nn.GRU's."""

    proj_size = 0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional = bidirectional
        self.suffixes = ["", "_reverse"] if bidirectional else [""]
        bound = hidden_size**-0.5
        for layer in range(num_layers):
            V = input_size if layer == 0 else len(self.suffixes) * hidden_size
            shapes = {
                "weight_ih": (2 * hidden_size, V),
                "weight_hh": (2 * hidden_size, hidden_size),
            }
            if bias:
                shapes |= {"bias_ih": (2 * hidden_size,), "bias_hh": (2 * hidden_size,)}
            for suffix in self.suffixes:
                for name, shape in shapes.items():
                    values = torch.empty(shape, device=device, dtype=dtype).uniform_(-bound, bound)
                    self.register_parameter(f"{name}_l{layer}{suffix}", nn.Parameter(values))

    def flatten_parameters(self) -> None:
        """Do nothing: it is cuDNN that wants them in one piece."""

    def forward(
        self, x: torch.Tensor, h_0: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (output, h_n), as nn.GRU does."""
        unbatched = x.dim() == 2
        if unbatched:
            x, h_0 = x[:, None], None if h_0 is None else h_0[:, None]
        elif self.batch_first:
            x = x.transpose(0, 1)
        D = len(self.suffixes)
        if h_0 is None:
            h_0 = x.new_zeros(self.num_layers * D, x.shape[1], self.hidden_size)
        last = []
        for layer in range(self.num_layers):
            if layer:
                x = nn.functional.dropout(x, self.dropout, self.training)
            outputs = []
            for k, suffix in enumerate(self.suffixes):
                steps = x.flip(0) if suffix else x
                h = self.states(steps, h_0[layer * D + k], f"l{layer}{suffix}")
                outputs.append(h.flip(0) if suffix else h)
                last.append(h[-1] if len(h) else h_0[layer * D + k])
            x = torch.cat(outputs, dim=2)
        h_n = torch.stack(last)
        if unbatched:
            return x[:, 0], h_n[:, 0]
        return x.transpose(0, 1) if self.batch_first else x, h_n

    def states(self, x: torch.Tensor, h: torch.Tensor, suffix: str) -> torch.Tensor:
        """Return the states of all steps, in one direction."""
        W_ih, W_hh, b_ih, b_hh = (
            getattr(self, f"{name}_{suffix}", None)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        states = []
        for a in nn.functional.linear(x, W_ih, b_ih):
            a_f, a_n = a.chunk(2, dim=1)
            u_f, q = nn.functional.linear(h, W_hh, b_hh).chunk(2, dim=1)
            f = torch.sigmoid(a_f + u_f)
            h = (1 - f) * h + f * torch.tanh(a_n + f * q)
            states.append(h)
        return torch.stack(states) if states else x.new_zeros(0, *h.shape)
