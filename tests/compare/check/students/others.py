"""Right recurrences in forms and with names that are none of nn.RNN's."""

import numpy as np
import torch
from torch import nn


class ConcatGRU(nn.Module):
    """Chung et al. (2014): the weights are of [x, h], or of [h, x]."""

    x_first = True

    def __init__(self, input_size, hidden_size):
        super().__init__()
        n = input_size + hidden_size
        self.lin_z, self.lin_r, self.lin_n = (nn.Linear(n, hidden_size) for _ in range(3))

    def join(self, x, h):
        return torch.cat([x, h] if self.x_first else [h, x], dim=1)

    def forward(self, x, h):
        both = self.join(x, h)
        r, z = self.lin_r(both).sigmoid(), self.lin_z(both).sigmoid()
        return (1 - z) * h + z * self.lin_n(self.join(x, r * h)).tanh()


class TurnedGRU(ConcatGRU):
    x_first = False

    def __init__(self, input_sz, hidden_sz):
        super().__init__(input_sz, hidden_sz)


class NormLSTM(nn.Module):
    """A layer norm after each product: another cell, whose norms are no biases."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(4))

    def forward(self, x, state):
        h, c = state
        gates = self.lin(torch.cat([x, h], 1)).chunk(4, 1)
        f, i, o, g = [norm(gate) for norm, gate in zip(self.norms, gates, strict=True)]
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ExpLSTM(nn.Module):
    """Exponential gates: another cell, whose parameters have names as nn.LSTMCell's."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.zeros(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.zeros(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (x @ self.weight_ih.T + h @ self.weight_hh.T + self.bias).chunk(4, 1)
        c = f.exp() * c + i.exp() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ConfigLSTM(nn.Module):
    """Its constructor takes no sizes."""

    def __init__(self, config, kind):
        super().__init__()
        self.rnn = nn.LSTM(config.inputs, config.units)

    def forward(self, x, state):
        return self.rnn(x, state)


class OneSize(nn.LSTM):
    def __init__(self, dim, expansion=1.0):
        super().__init__(dim, int(dim * expansion))


class NumpyRNN:
    def __init__(self, config):
        rng = np.random.default_rng(0)
        self.W = rng.normal(size=(config.units, config.inputs))
        self.U = rng.normal(size=(config.units, config.units))

    def forward(self, x, h):
        output = []
        for x_t in x:
            h = np.tanh(x_t @ self.W.T + h @ self.U.T)
            output.append(h)
        return np.stack(output), h


class LettersRNN(nn.RNN):
    def __init__(self, hidden_dim, letters_num, **options):
        super().__init__(letters_num, hidden_dim, **options)
