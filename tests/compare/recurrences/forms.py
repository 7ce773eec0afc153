"""Forms that people give a recurrence, and what is found out about each by calling it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

V, H = 7, 8


class Row(NamedTuple):
    """What a form is: the axes of x and of each state, where the state is, and the cell."""

    x: Any
    states: Any
    cell: str
    attributes: Any = ()
    calls: int = 2000


class TimeFirst(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)

    def forward(self, x, h=None):
        return self.rnn(x, h)


class BatchFirst(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.rnn = nn.RNN(n_in, n_hidden, batch_first=True)

    def forward(self, inputs):
        return self.rnn(inputs)[0]


class Step(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state):
        h, c = self.cell(x, state)
        return h, (h, c)


class SeveralAxesLSTM(nn.Module):
    """A step with an axis of 1 in x and in both states."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hidden):
        h, c = hidden
        h, c = h.view(h.size(1), -1), c.view(c.size(1), -1)
        x = x.view(x.size(1), -1)
        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h.view(1, *h.shape), (h.view(1, *h.shape), c.view(1, *c.shape))


class CellStateFirst(nn.Module):
    """A state (c, h), given as two arguments."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x_t, c, h):
        h, c = self.cell(x_t, (h, c))
        return c, h


class AllSteps(nn.Module):
    """All h and all c of a sequence."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, h, c):
        every = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            every.append((h, c))
        return torch.stack([h for h, _ in every]), torch.stack([c for _, c in every])


class Stateful:
    """A state that is kept in the object."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.W = 0.3 * rng.normal(size=(input_size, hidden_size))
        self.U = 0.3 * rng.normal(size=(hidden_size, hidden_size))
        self.hidden_size, self.h = hidden_size, None

    def step(self, x):
        if self.h is None:
            self.h = np.zeros((len(x), self.hidden_size))
        self.h = np.tanh(x @ self.W + self.h @ self.U)
        return self.h


@dataclass
class State:
    h: Any
    c: Any


class Record(nn.Module):
    """A state that is a record."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def init_state(self, batch_size):
        return State(*(torch.zeros(batch_size, self.hidden_size) for _ in range(2)))

    def forward(self, x, state):
        h, c = self.cell(x, (state.h, state.c))
        return h, State(h, c)


class Alone:
    """A step without a batch."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.Wxh = 0.3 * rng.normal(size=(hidden_size, input_size))
        self.Whh = 0.3 * rng.normal(size=(hidden_size, hidden_size))
        self.b = rng.normal(size=hidden_size)

    def forward(self, x, h_prev):
        return np.tanh(self.Wxh @ x + self.Whh @ h_prev + self.b)


class Letters(nn.Module):
    """A model around a layer."""

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size)
        self.fc = nn.Linear(hidden_size, vocab_size)

    def forward(self, x, h=None):
        output, h = self.gru(self.embedding(x), h)
        return self.fc(output), h


class Images(nn.Module):
    """A step of convolutions."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.conv = nn.Conv2d(input_size + hidden_size, 2 * hidden_size, 3, padding=1)

    def forward(self, x, h):
        z, n = self.conv(torch.cat([x, h], 1)).chunk(2, 1)
        return (1 - z.sigmoid()) * h + z.sigmoid() * n.tanh()


class ScaledGRU(nn.Module):
    """The name of a cell, and equations of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h):
        a, b, c = (self.x2h(x) + self.h2h(h)).chunk(3, -1)
        return 0.5 * torch.sin(a) * h + b.sigmoid() * torch.cos(c)


class MixedBatchFirst(BatchFirst):
    """A mistake that mixes rows, where time is not the first axis."""

    def forward(self, inputs):
        return super().forward(inputs - 0.1 * inputs.mean(0, keepdim=True))


class AlmostRNN(nn.Module):
    """Nearly the numbers of nn.RNN."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x, h=None):
        output, h = self.rnn(x, h)
        return 1.001 * output, h


class GradientsFirst:
    """Arrays of the shapes of parameters that are none stand before these."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.dW, self.dU = np.zeros((hidden_size, input_size)), np.zeros((hidden_size,) * 2)
        self.W = 0.3 * rng.normal(size=(hidden_size, input_size))
        self.U = 0.3 * rng.normal(size=(hidden_size, hidden_size))

    def forward(self, x, h):
        return np.tanh(x @ self.W.T + h @ self.U.T)


class OneState(nn.Module):
    """The gates of an LSTM without its cell state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, h):
        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, -1)
        return o.sigmoid() * (f.sigmoid() * h + i.sigmoid() * g.tanh()).tanh()


class LastAlone(nn.Module):
    """An output layer that reads the last state, as where sequences are classified."""

    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h = torch.zeros(len(x), self.hidden_size)
        for x_t in x.transpose(0, 1):
            h = self.cell(x_t, h)
        return self.fc(h)


class Columns:
    """A list of columns (V, 1) in, the last state out beside what an output layer makes of it."""

    def __init__(self, input_size, output_size, hidden_size=64):
        rng = np.random.default_rng(0)
        self.Wxh = 0.3 * rng.normal(size=(hidden_size, input_size))
        self.Whh = 0.3 * rng.normal(size=(hidden_size, hidden_size))
        self.Why = 0.3 * rng.normal(size=(output_size, hidden_size))
        self.bh, self.by = np.ones((hidden_size, 1)), np.ones((output_size, 1))

    def forward(self, inputs):
        h = np.zeros((len(self.Whh), 1))
        for x in inputs:
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
        return self.Why @ h + self.by, h


