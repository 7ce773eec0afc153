"""The gradient of W, to which each program adds its rows atomically."""

import scaffold
import torch
import triton
import triton.language as tl


@triton.jit
def add_rows(d_z, h, d_W, N, H, BN: tl.constexpr, BH: tl.constexpr):
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    i = tl.program_id(1) * BH + tl.arange(0, BH)
    for first in range(0, H, BH):
        j = first + tl.arange(0, BH)
        d = tl.load(d_z + n[None, :] * H + i[:, None], (n[None, :] < N) & (i[:, None] < H), 0.0)
        u = tl.load(h + n[:, None] * H + j[None, :], (n[:, None] < N) & (j[None, :] < H), 0.0)
        part = tl.dot(d, u, input_precision="ieee")
        inside = (i[:, None] < H) & (j[None, :] < H)
        tl.atomic_add(d_W + i[:, None] * H + j[None, :], part, inside, sem="relaxed")


class RNN(scaffold.RNN):
    def weights(self, d_z, h):
        T, B, H = h.shape
        d_W = torch.zeros(H, H)
        grid = triton.cdiv(T * B, 16), triton.cdiv(H, 32)
        add_rows[grid](d_z, h.contiguous(), d_W, T * B, H, 16, 32)
        return d_W
