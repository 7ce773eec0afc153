"""The first kernel that one would write of an Elman network. It has three mistakes.

docs/speed/kernels.md finds them, one after the other ("Ten minutes").
"""

import torch
import triton
import triton.language as tl
from torch import nn
from torch.nn import functional as F
from triton.language.extra import libdevice


@triton.jit
def rnn_forward(a, W, h, T, B, H, BB: tl.constexpr, BH: tl.constexpr):
    """Write h[1] … h[T], from h[0]: a (T, B, H), W (H, H), h (T+1, B, H)."""
    b = tl.program_id(0) * BB + tl.arange(0, BB)[:, None]  # (BB, 1) sequences
    for t in range(T):
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)[None, :]  # (1, BH) units
            inside = (b < B) & (j < H)
            z = tl.load(a + (t * B + b) * H + j, inside, 0.0)
            for begin in range(0, H, BH):
                k = begin + tl.arange(0, BH)
                h_inside = (b < B) & (k[None, :] < H)
                h_k = tl.load(h + (t * B + b) * H + k[None, :], h_inside, 0.0)
                W_kj = tl.load(W + j * H + k[:, None])
                z = tl.dot(h_k, W_kj, z)
            tl.store(h + ((t + 1) * B + b) * H + j, libdevice.tanh(z), inside)


class Recurrence(torch.autograd.Function):
    """All states (T, B, H), from a (T, B, H), h_0 (B, H) and W (H, H)."""

    @staticmethod
    def forward(ctx, a, h_0, W):
        """Return the states, and save them for the way back."""
        T, B, H = a.shape
        h = a.new_empty(T + 1, B, H)
        h[0] = h_0
        rnn_forward[(triton.cdiv(B, 16),)](a, W, h, T, B, H, 16, 32)
        ctx.save_for_backward(W, h)
        return h[1:]

    @staticmethod
    def backward(ctx, d_output):
        """Return the gradients, from those of the states."""
        W, h = ctx.saved_tensors
        d_z = torch.zeros_like(h)  # d_z[T] is 0
        for t in reversed(range(len(d_output))):
            d_z[t] = (d_output[t] + d_z[t + 1] @ W) * (1 - h[t + 1] ** 2)
        d_z = d_z[:-1]
        return d_z, d_z[0] @ W, d_z.flatten(0, 1).T @ h[:-1].flatten(0, 1)


class RNN(nn.Module):
    """torch.nn.RNN(input_size, hidden_size)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.rand(hidden_size, input_size) / hidden_size)
        self.weight_hh_l0 = nn.Parameter(torch.rand(hidden_size, hidden_size) / hidden_size)
        self.bias_ih_l0 = nn.Parameter(torch.zeros(hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, state=None):
        """Return all states (T, B, H) and the last one (1, B, H)."""
        a = F.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0).contiguous()
        h_0 = a.new_zeros(a.shape[1:]) if state is None else state[0]
        output = Recurrence.apply(a, h_0, self.weight_hh_l0.contiguous())
        return output, output[-1:]
