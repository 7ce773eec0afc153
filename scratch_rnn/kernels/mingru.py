"""A minGRU on a GPU, in Triton: a scan in chunks, forward, and the same scan back.

The names are as in `scratch_rnn.plain.mingru`, which derives the scan. PyTorch computes the terms
that need no state, for all steps in one product:

    a_z = W_iz x_t + b_iz,   n_t = W_in x_t + b_in      a (T, B, 2H)   x (T, B, V)

The forward kernel, for chunks of C steps, one after the other. Within a chunk t counts from 1, and
h_0 is the state before it. The pairs (1 - z, z ⊙ n) of the steps 1 … t are joined in log2 C rounds,
to (A_t, S_t), `kept` and `added` in the code:

    z_t = σ(a_z)        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t = A_t ⊙ h_0 + S_t     h (T+1, B, H)

The backward kernel has the chunks from the last to the first, with the δh_{C+1} after the chunk:

    δh_t = δoutput_t + (1 - z_{t+1}) ⊙ δh_{t+1} = A_t ⊙ δh_{C+1} + S_t,  joined from step C to 1
    δa_z = δh_t ⊙ (n_t - h_{t-1}) z_t (1 - z_t)         δn_t = δh_t ⊙ z_t        δa (T, B, 2H)

In the end δh_0 = (1 - z_1) ⊙ δh_1, of the first chunk. No unit reads another one, so a program has
one sequence and BH of its units, and B·H / BH programs run at once. No program loads what it has
stored: what a chunk leaves stays in registers, and no barrier is needed.
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from scratch_rnn.kernels.layer import KernelLayer
from scratch_rnn.kernels.tiles import sigmoid

STEPS, UNITS = 32, 32
"""The most steps of a chunk, C, and the units of a program, BH."""


@triton.jit
def join(a, b, a_later, b_later):
    """Return the pair of h -> a_later ⊙ (a ⊙ h + b) + b_later."""
    return a_later * a, a_later * b + b_later


@triton.jit
def mingru_forward(a, h, T, B, H, C: tl.constexpr, BH: tl.constexpr):
    """Write h[1] … h[T], from h[0]: a (T, B, 2H), h (T+1, B, H)."""
    b = tl.program_id(0)
    j = tl.program_id(1) * BH + tl.arange(0, BH)[None, :]  # (1, BH) units
    state = tl.load(h + b * H + j, j < H, 0.0)  # (1, BH)
    for first in range(0, T, C):
        t = first + tl.arange(0, C)[:, None].to(tl.int64)  # (C, 1)
        at, inside = (t * B + b) * H + j, (t < T) & (j < H)  # (C, BH)
        at_a = (t * B + b) * 2 * H + j
        z, n = sigmoid(tl.load(a + at_a, inside, 0.0)), tl.load(a + at_a + H, inside, 0.0)
        kept, added = tl.associative_scan((1.0 - z, z * n), 0, join)
        h_t = kept * state + added
        tl.store(h + B * H + at, h_t, inside)
        state = tl.sum(tl.where(t == first + C - 1, h_t, 0.0), 0, keep_dims=True)


@triton.jit
def mingru_backward(d_output, a, h, d_a, d_h_0, T, B, H, C: tl.constexpr, BH: tl.constexpr):
    """Write d_a and d_h_0.

    d_output (T, B, H), a (T, B, 2H), h (T+1, B, H), d_a (T, B, 2H), d_h_0 (B, H).
    """
    b = tl.program_id(0)
    j = tl.program_id(1) * BH + tl.arange(0, BH)[None, :]  # (1, BH) units
    d_next = tl.zeros((1, BH), tl.float32)  # δh of the step after the chunk
    for k in range(tl.cdiv(T, C)):
        first = (tl.cdiv(T, C) - 1 - k) * C
        t = first + tl.arange(0, C)[:, None].to(tl.int64)  # (C, 1)
        at, inside = (t * B + b) * H + j, (t < T) & (j < H)  # (C, BH)
        at_a = (t * B + b) * 2 * H + j
        later = tl.load(a + at_a + B * 2 * H, (t < T - 1) & (j < H), 0.0)
        d_h = tl.load(d_output + at, inside, 0.0)
        kept, added = tl.associative_scan((1.0 - sigmoid(later), d_h), 0, join, reverse=True)
        d_h = kept * d_next + added
        d_next = tl.sum(tl.where(t == first, d_h, 0.0), 0, keep_dims=True)
        z, n = sigmoid(tl.load(a + at_a, inside, 0.0)), tl.load(a + at_a + H, inside, 0.0)
        h_before = tl.load(h + at, inside, 0.0)
        tl.store(d_a + at_a, d_h * (n - h_before) * z * (1.0 - z), inside)
        tl.store(d_a + at_a + H, d_h * z, inside)
    z = sigmoid(tl.load(a + b * 2 * H + j, j < H, 0.0))  # of the first step
    tl.store(d_h_0 + b * H + j, (1.0 - z) * d_next, j < H)


def launch(kernel, T, B, H, *arrays):
    """Run a kernel on arrays of T steps, B sequences and H units."""
    C = min(STEPS, max(16, triton.next_power_of_2(T)))
    kernel[(B, triton.cdiv(H, UNITS))](*arrays, T, B, H, C, UNITS, num_warps=4)


class _Recurrence(torch.autograd.Function):
    """All states (T, B, H), from a (T, B, 2H) and h_0 (B, H)."""

    @staticmethod
    def forward(ctx, a, h_0):
        T, (B, H) = len(a), h_0.shape
        h = a.new_empty(T + 1, B, H)
        h[0] = h_0
        launch(mingru_forward, T, B, H, a, h)
        ctx.save_for_backward(a, h)
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, d_output):
        a, h = ctx.saved_tensors
        d_a, d_h_0 = torch.empty_like(a), torch.empty_like(h[0])
        launch(mingru_backward, *d_output.shape, d_output.contiguous(), a, h, d_a, d_h_0)
        return d_a, d_h_0


class MinGRU(KernelLayer):
    """concise_rnn.MinGRU(input_size, hidden_size)."""

    num_gates = 2

    def __init__(self, input_size, hidden_size, *, device=None):
        super().__init__(input_size, hidden_size, device=device)

    def list_shapes(self):
        """Return the shape of each parameter by its name: those of a layer without W_hh."""
        return {n: shape for n, shape in super().list_shapes().items() if "_hh_" not in n}

    def steps(self, x, h_0):
        """Return all states (T, B, H) and the last one (B, H), from x (T, B, V) and h_0 (B, H)."""
        a = self.multiply_input(x, self.bias_ih_l0)
        output = _Recurrence.apply(a, h_0)
        return output, output[-1]
