"""Forms of a recurrence as courses, libraries and papers write them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from tests.compare.recurrences import cells
from tests.compare.recurrences.forms import ROWS, H, Row, V


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def draw(*shape, seed=0):
    return 0.3 * np.random.default_rng(seed).normal(size=shape)


def remember(i, f, g, o, c):
    """The equations that each LSTM here has."""
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


# Courses ----------------------------------------------------------------------------------------


class GRUByHand:
    """A step of one sequence with an array for each gate of x and of h."""

    def __init__(self, in_dim, hidden_dim):
        self.Wrx, self.Wzx, self.Wnx = (draw(hidden_dim, in_dim, seed=k) for k in range(3))
        self.Wrh, self.Wzh, self.Wnh = (draw(hidden_dim, hidden_dim, seed=k) for k in range(3))
        self.brx, self.bzx, self.bnx = (draw(hidden_dim, seed=k) for k in range(3))
        self.brh, self.bzh, self.bnh = (draw(hidden_dim, seed=k) for k in range(3, 6))

    def __call__(self, x, h_prev_t):
        r = sigmoid(self.Wrx @ x + self.brx + self.Wrh @ h_prev_t + self.brh)
        z = sigmoid(self.Wzx @ x + self.bzx + self.Wzh @ h_prev_t + self.bzh)
        n = np.tanh(self.Wnx @ x + self.bnx + r * (self.Wnh @ h_prev_t + self.bnh))
        return (1 - z) * n + z * h_prev_t


class ElmanByHand:
    """A backward pass that takes what forward had."""

    def __init__(self, input_size, hidden_size):
        self.W_ih, self.W_hh = draw(hidden_size, input_size), draw(hidden_size, hidden_size)
        self.b_ih, self.b_hh = draw(hidden_size), draw(hidden_size)

    def forward(self, x, h_prev_t):
        return np.tanh(x @ self.W_ih.T + self.b_ih + h_prev_t @ self.W_hh.T + self.b_hh)

    def backward(self, delta, h_t, x, h_prev_t):
        dz = delta * (1 - h_t**2)
        self.dW_ih, self.dW_hh = dz.T @ x, dz.T @ h_prev_t
        self.db_ih = self.db_hh = dz.sum(0)
        return dz @ self.W_ih, dz @ self.W_hh


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    i, f, o, g = np.split(x @ Wx + prev_h @ Wh + b, 4, 1)
    next_c = sigmoid(f) * prev_c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(next_c), next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g)


def initialize_parameters(n_x, n_a):
    p = {f"W{gate}": draw(n_a, n_a + n_x, seed=k) for k, gate in enumerate("fico")}
    return p | {f"b{gate}": draw(n_a, 1, seed=k) for k, gate in enumerate("fico")}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """Columns (V, B), and parameters in a dict."""
    p, concat = parameters, np.concatenate([a_prev, xt])
    f, i, o = (sigmoid(p[f"W{gate}"] @ concat + p[f"b{gate}"]) for gate in "fio")
    c = f * c_prev + i * np.tanh(p["Wc"] @ concat + p["bc"])
    return o * np.tanh(c), c


def lstm_forward(x, a0, parameters):
    """Sequences of columns (V, B, T); the memory begins at zero."""
    a, c, every = a0, np.zeros_like(a0), []
    for t in range(x.shape[2]):
        a, c = lstm_cell_forward(x[:, :, t], a, c, parameters)
        every.append(a)
    return np.stack(every, 2)


class LSTMScratch(nn.Module):
    """A list of steps, and both states in one argument."""

    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.num_hiddens = num_hiddens
        shapes = (num_inputs, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,)
        for gate in "ifoc":
            for name, shape in zip(("W_x", "W_h", "b_"), shapes, strict=True):
                setattr(self, name + gate, nn.Parameter(sigma * torch.randn(shape)))

    def forward(self, inputs, H_C=None):
        zeros, outputs = torch.zeros((inputs.shape[1], self.num_hiddens)), []
        H, C = (zeros, zeros) if H_C is None else H_C
        for X in inputs:
            i = X @ self.W_xi + H @ self.W_hi + self.b_i
            f = X @ self.W_xf + H @ self.W_hf + self.b_f
            o = X @ self.W_xo + H @ self.W_ho + self.b_o
            H, C = remember(i, f, X @ self.W_xc + H @ self.W_hc + self.b_c, o, C)
            outputs.append(H)
        return outputs, (H, C)


class Names(nn.Module):
    """A row (1, V) a step, the probabilities of an output layer, and a state that it makes."""

    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return torch.log_softmax(self.h2o(hidden), 1), hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


# Libraries --------------------------------------------------------------------------------------


def init_params(n_in, n_hidden):
    n = 4 * n_hidden
    return {"wi": torch.randn(n_in, n), "wh": 0.3 * torch.randn(n_hidden, n), "b": torch.zeros(n)}


class LSTMState(NamedTuple):
    hidden: torch.Tensor
    cell: torch.Tensor


def initial_state(batch_size, hidden_size):
    return LSTMState(*torch.zeros(2, batch_size, hidden_size))


def core(params, state, x):
    """A step (parameters, state, x) with a record of its states."""
    i, g, f, o = (x @ params["wi"] + state.hidden @ params["wh"] + params["b"]).chunk(4, -1)
    state = LSTMState(*remember(i, f + 1, g, o, state.cell))
    return state.hidden, state


def scanned(params, carry, xs):
    """(parameters, carry, all steps) in, (carry, all outputs) out."""
    ys, (c, h) = [], carry
    for x in xs:
        h, c = remember(*(x @ params["wi"] + h @ params["wh"] + params["b"]).chunk(4, -1), c)
        ys.append(h)
    return (c, h), torch.stack(ys)


def functional(input, hidden: tuple[torch.Tensor, torch.Tensor], w_ih, w_hh, b_ih, b_hh):
    hx, cx = hidden
    gates = input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh
    return remember(*gates.chunk(4, 1), cx)


class Typed(nn.Module):
    """Types as for TorchScript, and a state that may be left out."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size))

    def forward(self, input: torch.Tensor, hx: torch.Tensor | None = None) -> torch.Tensor:
        if hx is None:
            hx = torch.zeros(input.size(0), self.weight_hh.size(1), dtype=input.dtype)
        i_r, i_z, i_n = torch.mm(input, self.weight_ih.t()).chunk(3, 1)
        h_r, h_z, h_n = torch.mm(hx, self.weight_hh.t()).chunk(3, 1)
        n = torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n)
        return n + torch.sigmoid(i_z + h_z) * (hx - n)


