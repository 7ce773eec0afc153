"""Modules of PyTorch, each with a mistake; `RNN`, `GRU` and `LSTM` have none."""

import torch
from torch import nn


class Steps:
    """Calls `step` with W_ih x_t + b_ih, the states, W_hh and b_hh, step by step."""

    def forward(self, x, state):
        W_ih, W_hh, b_ih, b_hh = self.parameters()
        states = [s[0] for s in (state if isinstance(state, tuple) else (state,))]
        output = []
        for x_t in x:
            states = self.step(x_t @ W_ih.T + b_ih, *states, W_hh, b_hh)
            output.append(states[0])
        last = tuple(s[None] for s in states)
        return torch.stack(output), last if len(last) > 1 else last[0]


class RNN(Steps, nn.RNN):
    def step(self, a, h, W_hh, b_hh):
        return (torch.tanh(a + h @ W_hh.T + b_hh),)


class NotTransposed(RNN):
    def step(self, a, h, W_hh, b_hh):
        return super().step(a, h, W_hh.T, b_hh)


class Detached(RNN):
    def step(self, a, h, W_hh, b_hh):
        return super().step(a, h.detach(), W_hh, b_hh)


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        h = torch.tanh(z)
        ctx.save_for_backward(h)
        return h

    @staticmethod
    def backward(ctx, d_h):
        (h,) = ctx.saved_tensors
        return d_h * (1 - h)


class WrongSlope(RNN):
    def step(self, a, h, W_hh, b_hh):
        return (Tanh.apply(a + h @ W_hh.T + b_hh),)


class Carrying(nn.RNN):
    """Right once: a later call without a state begins with the last state of the call before."""

    last = None

    def forward(self, x, state=None):
        output, self.last = super().forward(x, self.last if state is None else state)
        return output, self.last


class CarryingDetached(nn.LSTM):
    last = None

    def forward(self, x, state=None):
        output, (h, c) = super().forward(x, self.last if state is None else state)
        self.last = h.detach(), c.detach()
        return output, (h, c)


class LastDetached(nn.RNN):
    def forward(self, x, state=None):
        output, h_n = super().forward(x, state)
        return output, h_n.detach()


class GRU(Steps, nn.GRU):
    def step(self, a, h, W_hh, b_hh):
        (a_r, a_z, a_n), (u_r, u_z, q) = a.chunk(3, 1), (h @ W_hh.T + b_hh).chunk(3, 1)
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
        return (self.mixed(z, torch.tanh(a_n + r * q), h),)

    def mixed(self, z, n, h):
        return (1 - z) * n + z * h


class Inverted(GRU):
    def mixed(self, z, n, h):
        return z * n + (1 - z) * h


class NoReset(GRU):
    def step(self, a, h, W_hh, b_hh):
        H = h.shape[1]
        a, b_hh = a.clone(), b_hh.clone()
        a[:, :H] = 1e3  # r is 1
        return super().step(a, h, W_hh, b_hh)


class LSTM(Steps, nn.LSTM):
    def step(self, a, h, c, W_hh, b_hh):
        i, f, g, o = (a + h @ W_hh.T + b_hh).chunk(4, 1)
        c = self.remembered(torch.sigmoid(f), c, torch.sigmoid(i), torch.tanh(g))
        return self.shown(torch.sigmoid(o), c), c

    def remembered(self, f, c, i, g):
        return f * c + i * g

    def shown(self, o, c):
        return o * torch.tanh(c)


class NoTanh(LSTM):
    def shown(self, o, c):
        return o * c


class Coupled(LSTM):
    def remembered(self, f, c, i, g):
        return (1 - i) * c + i * g


class Cut(LSTM):
    def remembered(self, f, c, i, g):
        return f * c.detach() + i * g


class OnlyOutput(nn.Module):
    def __init__(self, V, H):
        super().__init__()
        self.rnn = nn.RNN(V, H, batch_first=True)

    def forward(self, x, state=None):
        return self.rnn(x, state)[0]
