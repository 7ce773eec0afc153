"""What is used of Triton is imported by name; tanh is libdevice's."""

import scaffold
import torch
import triton
import triton.language as tl
from triton.language import arange, load, program_id, store
from triton.language.extra.cuda.libdevice import tanh


@triton.jit
def finish(z, h, N, BLOCK: tl.constexpr):
    at = program_id(0) * BLOCK + arange(0, BLOCK)
    store(h + at, tanh(load(z + at, mask=at < N)), mask=at < N)


class RNN(scaffold.RNN):
    def states(self, a, h_0, W):
        h = [h_0]
        for a_t in a:  # PyTorch multiplies, the kernel computes the rest
            z = torch.addmm(a_t, h[-1], W.T)
            h.append(torch.empty_like(z))
            finish[(triton.cdiv(z.numel(), 1024),)](z, h[-1], z.numel(), BLOCK=1024)
        return torch.stack(h)
