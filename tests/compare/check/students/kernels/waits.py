"""A barrier for the whole grid: programs divide the units, and wait for each other in each step."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import product, tanh


@triton.jit
def together(a, W, h, counter, T, B, H, BB: tl.constexpr, BH: tl.constexpr):
    j = tl.program_id(0) * BH + tl.arange(0, BH)
    for t in range(T):
        for first in range(0, B, BB):
            b = first + tl.arange(0, BB)
            at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
            z = tl.load(a + t * B * H + at, inside, 0.0)
            z = product(z, h + t * B * H, W, b, j, B, H, H, 1, BH)
            tl.store(h + (t + 1) * B * H + at, tanh(z), inside)
        tl.debug_barrier()
        tl.atomic_add(counter, 1)
        while tl.atomic_add(counter, 0) < (t + 1) * tl.num_programs(0):
            pass


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h, counter = torch.empty(T + 1, B, H), torch.zeros(1, dtype=torch.int32)
        h[0] = h_0
        together[(triton.cdiv(H, 16),)](a, W, h, counter, T, B, H, 16, 16)
        return h
