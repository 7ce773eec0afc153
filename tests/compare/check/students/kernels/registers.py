"""The states stay in registers; a program has all units of its sequences."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import tanh


@triton.jit
def persistent(a, W, h, T, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    j = tl.arange(0, BH)
    inside = (b[:, None] < B) & (j[None, :] < H)
    at = b[:, None] * H + j[None, :]
    W_in = (j[:, None] < H) & (j[None, :] < H)
    W_kj = tl.load(W + j[None, :] * H + j[:, None], W_in, other=0.0)
    state = tl.load(h + at, inside, other=0.0)
    for t in range(T):
        z = tl.load(a + t * B * H + at, inside, other=0.0)
        state = tanh(tl.dot(state, W_kj, acc=z, input_precision="ieee"))
        tl.store(h + (t + 1) * B * H + at, state, inside)


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h = torch.empty(T + 1, B, H)
        h[0] = h_0
        grid = (triton.cdiv(B, 16),)
        persistent[grid](a, W, h, T, B, H, 16, max(16, triton.next_power_of_2(H)))
        return h
