"""The gradient of W, to which one program at a time adds its rows, behind a lock."""

import scaffold
import torch
import triton
import triton.language as tl


@triton.jit
def add_rows(d_z, h, d_W, lock, N, H, BN: tl.constexpr, BH: tl.constexpr):
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    j = tl.arange(0, BH)
    d = tl.load(d_z + n[None, :] * H + j[:, None], (n[None, :] < N) & (j[:, None] < H), 0.0)
    u = tl.load(h + n[:, None] * H + j[None, :], (n[:, None] < N) & (j[None, :] < H), 0.0)
    at, inside = j[:, None] * H + j[None, :], (j[:, None] < H) & (j[None, :] < H)
    part = tl.dot(d, u, input_precision="ieee")
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    part += tl.load(d_W + at, inside, 0.0)
    tl.store(d_W + at, part, inside)
    tl.debug_barrier()  # all threads have stored
    tl.atomic_xchg(lock, 0)


class RNN(scaffold.RNN):
    def weights(self, d_z, h):
        T, B, H = h.shape
        d_W, lock = torch.zeros(H, H), torch.zeros(1, dtype=torch.int32)
        BH = max(16, triton.next_power_of_2(H))
        add_rows[(triton.cdiv(T * B, 16),)](d_z, h, d_W, lock, T * B, H, 16, BH)
        return d_W
