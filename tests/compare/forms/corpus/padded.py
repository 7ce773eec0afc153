"""A batch of sequences of several lengths: what follows is padding or, packed, a sequence."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Rows, State, Lengths = Float[Tensor, "T B H"], Float[Tensor, "B H"], Int[Tensor, "B"]
Result = tuple[Rows, State]


def case(rng, *, T, B, H):
    """Return arguments with lengths from 1 to T; the padding holds any numbers."""
    a, x = rng.standard_normal((2, T, B, H))
    lengths = rng.integers(1, T, B, endpoint=True)
    return {"a": a, "x": x, "h0": rng.standard_normal((B, H)), "lengths": lengths}


def steps(x):
    return torch.arange(len(x))[:, None]


def run(gates, values, h0):
    h, states = h0, []
    for gate, value in zip(gates, values, strict=True):
        h = gate * h + value
        states.append(h)
    return torch.stack(states)


def loop(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    inside, gates = (steps(x) < lengths)[..., None], torch.sigmoid(a)
    states = run(torch.where(inside, gates, 1), torch.where(inside, (1 - gates) * x, 0), h0)
    return states * inside, states[-1]


def reads_at_the_end(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    states = run(torch.sigmoid(a), (1 - torch.sigmoid(a)) * x, h0)
    last = states[lengths - 1, torch.arange(len(lengths))]
    return states * (steps(x) < lengths)[..., None], last


def decays_in_padding(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    """The values of the padding are masked and its gates are not: the state decays there.
    https://github.com/fla-org/flash-linear-attention/issues/1272
    """
    inside = (steps(x) < lengths)[..., None]
    states = run(torch.sigmoid(a), (1 - torch.sigmoid(a)) * x * inside, h0)
    return states * inside, states[-1]


def no_mask_for_one(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    """A batch of one sequence is not masked.
    https://github.com/huggingface/transformers/pull/46773
    """
    return loop(a, x, h0, lengths if len(lengths) > 1 else torch.full_like(lengths, len(x)))


def turn(x, lengths):
    """Turn each sequence round, and leave its padding where it is."""
    places = torch.where(steps(x) < lengths, lengths - 1 - steps(x), steps(x))
    return x.gather(0, places[..., None].expand_as(x))


def backwards(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    states, last = loop(turn(a, lengths), turn(x, lengths), h0, lengths)
    return turn(states, lengths), last


def backwards_from_padding(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    """The whole array is turned round: the backward direction begins with the padding.
    https://github.com/deeplearning4j/deeplearning4j/issues/1030
    """
    whole = torch.full_like(lengths, len(x))
    states, last = backwards(a, x, h0, whole)
    return states * (steps(x) < lengths)[..., None], last


def backwards_state(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    """The backward direction's state is that of the last step, where it has read one input.
    https://github.com/yunjey/pytorch-tutorial/pull/174
    """
    states, _ = backwards(a, x, h0, lengths)
    return states, states[lengths - 1, torch.arange(len(lengths))]


def packed(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    gates, begins = torch.sigmoid(a), (steps(x) == lengths)[..., None]
    values = (1 - gates) * x + torch.where(begins, gates * h0, 0)
    states = run(torch.where(begins, 0, gates), values, h0)
    return states, states[-1]


def packed_early(a: Rows, x: Rows, h0: State, lengths: Lengths) -> Result:
    """The state is reset one step before the next sequence begins.
    https://github.com/LARG/jax-aht/pull/115
    """
    return packed(a, x, h0, lengths - 1)