class Called:
    """A cell whose method is `call`, with a list of states."""

    def __init__(self, units, input_dim):
        self.kernel, self.recurrent_kernel = draw(input_dim, units), draw(units, units)
        self.bias = draw(units)

    def call(self, inputs, states):
        h = np.tanh(inputs @ self.kernel + states[0] @ self.recurrent_kernel + self.bias)
        return h, [h]


class Einsum(nn.Module):
    """All steps of x are multiplied at once, and all states are returned."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wxh = nn.Parameter(torch.randn(hidden_size, input_size))
        self.Whh = nn.Parameter(torch.randn(hidden_size, hidden_size))

    def forward(self, x, hidden=None):
        x, every = torch.einsum("btv,hv->bth", x, self.Wxh), []
        for t in range(x.shape[-2]):
            hidden = torch.tanh(x[:, t] if hidden is None else x[:, t] + hidden @ self.Whh.T)
            every.append(hidden)
        return torch.stack(every, -2)


class Lists:
    """Weights in lists, one for each gate."""

    def __init__(self, n_in, n_out):
        self.W = [draw(n_in, n_out, seed=k) for k in range(4)]
        self.U = [draw(n_out, n_out, seed=k) for k in range(4)]

    def forward(self, x, h, c):
        i, f, o, g = (x @ W + h @ U for W, U in zip(self.W, self.U, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c


class ByGate(nn.Module):
    """Weights in a ParameterDict, states in a dict."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        shape = hidden_size, input_size + hidden_size
        self.w = nn.ParameterDict({gate: torch.randn(shape) for gate in "ifgo"})
        self.hidden_size = hidden_size

    def init_hidden(self, batch_size):
        return {name: torch.zeros(batch_size, self.hidden_size) for name in "hc"}

    def forward(self, x, state):
        xh = torch.cat([x, state["h"]], 1)
        h, c = remember(*(xh @ self.w[gate].T for gate in "ifgo"), state["c"])
        return h, {"h": h, "c": c}


class Listed(nn.Module):
    """Weights in a ParameterList, and the state before x."""

    def __init__(self, dim_in, dim_hidden):
        super().__init__()
        shapes = (dim_in, dim_hidden), (dim_hidden, dim_hidden), (dim_hidden,)
        self.weights = nn.ParameterList(torch.randn(shape) for shape in shapes)

    def forward(self, h, x):
        W, U, b = self.weights
        return torch.tanh(torch.addmm(b, x, W) + h @ U)


class Channels(nn.Module):
    """x (B, V, T), as for a convolution."""

    def __init__(self, in_channels, hidden_channels):
        super().__init__()
        self.rnn = nn.GRU(in_channels, hidden_channels, batch_first=True)

    def forward(self, x):
        return self.rnn(x.transpose(1, 2))[0].transpose(1, 2)


# Cells of their own -----------------------------------------------------------------------------


