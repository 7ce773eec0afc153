"""An Elman network on a GPU, in Triton: one kernel for all T steps, one for all T steps back.

T steps, B sequences, V inputs, H hidden units; each sequence has a row, so ``W x`` is ``x @ W.T``.
The equations of `scratch_rnn.plain.elman` are here in another order. First come the terms that need
no earlier step. PyTorch computes them, and their gradients, for all steps in one product:

    a_t = W_ih x_t + b_ih + b_hh                          a (T, B, H)   x (T, B, V)   W_ih (H, V)

Then the forward kernel, for t = 1 … T. Each step waits for the whole step before it:

    h_t = tanh(a_t + W_hh h_{t-1})                        h (T+1, B, H)   W_hh (H, H)

And the backward kernel, for t = T … 1, with δz_{T+1} = 0. δa means dL/da. output_t is h_t as the
rest of the network reads it; δa_t is δz_t:

    δz_t = (δoutput_t + W_hh^T δz_{t+1}) ⊙ (1 - h_t²)     δz (T+1, B, H)

Finally the sums, again for all steps at once:

    δh_0 = W_hh^T δz_1        δW_hh = Σ δz_t h_{t-1}^T    over the steps

In the code step t has index t - 1, but h[t] is the state after t steps: h[0] is the initial state.
Sequences do not wait for each other: each program has some of them (`scratch_rnn.kernels.tiles`).
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from scratch_rnn.kernels.layer import KernelLayer
from scratch_rnn.kernels.tiles import add_product, launch, tanh


@triton.jit
def rnn_forward(a, W_hh, h, T, B, H, BB: tl.constexpr, BH: tl.constexpr, precision: tl.constexpr):
    """Write h[1] … h[T], from h[0]: a (T, B, H), W_hh (H, H), h (T+1, B, H)."""
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,) the sequences of this program
    for _ in range(T):
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,) units
            at = b[:, None] * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            z = tl.load(a + at, inside, 0.0)
            z = add_product(z, h, W_hh, b, j, B, H, H, H, 1, BH, precision)  # + W_hh h_{t-1}
            tl.store(h + B * H + at, tanh(z), inside)
        a += B * H  # the next step
        h += B * H
        tl.debug_barrier()  # all threads have written h_t; from here on all of them read it


@triton.jit
def rnn_backward(
    d_output, W_hh, h, d_z, T, B, H, BB: tl.constexpr, BH: tl.constexpr, precision: tl.constexpr
):
    """Write d_z[0] … d_z[T-1]; d_z[T] is 0.

    d_output (T, B, H), W_hh (H, H), h (T+1, B, H), d_z (T+1, B, H).
    """
    b = tl.program_id(0) * BB + tl.arange(0, BB)  # (BB,)
    steps = tl.cast(T, tl.int64)
    d_output += steps * B * H
    d_z += steps * B * H
    h += steps * B * H
    for _ in range(T):
        d_output -= B * H  # one step back
        d_z -= B * H
        for first in range(0, H, BH):
            j = first + tl.arange(0, BH)  # (BH,)
            at = b[:, None] * H + j[None, :]  # (BB, BH)
            inside = (b[:, None] < B) & (j[None, :] < H)
            d_h = tl.load(d_output + at, inside, 0.0)
            d_h = add_product(d_h, d_z + B * H, W_hh, b, j, B, H, H, 1, H, BH, precision)
            h_t = tl.load(h + at, inside, 0.0)
            tl.store(d_z + at, d_h * (1.0 - h_t * h_t), inside)
        h -= B * H
        tl.debug_barrier()  # all threads have written δz_t; from here on all of them read it


class _Recurrence(torch.autograd.Function):
    """All states (T, B, H), from a (T, B, H), h_0 (B, H) and W_hh (H, H)."""

    @staticmethod
    def forward(ctx, a, h_0, W_hh, precision):
        T, B, H = a.shape
        h = a.new_empty(T + 1, B, H)
        h[0] = h_0
        launch(rnn_forward, T, B, H, precision, a, W_hh, h)
        ctx.save_for_backward(W_hh, h)
        ctx.precision = precision
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, d_output):
        W_hh, h = ctx.saved_tensors
        T, B, H = d_output.shape
        d_z = torch.empty_like(h)  # (T+1, B, H)
        d_z[T] = 0
        launch(rnn_backward, T, B, H, ctx.precision, d_output.contiguous(), W_hh, h, d_z)
        d_z = d_z[:-1]
        return d_z, d_z[0] @ W_hh, d_z.flatten(0, 1).T @ h[:-1].flatten(0, 1), None


class RNN(KernelLayer):
    """torch.nn.RNN(input_size, hidden_size), with tanh."""

    def steps(self, x, h_0):
        """Return all states (T, B, H) and the last one (B, H), from x (T, B, V) and h_0 (B, H)."""
        a = self.multiply_input(x, self.bias_ih_l0 + self.bias_hh_l0)
        output = _Recurrence.apply(a, h_0, self.weight_hh_l0.contiguous(), self.input_precision)
        return output, output[-1]
