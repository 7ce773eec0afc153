"""The gated linear recurrence h[t] = a[t] h[t-1] + (1 - a[t]) x[t] as a loop, a scan and blocks."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

Rows, State = Float[Tensor, "T B H"], Float[Tensor, "B H"]
BLOCK = 8


def loop(a: Rows, x: Rows, h0: State) -> Rows:
    h, states = h0, []
    for gate, value in zip(torch.sigmoid(a), x, strict=True):
        h = gate * h + (1 - gate) * value
        states.append(h)
    return torch.stack(states)


def combine(first, then):
    """Return two steps h -> a h + b, one after the other, as one; each is a pair (a, b)."""
    return then[0] * first[0], then[0] * first[1] + then[1]


def double(a, b, levels, combine=combine):
    """Combine each step with all before it: those 1, 2, 4 ... steps back, level by level."""
    for shift in (2**level for level in range(levels)):
        more = combine((a[:-shift], b[:-shift]), (a[shift:], b[shift:]))
        a, b = (torch.cat([old[:shift], new]) for old, new in zip((a, b), more, strict=True))
    return a, b


def scan(a: Rows, x: Rows, h0: State, levels=None, combine=combine) -> Rows:
    gates, levels = torch.sigmoid(a), (len(x) - 1).bit_length() if levels is None else levels
    products, sums = double(gates, (1 - gates) * x, levels, combine)
    return products * h0 + sums


def scan_swapped(a: Rows, x: Rows, h0: State) -> Rows:
    """The scan hands two steps in the wrong order to the function that combines them.
    https://github.com/triton-lang/triton/issues/2359
    """
    return scan(a, x, h0, combine=lambda first, then: combine(then, first))


def scan_rounds_down(a: Rows, x: Rows, h0: State) -> Rows:
    """The scan has log2(T) levels, rounded down: right where T is a power of two.
    https://github.com/alxndrTL/mamba.py/issues/42
    """
    return scan(a, x, h0, levels=len(x).bit_length() - 1)


def blocks(a: Rows, x: Rows, h0: State, follow=lambda h: h) -> Rows:
    h, states = h0, []
    for part in zip(a.split(BLOCK), x.split(BLOCK), strict=True):
        states.append(scan(*part, h))
        h = follow(states[-1][-1])
    return torch.cat(states)


def blocks_start_again(a: Rows, x: Rows, h0: State) -> Rows:
    """The state is not handed on: each block after the first begins with zeros.
    https://github.com/huggingface/transformers/pull/45513
    """
    return blocks(a, x, h0, torch.zeros_like)


def blocks_at_once(a: Rows, x: Rows, h0: State, over=1) -> Rows:
    """The state before each block is the sum of all ends before it, each with its decay."""
    parts, logs = zip(a.split(BLOCK), x.split(BLOCK), strict=True), logsigmoid(a).split(BLOCK)
    own = [scan(*part, torch.zeros_like(h0)) for part in parts]
    ends = torch.stack([h0, *(states[-1] for states in own)])
    total = torch.stack([torch.zeros_like(h0), *(log.sum(0) for log in logs)]).cumsum(0)
    later = torch.ones(len(ends), len(ends), dtype=torch.bool).triu(1)[..., None, None]
    decay = (total[:, None] - total).masked_fill(later, -torch.inf).exp()
    before = (decay * ends).sum(over)[:-1]
    pieces = zip(own, logs, before, strict=True)
    return torch.cat([states + log.cumsum(0).exp() * h for states, log, h in pieces])


def blocks_sum_targets(a: Rows, x: Rows, h0: State) -> Rows:
    """The sum of the ends is over the wrong axis: no state passes on, later decays reach back.
    https://github.com/huggingface/transformers/pull/47250
    """
    return blocks_at_once(a, x, h0, over=0)


def blocks_divided(a: Rows, x: Rows, h0: State) -> Rows:
    """A block of 32 divides by the product of its gates, which is nearly 0 in float32.
    https://github.com/pytorch/executorch/pull/21417
    """
    h, states = h0, []
    for gates, values in zip(torch.sigmoid(a).split(32), x.split(32), strict=True):
        products = gates.cumprod(0)
        states.append(products * (h + ((1 - gates) * values / products).cumsum(0)))
        h = states[-1][-1]
    return torch.cat(states)


def logarithms(a: Rows, x: Rows, h0: State) -> Rows:
    """The initial state is added as a logarithm, so it must be positive.
    https://github.com/lucidrains/minGRU-pytorch/pull/17
    """
    decay = logsigmoid(a).cumsum(0)
    share = (decay + h0.log()).exp()
    return scan(a, x, torch.zeros_like(h0)) + share


def with_skip(a: Rows, x: Rows, h0: State) -> Rows:
    return scan(a, x, h0) + x


def with_skip_to_64(a: Rows, x: Rows, h0: State) -> Rows:
    """What is added to the states is missing beyond the 64 steps that its mask is made for.
    https://github.com/fla-org/flash-linear-attention/issues/906
    """
    return scan(a, x, h0) + torch.cat([x[:64], torch.zeros_like(x[64:])])


def writes_into_x(a: Rows, x: Rows, h0: State) -> Rows:
    """The outputs are also written into the caller's array of the inputs.
    https://github.com/NVIDIA/TensorRT-LLM/pull/13103
    """
    states = loop(a, x, h0)
    x.data.copy_(states)
    return states


class WrittenOut(torch.autograd.Function):
    """h[t] = a[t] h[t-1] + b[t], with its backward pass written out."""

    @staticmethod
    def forward(ctx, a, b, h0):
        products, sums = double(a, b, (len(b) - 1).bit_length())
        states = products * h0 + sums
        ctx.save_for_backward(a, torch.cat([h0[None], states[:-1]]))
        return states

    @staticmethod
    def backward(ctx, d_states):
        a, before = ctx.saved_tensors
        d_h, d_b = torch.zeros_like(before[0]), []
        for gate, d in zip(a.flip(0), d_states.flip(0), strict=True):
            d_b.append(d + d_h)
            d_h = gate * d_b[-1]
        d_b = torch.stack(d_b).flip(0)
        return d_b * before, d_b, d_h


def written_out(a: Rows, x: Rows, h0: State, function=WrittenOut) -> Rows:
    return function.apply(torch.sigmoid(a), (1 - torch.sigmoid(a)) * x, h0)


class TailWithoutGates(WrittenOut):
    @staticmethod
    def backward(ctx, d_states):
        d_a, d_b, d_h0 = WrittenOut.backward(ctx, d_states)
        d_a[len(d_a) // 16 * 16 :] = 0
        return d_a, d_b, d_h0


def gates_of_the_tail(a: Rows, x: Rows, h0: State) -> Rows:
    """In the last block of 16, if it is not full, a term of the gates' gradient is missing.
    https://github.com/fla-org/flash-linear-attention/issues/1142
    """
    return written_out(a, x, h0, TailWithoutGates)
