"""Right PyTorch modules, in styles that people write: around a layer, a cell, or by hand."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import rnn
from torch.utils.checkpoint import checkpoint


class AroundLSTM(nn.Module):
    """A PyTorch layer in an attribute, with all arguments."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.rnn = nn.LSTM(input_size, hidden_size, num_layers, bidirectional=bidirectional)

    def forward(self, x, state=None):
        return self.rnn(x, state)


class AroundGRU(nn.Module):
    """A layer with the batch first in an attribute, and a buffer beside it."""

    def __init__(self, input_size, hidden_size, **options):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True, **options)

    def forward(self, x, h=None):
        out, h = self.gru(x, h)
        return out, h


class CellLSTM(nn.Module):
    """A loop over nn.LSTMCell, with a state (B, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state=None):
        outputs = []
        for x_t in x:
            state = self.cell(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs), state


class StackedCells(nn.Module):
    """One nn.GRUCell for each layer, in a ModuleList."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(nn.GRUCell(size, hidden_size) for size in sizes)

    def forward(self, x, h=None):
        if h is None:
            h = x.new_zeros(len(self.cells), x.shape[1], self.cells[0].hidden_size)
        last = []
        for cell, state in zip(self.cells, h, strict=True):
            outputs = []
            for x_t in x:
                state = cell(x_t, state)
                outputs.append(state)
            x = torch.stack(outputs)
            last.append(state)
        return x, torch.stack(last)


class TwoLinears(nn.Module):
    """Two nn.Linear, of which one has no bias."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h=None):
        h = x.new_zeros(x.shape[1], self.h2h.in_features) if h is None else h[0]
        projected, outputs = self.i2h(x), []
        for z in projected.unbind(0):
            h = torch.tanh(z + self.h2h(h))
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


class Tanh(torch.autograd.Function):
    """tanh with a backward pass by hand."""

    @staticmethod
    def forward(ctx, z):
        h = torch.tanh(z)
        ctx.save_for_backward(h)
        return h

    @staticmethod
    def backward(ctx, d_h):
        (h,) = ctx.saved_tensors
        return d_h * (1 - h * h)


class OwnFunction(nn.Module):
    """A function of autograd by hand, and parameters under PyTorch's names."""

    def __init__(self, input_size, hidden_size, dtype=None):
        super().__init__()
        options = {"dtype": dtype}
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, input_size, **options))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden_size, hidden_size, **options))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden_size, **options))
        self.bias_hh_l0 = nn.Parameter(torch.empty(hidden_size, **options))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x, h0=None):
        h = x.new_zeros(x.shape[1], len(self.bias_ih_l0)) if h0 is None else h0[0]
        outputs = []
        for x_t in x:
            z = x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + h @ self.weight_hh_l0.T
            h = Tanh.apply(z + self.bias_hh_l0)
            outputs.append(h)
        return torch.stack(outputs), h[None]


class Checkpointed(nn.Module):
    """Each step is computed again in the backward pass."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.shape[1], self.cell.hidden_size) if h is None else h[0]
        outputs = []
        for x_t in x:
            h = checkpoint(self.cell, x_t, h, use_reentrant=False)
            outputs.append(h)
        return torch.stack(outputs), h[None]


class StatesApartLSTM(nn.Module):
    """An LSTM by hand whose states are arguments and results of their own."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.linear = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x, h0=None, c0=None):
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        h, c = (zeros if state is None else state for state in (h0, c0))
        outputs = []
        for x_t in x:
            i, f, g, o = self.linear(torch.cat([x_t, h], dim=1)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), h, c


class LSTMState(NamedTuple):
    h: Tensor
    c: Tensor


class NamedStateLSTM(nn.Module):
    """It returns its state as a named tuple, and notes it for a display."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size)
        self.last = None

    def forward(self, x, state=None):
        output, (h, c) = self.lstm(x, state)
        self.last = h.detach().clone()
        return output, LSTMState(h, c)


class OfLists(nn.Module):
    """Parameters in a ParameterDict."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weights = nn.ParameterDict(
            {
                "input": nn.Parameter(torch.randn(hidden_size, input_size) / 4),
                "recurrent": nn.Parameter(torch.randn(hidden_size, hidden_size) / 4),
                "bias": nn.Parameter(torch.zeros(hidden_size)),
            }
        )

    def forward(self, x, h):
        outputs, h = [], h[0]
        for x_t in x:
            z = nn.functional.linear(x_t, self.weights["input"], self.weights["bias"])
            h = torch.tanh(z + nn.functional.linear(h, self.weights["recurrent"]))
            outputs.append(h)
        return torch.stack(outputs), h[None]


class Subclass(nn.RNN):
    """A subclass with an argument more."""

    def __init__(self, *sizes, name="rnn", **options):
        super().__init__(*sizes, **options)
        self.name = name


class EinsumGRU(nn.Module):
    """A GRU as a paper's code has it: einsum, and a weight (gates, H, V) as views."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.randn(3 * hidden_size, input_size) / 4)
        self.weight_hh_l0 = nn.Parameter(torch.randn(3 * hidden_size, hidden_size) / 4)
        self.bias_ih_l0 = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(3 * hidden_size))

    def forward(self, x, h=None):
        H = self.weight_hh_l0.shape[1]
        h = x.new_zeros(x.shape[1], H) if h is None else h.squeeze(0)
        a = torch.einsum("tbv,ghv->tgbh", x, self.weight_ih_l0.view(3, H, -1))
        a = a + self.bias_ih_l0.view(3, 1, H)
        outputs = []
        for a_t in a:
            q = torch.einsum("bk,ghk->gbh", h, self.weight_hh_l0.view(3, H, H))
            q = q + self.bias_hh_l0.view(3, 1, H)
            r, z = torch.sigmoid(a_t[:2] + q[:2])
            n = torch.tanh(a_t[2] + r * q[2])
            h = torch.lerp(n, h, z)
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


class MaskedPacked(nn.Module):
    """An RNN by hand that takes packed sequences: the steps of the padding change nothing."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h=None):
        is_packed = isinstance(x, rnn.PackedSequence)
        lengths = None
        if is_packed:
            x, lengths = rnn.pad_packed_sequence(x)
        h = x.new_zeros(x.shape[1], self.cell.hidden_size) if h is None else h[0]
        outputs = []
        for t, x_t in enumerate(x):
            new = self.cell(x_t, h)
            if lengths is not None:
                ongoing = (t < lengths)[:, None]
                h = torch.where(ongoing, new, h)
                new = torch.where(ongoing, new, torch.zeros_like(new))
            else:
                h = new
            outputs.append(new)
        output = torch.stack(outputs)
        if is_packed:
            output = rnn.pack_padded_sequence(output, lengths, enforce_sorted=False)
        return output, h[None]


class MixinGRU(nn.GRU):
    """A subclass of nn.GRU that computes in its own way, with another default."""

    def __init__(self, input_size, hidden_size, num_layers=1, **options):
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.flatten_parameters()

    def forward(self, input, hx=None):  # as nn.GRU has it
        return super().forward(input.contiguous(), hx)
