"""Two buffers for the state, which change places in each step."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import product, tanh


@triton.jit
def ping_pong(a, W, states, output, T, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    t = 0
    while t < T:
        old = states + (t % 2) * B * H
        new = states + ((t + 1) % 2) * B * H
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)
            at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
            z = tl.load(a + t * B * H + at, inside, 0.0)
            h = tanh(product(z, old, W, b, j, B, H, H, 1, BH))
            tl.store(new + at, h, inside)
            tl.store(output + t * B * H + at, h, inside)
        tl.debug_barrier()
        t += 1


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h, states = torch.empty(T + 1, B, H), torch.empty(2, B, H)
        h[0] = states[0] = h_0
        ping_pong[(triton.cdiv(B, 16),)](a, W, states, h[1:], T, B, H, 16, 32)
        return h