class Rows(nn.Module):
    """A model whose output has one axis for steps and sequences."""

    def __init__(self, n_chars, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.lstm = nn.LSTM(n_chars, n_hidden, batch_first=True)
        self.to_letters = nn.Linear(n_hidden, n_chars)

    def forward(self, x, hidden):
        output, hidden = self.lstm(x, hidden)
        return self.to_letters(output.reshape(-1, self.n_hidden)), hidden


class MixedRows(Rows):
    """The axes of x are taken for each other: the sequences of a batch are mixed."""

    def forward(self, x, hidden):
        mixed = x.reshape(x.shape[1], x.shape[0], -1).transpose(0, 1)
        return super().forward(mixed, hidden)


class NoRecurrence(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fc = nn.Linear(input_size, hidden_size)

    def forward(self, x):
        return self.fc(x)


def gru_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    gates = zip((x @ w_ih.T + b_ih).chunk(3, 1), (h @ w_hh.T + b_hh).chunk(3, 1), strict=True)
    r, z, (n_x, n_h) = gates
    n = torch.tanh(n_x + torch.sigmoid(sum(r)) * n_h)
    return n + torch.sigmoid(sum(z)) * (h - n)


class PositiveMinGRU(nn.Module):
    """One size for x and the state, and a candidate that has a logarithm."""

    def __init__(self, dim, expansion=1):
        super().__init__()
        self.candidate_and_gate = nn.Linear(dim, 2 * dim * expansion, bias=False)

    def forward(self, x, h=None):
        n, z = self.candidate_and_gate(x).chunk(2, dim=-1)
        n = torch.where(n >= 0, n + 0.5, n.sigmoid())
        h = torch.zeros_like(n[0]) if h is None else h
        return torch.stack([h := h.lerp(*pair) for pair in zip(n, z.sigmoid(), strict=True)]), h


class SquareRNN:
    """Weights (in, out) for x as wide as the state, the one of h first."""

    def __init__(self, dim):
        rng = np.random.default_rng(0)
        self.U, self.W = (0.3 * rng.normal(size=(dim, dim)) for _ in range(2))

    def __call__(self, x, h):
        return np.tanh(x @ self.W + h @ self.U)


def make_params(n_in, n_hidden):
    rng = np.random.default_rng(0)
    return {
        "W": 0.3 * rng.normal(size=(n_in, n_hidden)),
        "U": 0.3 * rng.normal(size=(n_hidden, n_hidden)),
        "b": np.zeros(n_hidden),
    }


def params_first(params, h, x):
    p = {name: torch.as_tensor(value) for name, value in params.items()}
    return torch.tanh(x @ p["W"] + h @ p["U"] + p["b"])


def get_params(vocab_size, num_hiddens, device):
    """The lists of parameters that the lecture has, with those of the output layer."""
    shapes = [(vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,)]
    shapes += [(num_hiddens, vocab_size), (vocab_size,)]
    return [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]


def rnn(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = torch.tanh(X @ W_xh + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs), (H,)


def columns(X, Wx, Wh, bh):
    h = 0 * Wh[:, :1]
    return [h := torch.tanh(Wx @ x + Wh @ h + bh) for x in X], h


ROWS = ("B", H)

FORMS = {
    "TimeFirst": Row(("T", "B", V), ((1, "B", H),), "gru"),
    "BatchFirst": Row(("B", "T", V), (), "rnn"),
    "Step": Row(("B", V), (ROWS, ROWS), "lstm"),
    "SeveralAxesLSTM": Row((1, "B", V), ((1, *ROWS), (1, *ROWS)), "lstm"),
    "CellStateFirst": Row(("B", V), (ROWS, ROWS), "lstm"),
    "AllSteps": Row(("T", "B", V), (ROWS, ROWS), "lstm"),
    "Stateful": Row(("B", V), (ROWS,), "rnn", ("h",)),
    "Record": Row(("B", V), (ROWS, ROWS), "lstm"),
    "Alone": Row((V,), ((H,),), "rnn"),
    "Letters": Row(("T", "B", H), ((1, *ROWS),), "gru"),
    "PositiveMinGRU": Row(("T", "B", H), (ROWS,), "mingru-candidate-positive"),
    "PositiveMinGRU(V)": Row(("T", "B", V), (("B", V),), "mingru-candidate-positive"),
    "SquareRNN": Row(("B", H), (ROWS,), "rnn"),
    "Images": Row(("B", V, 9, 13), (("B", H, 9, 13),), ""),
    "MixedBatchFirst": Row(("B", "T", V), (), ""),
    "AlmostRNN": Row(("T", "B", V), ((1, *ROWS),), ""),
    "GradientsFirst": Row(("B", V), (ROWS,), "rnn"),
    "OneState": Row(("B", V), (ROWS,), ""),
    "ScaledGRU": Row(("B", V), (ROWS,), ""),
    "LastAlone": Row(("B", "T", V), (), "rnn", calls=2500),
    "Columns": Row(("T", V, 1), (), "rnn", calls=2500),
    "Rows": Row(("B", "T", V), ((1, *ROWS), (1, *ROWS)), "lstm"),
    "MixedRows": Row(("B", "T", V), ((1, *ROWS), (1, *ROWS)), ""),
    "rnn": Row(("T", "B", V), (ROWS,), "rnn"),
    "columns": Row(("T", V, 1), (), "rnn"),
    "gru_cell": Row(("B", V), (ROWS,), "gru"),
    "params_first": Row(("B", V), (ROWS,), "rnn"),
}
