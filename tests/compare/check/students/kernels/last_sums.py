"""Programs share the sum over k; the last one, by a counter, sums their parts."""

import scaffold
import torch
import triton
import triton.language as tl
from scaffold import tanh


@triton.jit
def step(a, h, W, parts, counters, new, B, H, BH: tl.constexpr, BK: tl.constexpr):
    b, split, splits = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    j = tl.arange(0, BH)
    k = split * BK + tl.arange(0, BK)
    h_k = tl.load(h + b * H + k, k < H, 0.0)
    W_jk = tl.load(W + j[:, None] * H + k[None, :], (j[:, None] < H) & (k[None, :] < H), 0.0)
    tl.store(parts + (b * splits + split) * H + j, tl.sum(W_jk * h_k[None, :], axis=1), j < H)
    tl.debug_barrier()
    done = tl.atomic_add(counters + b, 1, sem="acq_rel")
    if done == splits - 1:
        z = tl.load(a + b * H + j, j < H, 0.0)
        for s in range(splits):
            z += tl.load(parts + (b * splits + s) * H + j, j < H, 0.0)
        tl.store(new + b * H + j, tanh(z), j < H)
        tl.atomic_xchg(counters + b, 0)


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        T, B, H = a.shape
        h, splits = torch.empty(T + 1, B, H), triton.cdiv(H, 32)
        h[0] = h_0
        parts, counters = torch.empty(B, splits, H), torch.zeros(B, dtype=torch.int32)
        for t in range(T):
            BH = triton.next_power_of_2(H)
            step[(B, splits)](a[t], h[t], W, parts, counters, h[t + 1], B, H, BH, 32)
        return h
