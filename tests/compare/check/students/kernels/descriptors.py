"""Tensor descriptors, where rows are aligned to 16 bytes; they need no masks."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import tanh, tiles


@triton.jit
def step(a, h, W, new, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b, j = tl.program_id(0) * BB, tl.program_id(1) * BH
    a_rows = tl.make_tensor_descriptor(a, [B, H], [H, 1], [BB, BH])
    h_rows = tl.make_tensor_descriptor(h, [B, H], [H, 1], [BB, BH])
    W_rows = tl.make_tensor_descriptor(W, [H, H], [H, 1], [BH, BH])
    new_rows = tl.make_tensor_descriptor(new, [B, H], [H, 1], [BB, BH])
    z = a_rows.load([b, j])
    for k in range(0, H, BH):
        z = tl.dot(h_rows.load([b, k]), W_rows.load([j, k]).T, acc=z, input_precision="ieee")
    new_rows.store([b, j], tanh(z))


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        if H % 4:
            return super().states(a, h_0, W)
        h = torch.empty(T + 1, B, H)
        h[0] = h_0
        for t in range(T):
            step[tiles(B, H)](a[t], h[t], W, h[t + 1], B, H, 32, 32)
        return h
