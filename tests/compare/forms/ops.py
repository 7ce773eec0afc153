"""One recurrence in several forms, right and wrong, as somebody's file has them."""

import sys

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import dropout, logsigmoid

Rows = Float[Tensor, "T B H"]


def loop(a: Rows, x: Rows):
    h, states = torch.zeros_like(x[0]), []
    for gate, value in zip(torch.sigmoid(a), x, strict=True):
        h = gate * h + value
        states.append(h)
    return torch.stack(states)


def scan(a: Rows, x: Rows):
    a, shift = torch.sigmoid(a), 1
    while shift < len(x):
        x = torch.cat([x[:shift], x[shift:] + a[shift:] * x[:-shift]])
        a = torch.cat([a[:shift], a[shift:] * a[:-shift]])
        shift *= 2
    return x


def blocks(a: Rows, x: Rows, length=4):
    """The state is lost after each block."""
    parts = zip(a.split(length), x.split(length), strict=True)
    return torch.cat([loop(*part) for part in parts])


def without_annotations(x, a):
    return scan(a, x)


def prints(a: Rows, x: Rows):
    sys.stdout.write("in the loop")
    return loop(a, x)


def wants_a_multiple(a: Rows, x: Rows):
    assert len(x) % 16 == 0, "T is a multiple of 16"
    return loop(a, x)


def raises(a: Rows, x: Rows):
    raise KeyError("state")


def raises_beyond_8(a: Rows, x: Rows):
    return loop(a, x[: len(x) if len(x) <= 8 else "8"])


def batch_first(a: Rows, x: Rows):
    return loop(a, x).transpose(0, 1)


def last_state_too(a: Rows, x: Rows):
    states = loop(a, x)
    return states, states[-1]


def random(a: Rows, x: Rows):
    return dropout(loop(a, x), 0.5)


def changes_x(a: Rows, x: Rows):
    states = loop(a, x)
    x.zero_()
    return states


def on_a_gpu(a: Rows, x: Rows):
    assert x.is_cuda, "the kernel needs a GPU"
    return loop(a, x)


def narrow(a: Rows, x: Rows):
    return scan(a.float(), x.float())


def narrow_by_logs(a: Rows, x: Rows):
    """Each product of gates is the exponential of a difference of sums, which share most terms."""
    sums = logsigmoid(a.float()).cumsum(0)
    is_later = torch.ones(len(x), len(x)).triu(1)[:, :, None, None] > 0
    products = (sums[:, None] - sums).masked_fill(is_later, float("-inf")).exp()
    return (products * x.float()).sum(1)


def narrow_blocks(a: Rows, x: Rows):
    return blocks(a.float(), x.float())


def rounds_a_gate(a: Rows, x: Rows):
    return loop(a.bfloat16().to(a.dtype), x)


def other_gradient(a: Rows, x: Rows):
    return loop(a + 0.1 * (a - a.detach()), x)


def chaos(a):
    for _ in range(200):
        a = 4 * a * (1 - a)
    return a


def chaos_in_order(a):
    for _ in range(200):
        a = 4 * a - 4 * a * a
    return a


def of_one(a: Rows):
    return a


a_number = 3


class Cell(torch.nn.Module):
    """A linear layer, and then the recurrence."""

    def __init__(self, width):
        super().__init__()
        self.gate, self.value = (torch.nn.Linear(width, width) for _ in range(2))

    def forward(self, x):
        return loop(self.gate(x), self.value(x))


class Scan(Cell):
    def forward(self, x):
        return scan(self.gate(x), self.value(x))


class Ends(Cell):
    def forward(self, x):
        return scan(self.gate(x), self.value(x)) + 1e-3 * self.value.bias.detach()
