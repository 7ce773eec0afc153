"""A GRU: a program takes a sequence through all steps; the way back step by step, in PyTorch."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import sigmoid, tanh
from torch.nn import functional as F


@triton.jit
def rows(W, h, j, k, H):
    """Return W h of some rows."""
    inside = (j[:, None] < H) & (k[None, :] < H)
    return tl.sum(tl.load(W + j[:, None] * H + k[None, :], inside, 0.0) * h[None, :], axis=1)


@triton.jit
def gru(a, W, c, h, gates, T, B, H, BH: tl.constexpr):
    """Write h (T+1, B, H) and the gates r, z, n, q (T, B, 4H), from a (T, B, 3H)."""
    b = tl.program_id(0)
    j = tl.arange(0, BH)
    c_r, c_z = tl.load(c + j, j < H, 0.0), tl.load(c + H + j, j < H, 0.0)
    c_n = tl.load(c + 2 * H + j, j < H, 0.0)
    state = tl.load(h + b * H + j, j < H, 0.0)
    for t in range(T):
        a_t, gates_t = a + (t * B + b) * 3 * H + j, gates + (t * B + b) * 4 * H + j
        r = sigmoid(tl.load(a_t, j < H, 0.0) + c_r + rows(W, state, j, j, H))
        z = sigmoid(tl.load(a_t + H, j < H, 0.0) + c_z + rows(W + H * H, state, j, j, H))
        q = c_n + rows(W + 2 * H * H, state, j, j, H)
        n = tanh(tl.load(a_t + 2 * H, j < H, 0.0) + r * q)
        state = (1.0 - z) * n + z * state
        tl.store(h + ((t + 1) * B + b) * H + j, state, j < H)
        tl.store(gates_t, r, j < H)
        tl.store(gates_t + H, z, j < H)
        tl.store(gates_t + 2 * H, n, j < H)
        tl.store(gates_t + 3 * H, q, j < H)


class Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, h_0, W, c):
        T, B, H = *a.shape[:2], h_0.shape[1]
        h, gates = torch.empty(T + 1, B, H), torch.empty(T, B, 4 * H)
        h[0] = h_0
        gru[(B,)](a, W, c, h, gates, T, B, H, triton.next_power_of_2(H))
        ctx.save_for_backward(W, h, gates)
        return h[1:]

    @staticmethod
    def backward(ctx, d_output):
        W, h, gates = ctx.saved_tensors
        d_a, d_u, d_h = [], [], torch.zeros_like(h[0])
        for t in reversed(range(len(d_output))):
            r, z, n, q = gates[t].chunk(4, 1)
            d_h = d_h + d_output[t]
            d_n = d_h * (1 - z) * (1 - n * n)
            d_z, d_r = d_h * (h[t] - n) * z * (1 - z), d_n * q * r * (1 - r)
            d_a.insert(0, torch.cat((d_r, d_z, d_n), 1))
            d_u.insert(0, torch.cat((d_r, d_z, d_n * r), 1))
            d_h = d_h * z + d_u[0] @ W
        d_a, d_u = torch.stack(d_a), torch.stack(d_u).flatten(0, 1)
        return d_a, d_h, d_u.T @ h[:-1].flatten(0, 1), d_u.sum(0)


class GRU(scaffold.RNN):
    gates = 3

    def forward(self, x, state=None):
        a = F.linear(x, self.weight_ih_l0, self.bias_ih_l0).contiguous()
        h_0 = x.new_zeros(x.shape[1], self.hidden_size) if state is None else state[0]
        output = Recurrence.apply(a, h_0, self.weight_hh_l0, self.bias_hh_l0)
        return output, output[-1:]
