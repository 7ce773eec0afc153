"""An LSTM: PyTorch multiplies in each step, kernels compute the gates and their gradients."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import sigmoid, tanh
from torch.nn import functional as F


@triton.jit
def gates_of(a, b, j, H, BH: tl.constexpr):
    at = a + b * 4 * H + j
    i, f = sigmoid(tl.load(at, j < H, 0.0)), sigmoid(tl.load(at + H, j < H, 0.0))
    g, o = tanh(tl.load(at + 2 * H, j < H, 0.0)), sigmoid(tl.load(at + 3 * H, j < H, 0.0))
    return i, f, g, o


@triton.jit
def cell_forward(a, c, new_c, h, H, BH: tl.constexpr):
    b, j = tl.program_id(0), tl.program_id(1) * BH + tl.arange(0, BH)
    i, f, g, o = gates_of(a, b, j, H, BH)
    c_t = f * tl.load(c + b * H + j, j < H, 0.0) + i * g
    tl.store(new_c + b * H + j, c_t, j < H)
    tl.store(h + b * H + j, o * tanh(c_t), j < H)


@triton.jit
def cell_backward(a, c, new_c, d_h, d_c, d_a, H, BH: tl.constexpr):
    """Write d_a, and the gradient of c in place of that of new_c."""
    b, j = tl.program_id(0), tl.program_id(1) * BH + tl.arange(0, BH)
    i, f, g, o = gates_of(a, b, j, H, BH)
    tanh_c, d = tanh(tl.load(new_c + b * H + j, j < H, 0.0)), tl.load(d_h + b * H + j, j < H, 0.0)
    d_c_t = tl.load(d_c + b * H + j, j < H, 0.0) + d * o * (1.0 - tanh_c * tanh_c)
    c_t = tl.load(c + b * H + j, j < H, 0.0)
    at = d_a + b * 4 * H + j
    tl.store(at, d_c_t * g * i * (1.0 - i), j < H)
    tl.store(at + H, d_c_t * c_t * f * (1.0 - f), j < H)
    tl.store(at + 2 * H, d_c_t * i * (1.0 - g * g), j < H)
    tl.store(at + 3 * H, d * tanh_c * o * (1.0 - o), j < H)
    tl.store(d_c + b * H + j, d_c_t * f, j < H)


class Cell(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, c):
        a, c = a.contiguous(), c.contiguous()
        h, new_c = torch.empty_like(c), torch.empty_like(c)
        cell_forward[(len(c), triton.cdiv(c.shape[1], 64))](a, c, new_c, h, c.shape[1], 64)
        ctx.save_for_backward(a, c, new_c)
        return h, new_c

    @staticmethod
    def backward(ctx, d_h, d_c):
        a, c, new_c = ctx.saved_tensors
        B, H = c.shape
        d_a, d_c_0 = torch.empty_like(a), torch.empty_like(c).copy_(d_c)
        grid = B, triton.cdiv(H, 64)
        cell_backward[grid](a, c, new_c, d_h.contiguous(), d_c_0, d_a, H, 64)
        return d_a, d_c_0


class LSTM(scaffold.RNN):
    gates = 4

    def forward(self, x, state=None):
        zeros = x.new_zeros(1, x.shape[1], self.hidden_size)
        (h,), (c,) = (zeros, zeros) if state is None else state
        output = []
        for a in F.linear(x, self.weight_ih_l0, self.bias_ih_l0):
            h, c = Cell.apply(a + F.linear(h, self.weight_hh_l0, self.bias_hh_l0), c)
            output.append(h)
        return torch.stack(output), (h[None], c[None])
