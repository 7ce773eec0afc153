"""One buffer for the state, which each step overwrites, between two barriers."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import product, tanh


@triton.jit
def in_place(a, W, state, output, T, B, H, BB: tl.constexpr, BH: tl.constexpr):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    j = tl.arange(0, BH)
    at, inside = b[:, None] * H + j[None, :], (b[:, None] < B) & (j[None, :] < H)
    for _ in range(T):
        z = tl.load(a + at, inside, 0.0)
        h = tanh(product(z, state, W, b, j, B, H, H, 1, 32))
        tl.debug_barrier()  # all threads have loaded the old state
        tl.store(state + at, h, inside)
        tl.store(output + at, h, inside)
        tl.debug_barrier()  # all threads have stored the new one
        a += B * H
        output += B * H


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h, state = torch.empty(T + 1, B, H), h_0.clone()
        h[0] = h_0
        grid = (triton.cdiv(B, 16),)
        in_place[grid](a, W, state, h[1:], T, B, H, 16, max(16, triton.next_power_of_2(H)))
        return h
