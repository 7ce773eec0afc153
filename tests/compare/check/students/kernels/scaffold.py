"""What the kernels of this folder share: parameters, what PyTorch computes, and kernels for a step.

A style replaces `states` (the forward pass), `slopes` (the backward pass) or `weights`.
"""

import torch
import triton
import triton.language as tl
from torch import nn
from torch.nn import functional as F


@triton.jit
def tanh(a):
    small = a * (1.0 - a * a * (0.33333334 - a * a * 0.13333334))
    large = 1.0 - 2.0 / (tl.exp(2.0 * tl.abs(a)) + 1.0)
    return tl.where(tl.abs(a) < 0.05, small, tl.where(a < 0, -large, large))


@triton.jit
def product(z, h, W, b, j, B, H, by_j, by_k, BK: tl.constexpr):
    """Add h W^T to a tile z; with the strides changed places h W."""
    for first in range(0, H, BK):
        k = first + tl.arange(0, BK)
        h_in = (b[:, None] < B) & (k[None, :] < H)
        W_in = (k[:, None] < H) & (j[None, :] < H)
        h_tile = tl.load(h + b[:, None] * H + k[None, :], h_in, 0.0)
        W_tile = tl.load(W + j[None, :] * by_j + k[:, None] * by_k, W_in, 0.0)
        z = tl.dot(h_tile, W_tile, acc=z, input_precision="ieee")
    return z


@triton.jit
def step_forward(a, h, W, new, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    j = tl.program_id(1) * BH + tl.arange(0, BH)
    at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
    z = product(tl.load(a + at, inside, 0.0), h, W, b, j, B, H, H, 1, BH)
    tl.store(new + at, tanh(z), inside)


@triton.jit
def step_backward(d_output, d_z, W, h, new, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    j = tl.program_id(1) * BH + tl.arange(0, BH)
    at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
    d_h = product(tl.load(d_output + at, inside, 0.0), d_z, W, b, j, B, H, 1, H, BH)
    h_t = tl.load(h + at, inside, 0.0)
    tl.store(new + at, d_h * (1.0 - h_t * h_t), inside)


def tiles(B, H, BB=32, BH=32):
    return triton.cdiv(B, BB), triton.cdiv(H, BH)


class Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layer, a, h_0, W):
        h = layer.states(a, h_0, W)
        ctx.layer = layer
        ctx.save_for_backward(h, W)
        return h[1:]

    @staticmethod
    def backward(ctx, d_output):
        h, W = ctx.saved_tensors
        d_z = ctx.layer.slopes(d_output.contiguous(), h, W)
        return None, d_z, d_z[0] @ W, ctx.layer.weights(d_z, h[:-1])


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for name, shape in {
            "weight_ih_l0": (hidden_size, input_size),
            "weight_hh_l0": (hidden_size, hidden_size),
            "bias_ih_l0": (hidden_size,),
            "bias_hh_l0": (hidden_size,),
        }.items():
            setattr(self, name, nn.Parameter(torch.rand(shape) / hidden_size))
        self.hidden_size = hidden_size

    def forward(self, x, state=None):
        a = F.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0).contiguous()
        if state is None:
            state = x.new_zeros(1, x.shape[1], self.hidden_size)
        output = Recurrence.apply(self, a, state[0].contiguous(), self.weight_hh_l0)
        return output, output[-1:]

    def states(self, a, h_0, W):
        """Return h (T+1, B, H)."""
        T, B, H = a.shape
        h = torch.empty(T + 1, B, H)
        h[0] = h_0
        for t in range(T):
            step_forward[tiles(B, H)](a[t], h[t], W, h[t + 1], B, H, 32, 32)
        return h

    def slopes(self, d_output, h, W):
        """Return the gradients of a (T, B, H)."""
        T, B, H = d_output.shape
        d_z = torch.empty(T + 1, B, H)
        d_z[T] = 0
        for t in reversed(range(T)):
            step_backward[tiles(B, H)](d_output[t], d_z[t + 1], W, h[t + 1], d_z[t], B, H, 32, 32)
        return d_z[:-1]

    def weights(self, d_z, h):
        """Return the gradient of W, from d_z and h (T, B, H)."""
        return d_z.flatten(0, 1).T @ h.flatten(0, 1)
