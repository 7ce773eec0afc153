"""Forms of functions and classes in scripts: sizes in variables, states in a cache, own names."""

import numpy as np
import torch

from tests.compare.recurrences.forms import ROWS, H, Row, V

text = "a text that is not here"
num_inputs, num_hiddens = len(set(text)), 64


def get_params():
    """The weights of a script are as large as its text."""
    shapes = [(num_inputs, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,)]
    return [torch.randn(shape, device=ctx) for shape in shapes]


def float_alone(inputs, state, params):
    W_xh, W_hh, b_h = params
    outputs = []
    for x in inputs:
        state = torch.tanh(x.float() @ W_xh + state.float() @ W_hh + b_h)
        outputs.append(state)
    return outputs, state


def cached(x, h0, Wx, Wh, b):
    """All states come first; a cache has the state before each step among other arrays."""
    h, cache = h0, {}
    output = torch.zeros(*x.shape[:2], Wh.shape[1])
    for t in range(x.shape[1]):
        cache[f"step {t}"] = (x[:, t], h, Wx, Wh, b)
        h = torch.tanh(x[:, t] @ Wx + h @ Wh + b)
        output[:, t] = h
    return output.to(x.dtype), cache


def two_groups(x, h, Wx, Wh, b, Wxn, Whn, bn):
    """Two gates have one matrix, the candidate has another."""
    r, z = torch.sigmoid(x @ Wx + h @ Wh + b).chunk(2, -1)
    return (1 - z) * torch.tanh(x @ Wxn + r * (h @ Whn) + bn) + z * h


def a_group_for_each_gate(x, h, Wr, Ur, Wz, Uz, Wh, Uh):
    r, z = torch.sigmoid(x @ Wr + h @ Ur), torch.sigmoid(x @ Wz + h @ Uz)
    return (1 - z) * torch.tanh(x @ Wh + (r * h) @ Uh) + z * h


def linear(x, h, Wz, Wn):
    """No matrix is one of h."""
    z = torch.sigmoid(x @ Wz)
    return (1 - z) * h + z * (x @ Wn)


def beside(x, h, W_r, W_z, W_n):
    """Each matrix is one of x beside h."""
    r, z = (torch.sigmoid(torch.cat([x, h], -1) @ W) for W in (W_r, W_z))
    return (1 - z) * torch.tanh(torch.cat([x, r * h], -1) @ W_n) + z * h


def by_keys(params, h, x):
    """Its weights are those that it takes from a dict, which no function makes."""
    h = torch.tanh(x @ params["W_x"] + h @ params["W_h"] + params["b"])
    return h, h


class FixedSizes(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(28, 16, batch_first=True)

    def forward(self, x, h=None):
        return self.rnn(x, h)


class FourGates(FixedSizes):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(28, 16, batch_first=True)


class Decays(torch.nn.Module):
    """Between two steps the state decays, by their distance in time; at its end it stays."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = torch.nn.RNNCell(input_size, hidden_size)

    def forward(self, x, delta_t, lengths, h):
        h, hs = h[0], []
        for t, (x_t, d) in enumerate(zip(x, delta_t, strict=True)):
            after = self.cell(x_t, torch.exp(-d[:, None]) * h)
            h = torch.where((t < lengths)[:, None], after, h)
            hs.append(h)
        return torch.stack(hs), h[None]


class PassesOn(FixedSizes):
    """Its base has the arguments of its constructor."""

    def __init__(self, *args):
        super().__init__()
        self.rnn = torch.nn.GRU(*args, batch_first=True)


class OneVectorGRU(torch.nn.Module):
    """Its parameters have no reading: all of them are one vector."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.sizes = input_size, hidden_size
        self.all = torch.nn.Parameter(
            torch.randn(3 * hidden_size, input_size + hidden_size).ravel()
        )

    def forward(self, x, h):
        V, H = self.sizes
        W, U = self.all.reshape(3 * H, V + H).split([V, H], 1)
        (a_r, a_z, a_n), (b_r, b_z, b_n) = (x @ W.T).chunk(3, -1), (h @ U.T).chunk(3, -1)
        n = torch.tanh(a_n + torch.sigmoid(a_r + b_r) * b_n)
        return n + torch.sigmoid(a_z + b_z) * (h - n)


class SaturatedLSTM(torch.nn.Module):
    """The candidate has a sigmoid in the place of tanh; its gates have orders of their own."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.to_gates = torch.nn.Linear(input_size, 4 * hidden_size)
        self.of_state = torch.nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state):
        h, c = state
        o, g, i, f = torch.sigmoid(self.to_gates(x) + self.of_state(h)).chunk(4, -1)
        c = f * c + i * g
        return o * torch.tanh(c), c


class Passes:
    """Its methods have names of its own; a step's results are in a dict by its number."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.Wxh = 0.3 * rng.normal(size=(hidden_size, input_size))
        self.Whh = 0.3 * rng.normal(size=(hidden_size, hidden_size))

    def compute_loss(self, targets, outputs):
        return sum(np.abs(outputs[t] - target).sum() for t, target in enumerate(targets))

    def forward_pass(self, inputs, hprev):
        states = {-1: hprev}
        for t, x in enumerate(inputs):
            states[t] = np.tanh(self.Wxh @ x + self.Whh @ states[t - 1])
        return states, states[len(inputs) - 1]


FORMS = {
    "float_alone": Row(("T", "B", V), (ROWS,), "rnn"),
    "cached": Row(("B", "T", V), (ROWS,), "rnn"),
    "two_groups": Row(("B", V), (ROWS,), "gru"),
    "a_group_for_each_gate": Row(("B", V), (ROWS,), "gru-reset-before-product"),
    "linear": Row(("B", V), (ROWS,), "mingru"),
    "beside": Row(("B", V), (ROWS,), "gru-reset-before-product"),
    "by_keys": Row(("B", V), (ROWS,), "rnn"),
    "FixedSizes": Row(("B", "T", 28), ((1, "B", 16),), "gru"),
    "FourGates": Row(("B", "T", 28), ((1, "B", 16), (1, "B", 16)), "lstm"),
    "Decays": Row(("T", "B", V), ((1, "B", H),), ""),
    "PassesOn": Row(("B", "T", V), ((1, "B", H),), "gru"),
    "Passes": Row(("T", V), ((H,),), "rnn"),
}
