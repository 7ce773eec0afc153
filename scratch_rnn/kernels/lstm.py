"""A long short-term memory on a GPU, in Triton: one kernel for all T steps, one for all steps back.

Read `scratch_rnn.kernels.elman` first. The names are as in `scratch_rnn.plain.lstm`. PyTorch
computes the terms that need no earlier step, for all steps at once:

    a_t = W_ih x_t + b_ih + b_hh                                a (T, B, 4H)   x (T, B, V)

The forward kernel, for t = 1 … T. The rows of W_hh (4H, H) are W_hi, W_hf, W_hg, W_ho:

    i_t = σ(a_i + W_hi h_{t-1})                 f_t = σ(a_f + W_hf h_{t-1})      i, f (T, B, H)
    g_t = tanh(a_g + W_hg h_{t-1})              o_t = σ(a_o + W_ho h_{t-1})      g, o (T, B, H)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t             h_t = o_t ⊙ tanh(c_t)            c, h (T+1, B, H)

The backward kernel, for t = T … 1, with δa_{T+1} = 0 and, in the place of δc_{T+1} ⊙ f_{T+1}, δc_n.
δa (T+1, B, 4H) has δa_i, δa_f, δa_g and δa_o side by side, so that the four products are one:

    δh_t = δoutput_t + W_hh^T δa_{t+1}
    δc_t = δh_t ⊙ o_t (1 - tanh²(c_t)) + δc_{t+1} ⊙ f_{t+1}
    δa_i = δc_t ⊙ g_t i_t (1 - i_t)             δa_f = δc_t ⊙ c_{t-1} f_t (1 - f_t)
    δa_g = δc_t ⊙ i_t (1 - g_t²)                δa_o = δh_t ⊙ tanh(c_t) o_t (1 - o_t)

Finally the sums, again for all steps at once:

    δh_0 = W_hh^T δa_1    δc_0 = δc_1 ⊙ f_1     δW_hh = Σ δa_t h_{t-1}^T
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from scratch_rnn.kernels.layer import KernelLayer
from scratch_rnn.kernels.tiles import add_product, launch, load_four, sigmoid, store_four, tanh


@triton.jit
def lstm_forward(
    a, W_hh, h, c, gates, T, B, H, BB: tl.constexpr, BH: tl.constexpr, precision: tl.constexpr
):
    """Write h[1] … h[T] and c[1] … c[T], from h[0] and c[0], and the gates i, f, g and o.

    a (T, B, 4H), W_hh (4H, H), h and c (T+1, B, H), gates (4, T, B, H).
    """
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,) the sequences of this program
    apart = tl.cast(T, tl.int64) * B * H  # from one gate to the next
    for _ in range(T):
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,) units
            at, at_a = b[:, None] * H + j[None, :], b[:, None] * 4 * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            i, f, g, o = load_four(a + at_a, H, inside)
            i = add_product(i, h, W_hh, b, j, B, H, H, H, 1, BH, precision)
            f = add_product(f, h, W_hh + H * H, b, j, B, H, H, H, 1, BH, precision)
            g = add_product(g, h, W_hh + 2 * H * H, b, j, B, H, H, H, 1, BH, precision)
            o = add_product(o, h, W_hh + 3 * H * H, b, j, B, H, H, H, 1, BH, precision)
            i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
            c_t = f * tl.load(c + at, inside, 0.0) + i * g
            tl.store(c + B * H + at, c_t, inside)
            tl.store(h + B * H + at, o * tanh(c_t), inside)
            store_four(gates + at, apart, inside, i, f, g, o)
        a += B * 4 * H  # the next step
        h += B * H
        c += B * H
        gates += B * H
        tl.debug_barrier()  # all threads have written h_t and c_t; from here on all of them read


@triton.jit
def lstm_backward(
    d_output,
    W_hh,
    c,
    gates,
    d_c,
    d_a,
    T,
    B,
    H,
    BB: tl.constexpr,
    BH: tl.constexpr,
    precision: tl.constexpr,
):
    """Write d_a[0] … d_a[T-1]; d_a[T] is 0. d_c is δc_n, and in the end δc_0.

    d_output (T, B, H), W_hh (4H, H), c (T+1, B, H), gates (4, T, B, H), d_c (B, H),
    d_a (T+1, B, 4H).
    """
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,)
    apart = tl.cast(T, tl.int64) * B * H
    d_a += 4 * apart
    for t in range(T - 1, -1, -1):
        d_a, step = d_a - B * 4 * H, tl.cast(t, tl.int64) * B * H  # one step back
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,)
            at, at_a = b[:, None] * H + j[None, :], b[:, None] * 4 * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            d_h = tl.load(d_output + step + at, inside, 0.0)
            d_h = add_product(d_h, d_a + B * 4 * H, W_hh, b, j, B, H, 4 * H, 1, H, BH, precision)
            i, f, g, o = load_four(gates + step + at, apart, inside)
            c_before = tl.load(c + step + at, inside, 0.0)
            tanh_c = tanh(tl.load(c + step + B * H + at, inside, 0.0))
            d_c_t = d_h * o * (1.0 - tanh_c * tanh_c) + tl.load(d_c + at, inside, 0.0)
            d_i, d_f = d_c_t * g * i * (1.0 - i), d_c_t * c_before * f * (1.0 - f)
            d_g, d_o = d_c_t * i * (1.0 - g * g), d_h * tanh_c * o * (1.0 - o)
            store_four(d_a + at_a, H, inside, d_i, d_f, d_g, d_o)
            tl.store(d_c + at, d_c_t * f, inside)
        tl.debug_barrier()  # all threads have written δa_t; from here on all of them read it


class _Recurrence(torch.autograd.Function):
    """All h (T, B, H) and the last c (B, H), from a (T, B, 4H), h_0, c_0 (B, H), W_hh (4H, H)."""

    @staticmethod
    def forward(ctx, a, h_0, c_0, W_hh, precision):
        (T, B, _), H = a.shape, h_0.shape[1]
        (h, c), gates = a.new_empty(2, T + 1, B, H), a.new_empty(4, T, B, H)
        h[0], c[0] = h_0, c_0
        launch(lstm_forward, T, B, H, precision, a, W_hh, h, c, gates)
        ctx.save_for_backward(W_hh, h, c, gates)
        ctx.precision = precision
        return h[1:], c[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, d_output, d_c_n):
        W_hh, h, c, gates = ctx.saved_tensors
        T, B, H = d_output.shape
        d_c, d_a = torch.empty_like(c[0]), h.new_empty(T + 1, B, 4 * H)
        d_c.copy_(d_c_n)  # a clone would have its strides
        d_output = d_output.contiguous()
        d_a[T] = 0
        launch(lstm_backward, T, B, H, ctx.precision, d_output, W_hh, c, gates, d_c, d_a)
        d_a = d_a[:-1]
        return d_a, d_a[0] @ W_hh, d_c, d_a.flatten(0, 1).T @ h[:-1].flatten(0, 1), None


class LSTM(KernelLayer):
    """torch.nn.LSTM(input_size, hidden_size)."""

    num_gates, num_states = 4, 2

    def steps(self, x, h_0, c_0):
        """Return all h (T, B, H) and the last h and c (B, H), from x (T, B, V), h_0 and c_0."""
        a = self.multiply_input(x, self.bias_ih_l0 + self.bias_hh_l0)
        W_hh = self.weight_hh_l0.contiguous()
        output, c_n = _Recurrence.apply(a, h_0, c_0, W_hh, self.input_precision)
        return output, output[-1], c_n
