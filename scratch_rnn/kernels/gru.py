"""A gated recurrent unit on a GPU, in Triton: one kernel for all T steps, one for all T steps back.

Read `scratch_rnn.kernels.elman` first. The names are as in `scratch_rnn.plain.gru`. PyTorch
computes the terms that need no earlier step, for all steps at once:

    a_r, a_z = W_i x_t + b_i + b_h,   a_n = W_in x_t + b_in     a (T, B, 3H)   x (T, B, V)

The forward kernel, for t = 1 … T. The rows of W_hh (3H, H) are W_hr, W_hz, W_hn:

    r_t = σ(a_r + W_hr h_{t-1})                 z_t = σ(a_z + W_hz h_{t-1})      r, z (T, B, H)
    q_t = W_hn h_{t-1} + b_hn                   n_t = tanh(a_n + r_t ⊙ q_t)      q, n (T, B, H)
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}                                        h (T+1, B, H)

The backward kernel, for t = T … 1, with δu_{T+1} = 0 and z_{T+1} = 0. δu (T+1, B, 3H) has δa_r,
δa_z and δq side by side, so that the three products are one:

    δh_t = δoutput_t + δh_{t+1} ⊙ z_{t+1} + W_hh^T δu_{t+1}
    δa_n = δh_t ⊙ (1 - z_t) (1 - n_t²)          δa_z = δh_t ⊙ (h_{t-1} - n_t) z_t (1 - z_t)
    δa_r = δa_n ⊙ q_t r_t (1 - r_t)             δq   = δa_n ⊙ r_t

Last, for all steps at once again:

    δh_0 = δh_1 ⊙ z_1 + W_hh^T δu_1             δW_hh = Σ δu_t h_{t-1}^T         δb_hn = Σ δq_t
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from scratch_rnn.kernels.layer import KernelLayer
from scratch_rnn.kernels.tiles import add_product, launch, load_four, sigmoid, store_four, tanh


@triton.jit
def gru_forward(
    a, W_hh, b_hn, h, gates, T, B, H, BB: tl.constexpr, BH: tl.constexpr, precision: tl.constexpr
):
    """Write h[1] … h[T], from h[0], and the gates r, z, n and q.

    a (T, B, 3H), W_hh (3H, H), b_hn (H,), h (T+1, B, H), gates (4, T, B, H).
    """
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,) the sequences of this program
    apart = tl.cast(T, tl.int64) * B * H  # from one gate to the next
    for _ in range(T):
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,) units
            at, at_a = b[:, None] * H + j[None, :], b[:, None] * 3 * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            r, z = tl.load(a + at_a, inside, 0.0), tl.load(a + at_a + H, inside, 0.0)
            q = tl.load(b_hn + j[None, :] + tl.zeros_like(at), inside, 0.0)
            r = add_product(r, h, W_hh, b, j, B, H, H, H, 1, BH, precision)
            z = add_product(z, h, W_hh + H * H, b, j, B, H, H, H, 1, BH, precision)
            q = add_product(q, h, W_hh + 2 * H * H, b, j, B, H, H, H, 1, BH, precision)
            r, z = sigmoid(r), sigmoid(z)
            n = tanh(tl.load(a + at_a + 2 * H, inside, 0.0) + r * q)
            h_t = (1.0 - z) * n + z * tl.load(h + at, inside, 0.0)
            tl.store(h + B * H + at, h_t, inside)
            store_four(gates + at, apart, inside, r, z, n, q)
        a += B * 3 * H  # the next step
        h += B * H
        gates += B * H
        tl.debug_barrier()  # all threads have written h_t; from here on all of them read it


@triton.jit
def gru_backward(
    d_output,
    W_hh,
    h,
    gates,
    d_h,
    d_a_n,
    d_u,
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    precision: tl.constexpr,
):
    """Write d_a_n and d_u[0] … d_u[T-1]; d_u[T] is 0. d_h is 0, and in the end δh_1 ⊙ z_1.

    d_output (T, B, H), W_hh (3H, H), h (T+1, B, H), gates (4, T, B, H), d_h (B, H),
    d_a_n (T, B, H), d_u (T+1, B, 3H).
    """
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,)
    apart = tl.cast(T, tl.int64) * B * H
    d_u += 3 * apart
    for t in range(T - 1, -1, -1):
        d_u, step = d_u - B * 3 * H, tl.cast(t, tl.int64) * B * H  # one step back
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,)
            at, at_u = b[:, None] * H + j[None, :], b[:, None] * 3 * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            d_h_t = tl.load(d_output + step + at, inside, 0.0) + tl.load(d_h + at, inside, 0.0)
            later = d_u + B * 3 * H
            d_h_t = add_product(d_h_t, later, W_hh, b, j, B, H, 3 * H, 1, H, BH, precision)
            r, z, n, q = load_four(gates + step + at, apart, inside)
            h_before = tl.load(h + step + at, inside, 0.0)
            d_a_n_t = d_h_t * (1.0 - z) * (1.0 - n * n)
            tl.store(d_u + at_u, d_a_n_t * q * r * (1.0 - r), inside)
            tl.store(d_u + at_u + H, d_h_t * (h_before - n) * z * (1.0 - z), inside)
            tl.store(d_u + at_u + 2 * H, d_a_n_t * r, inside)
            tl.store(d_a_n + step + at, d_a_n_t, inside)
            tl.store(d_h + at, d_h_t * z, inside)
        tl.debug_barrier()  # all threads have written δu_t; from here on all of them read it


class _Recurrence(torch.autograd.Function):
    """All states (T, B, H), from a (T, B, 3H), h_0 (B, H), W_hh (3H, H) and b_hn (H,)."""

    @staticmethod
    def forward(ctx, a, h_0, W_hh, b_hn, precision):
        (T, B, _), H = a.shape, len(b_hn)
        h, gates = a.new_empty(T + 1, B, H), a.new_empty(4, T, B, H)
        h[0] = h_0
        launch(gru_forward, T, B, H, precision, a, W_hh, b_hn, h, gates)
        ctx.save_for_backward(W_hh, h, gates)
        ctx.precision = precision
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, d_output):
        W_hh, h, gates = ctx.saved_tensors
        T, B, H = d_output.shape
        d_h, d_a_n, d_u = torch.zeros_like(h[0]), h.new_empty(T, B, H), h.new_empty(T + 1, B, 3 * H)
        d_u[T] = 0
        d_output = d_output.contiguous()
        launch(gru_backward, T, B, H, ctx.precision, d_output, W_hh, h, gates, d_h, d_a_n, d_u)
        d_u = d_u[:-1]
        d_a = torch.cat((d_u[..., : 2 * H], d_a_n), 2)  # (T, B, 3H)
        d_W_hh = d_u.flatten(0, 1).T @ h[:-1].flatten(0, 1)
        return d_a, d_h + d_u[0] @ W_hh, d_W_hh, d_u[..., 2 * H :].sum((0, 1)), None


class GRU(KernelLayer):
    """torch.nn.GRU(input_size, hidden_size)."""

    num_gates = 3

    def steps(self, x, h_0):
        """Return all states (T, B, H) and the last one (B, H), from x (T, B, V) and h_0 (B, H)."""
        b_hr_hz, b_hn = self.bias_hh_l0.split((2 * self.hidden_size, self.hidden_size))
        b = self.bias_ih_l0 + F.pad(b_hr_hz, (0, self.hidden_size))  # (3H,)
        a, W_hh = self.multiply_input(x, b), self.weight_hh_l0.contiguous()
        output = _Recurrence.apply(a, h_0, W_hh, b_hn, self.input_precision)
        return output, output[-1]