class ConvLSTM(nn.Module):
    """A sequence of images."""

    def __init__(self, input_dim, hidden_dim, kernel_size=3):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.conv = nn.Conv2d(input_dim + hidden_dim, 4 * hidden_dim, 3, padding=1)

    def forward(self, x, state=None):
        zeros, outputs = torch.zeros(len(x), self.hidden_dim, *x.shape[3:]), []
        h, c = (zeros, zeros) if state is None else state
        for t in range(x.shape[1]):
            h, c = remember(*self.conv(torch.cat([x[:, t], h], 1)).chunk(4, 1), c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


class TwoLayers(cells.Cell):
    def forward(self, x, h1, h2):
        h1 = torch.tanh(self.gates(x, h1)[0])
        return h1, torch.tanh(h1 + self.u * h2)


class Stacked(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers=2)

    def forward(self, x, state=None):
        return self.lstm(x, state)


class WithPeepholes(cells.Cell):
    def forward(self, x, hc):
        h, c = hc
        i, f, o, g = self.gates(x, h)
        return remember(i + self.u * c, f + self.u * c, g, o, c)


class ThreeStates(cells.Cell):
    def forward(self, x, states):
        h, c, n = states
        i, f, o, g = self.gates(x, h)
        h, c = remember(i, f, g, o, c)
        n = torch.sigmoid(f) * n + torch.exp(-i * i)
        return h / (1 + n), (h, c, n)


class OneGate(cells.Cell):
    """A gate of one number for all units."""

    def forward(self, x, h):
        z, n, _, _ = self.gates(x, h)
        z = torch.sigmoid(z[..., :1])
        return z * h + (1 - z) * torch.tanh(n)


class Minimal(cells.Cell):
    """The shares of the state and of what is new have a sum of 1."""

    def forward(self, x, h):
        f, i, n, _ = self.gates(x, 0 * h)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        return (f * h + i * n) / (f + i)


class Reservoir:
    """The state comes first, and the method has a name of its own."""

    def __init__(self, n_inputs, n_reservoir):
        self.W_in, self.W = draw(n_reservoir, n_inputs), draw(n_reservoir, n_reservoir)

    def update(self, state, input_pattern):
        return 0.7 * state + 0.3 * np.tanh(input_pattern @ self.W_in.T + state @ self.W.T)


def make_cell(n_in, n_hidden):
    """A closure, whose weights are those of no object."""
    W, U = draw(n_in, n_hidden), draw(n_hidden, n_hidden)

    def cell(x, h):
        return np.tanh(x @ W + h @ U)

    return cell


COLUMN, PAIR = (H, "B"), (ROWS, ROWS)

FORMS = {
    "GRUByHand": Row((V,), ((H,),), "gru", calls=850),
    "ElmanByHand": Row(("B", V), (ROWS,), "rnn", calls=750),
    "lstm_step_forward": Row(("B", V), PAIR, "lstm", calls=200),
    "lstm_cell_forward": Row((V, "B"), (COLUMN, COLUMN), "lstm", calls=200),
    "lstm_forward": Row((V, "B", "T"), (COLUMN,), "", calls=500),
    "LSTMScratch": Row(("T", "B", V), PAIR, "lstm", calls=10),
    "Names": Row(("B", V), (ROWS,), "", calls=700),
    "core": Row(("B", V), PAIR, "", calls=700),
    "scanned": Row(("T", "B", V), PAIR, "lstm", calls=10),
    "functional": Row(("B", V), PAIR, "lstm", calls=700),
    "Typed": Row(("B", V), (ROWS,), "gru", calls=350),
    "Called": Row(("B", V), (ROWS,), "rnn", calls=900),
    "Einsum": Row(("B", "T", V), (ROWS,), "rnn", calls=60),
    "Lists": Row(("B", V), PAIR, "lstm", calls=150),
    "ByGate": Row(("B", V), PAIR, "lstm", calls=700),
    "Listed": Row(("B", V), (ROWS,), "rnn", calls=650),
    "Channels": Row(("B", V, "T"), (), "gru", calls=20),
    "ConvLSTM": Row(("B", "T", V, 9, 13), (("B", H, 9, 13),) * 2, "", calls=200),
    "TwoLayers": Row(("B", V), PAIR, "", calls=100),
    "Stacked": Row(("T", "B", V), ((2, *ROWS),) * 2, "", calls=10),
    "WithPeepholes": Row(("B", V), PAIR, "", calls=650),
    "ThreeStates": Row(("B", V), (ROWS,) * 3, "", calls=700),
    "OneGate": Row(("B", V), (ROWS,), "", calls=650),
    "Reservoir": Row(("B", V), (ROWS,), "", calls=700),
    "make_cell(V, H)": Row(("B", V), (ROWS,), "", calls=800),
    "Minimal": Row(("B", V), (ROWS,), "", calls=700),
}
