"""A right module whose loop is compiled by torch.jit."""

import warnings

import torch
from torch import Tensor, nn


def scan(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    outputs = []
    for t in range(x.size(0)):
        h = torch.tanh(x[t] @ w_ih.t() + h @ w_hh.t() + b)
        outputs.append(h)
    return torch.stack(outputs), h


with warnings.catch_warnings():  # newer versions of PyTorch advise torch.compile
    warnings.simplefilter("ignore")
    compiled_scan = torch.jit.script(scan)


class Scripted(nn.Module):
    """A loop compiled by torch.jit."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_ih = nn.Parameter(torch.randn(hidden_size, input_size) / 4)
        self.w_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) / 4)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h0):
        output, h = compiled_scan(x, h0[0], self.w_ih, self.w_hh, self.b)
        return output, h[None]
