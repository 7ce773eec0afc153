"""A faster variant without masks where tiles fit, which heuristics choose."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import product, tanh, tiles


@triton.heuristics({"EVEN": lambda args: args["B"] % 16 == 0 and args["H"] % 32 == 0})
@triton.heuristics({"WIDE": lambda args: args["H"] % 128 == 0})
@triton.jit
def step(
    a, h, W, new, B, H, BB: tl.constexpr, BH: tl.constexpr, EVEN: tl.constexpr, WIDE: tl.constexpr
):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    j = tl.program_id(1) * BH + tl.arange(0, BH)
    at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
    if EVEN:
        z = tl.load(a + at)
        BK: tl.constexpr = 128 if WIDE else 32
        for first in range(0, H, BK):
            k = first + tl.arange(0, BK)
            h_tile = tl.load(h + b[:, None] * H + k[None, :])
            W_tile = tl.load(W + j[None, :] * H + k[:, None])
            z = tl.dot(h_tile, W_tile, acc=z, input_precision="ieee")
        tl.store(new + at, tanh(z))
    else:
        z = product(tl.load(a + at, inside, 0.0), h, W, b, j, B, H, H, 1, BH)
        tl.store(new + at, tanh(z), inside)


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h = torch.empty(T + 1, B, H)
        h[0] = h_0
        for t in range(T):
            step[tiles(B, H, 16, 32)](a[t], h[t], W, h[t + 1], B, H, 16, 32)
        return h
