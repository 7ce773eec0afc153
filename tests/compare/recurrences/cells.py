"""Ten cells that no catalogue has, as somebody's file has them, and mistakes for each of them."""

import numpy as np
import torch
from torch import nn


class Cell(nn.Module):
    """A layer over (T, B, V) whose step its subclasses have."""

    parts = 1  # of the state

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.u = nn.Parameter(torch.rand(hidden_size))

    def begin(self, x):
        zeros = torch.zeros(x.shape[1], self.hidden_size)
        return zeros if self.parts == 1 else (zeros,) * self.parts

    def gates(self, x, h):
        return self.W(torch.cat([x, h], -1)).chunk(4, -1)

    def forward(self, x, state=None):
        state = self.begin(x) if state is None else state
        outputs = []
        for x_t in x:
            output, state = self.step(x_t, state)
            outputs.append(output)
        return torch.stack(outputs), state


class Independent(Cell):
    def step(self, x, h):
        h = torch.relu(self.gates(x, 0 * h)[0] + self.u * h)
        return h, h


class Normalised(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def step(self, x, h):
        h = torch.tanh(self.norm(self.gates(x, h)[0]))
        return h, h


class Exponential(Cell):
    """Gates of exp, and a normaliser beside the cell state."""

    parts = 3

    def step(self, x, state):
        h, c, n = state
        i, f, g, o = self.gates(x, h)
        i, f = torch.exp(0.3 * i), torch.sigmoid(f)
        c, n = f * c + i * torch.tanh(g), f * n + i
        h = torch.sigmoid(o) * c / (n + 1)
        return h, (h, c, n)


class Leaky(Cell):
    def step(self, x, h):
        leak = torch.sigmoid(self.u)
        h = leak * h + (1 - leak) * torch.sin(self.gates(x, h)[0])
        return h, h


class Mogrified(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.to_x = nn.Linear(hidden_size, input_size)

    def step(self, x, h):
        h = torch.tanh(self.gates(2 * torch.sigmoid(self.to_x(h)) * x, h)[0])
        return h, h


class Liquid(Cell):
    """A time constant that depends on the input."""

    def step(self, x, h):
        f = torch.sigmoid(self.gates(x, h)[0])
        h = (h + f * self.u) / (1 + 0.5 * (1 + f))
        return h, h


class Updated(Cell):
    def step(self, x, h):
        z, n, _, _ = self.gates(x, h)
        h = torch.sigmoid(z) * h + (1 - torch.sigmoid(z)) * torch.tanh(n)
        return h, h


class Peephole(Cell):
    parts = 2

    def step(self, x, state):
        h, c = state
        i, f, g, o = self.gates(x, h)
        c = torch.sigmoid(f + self.u * c) * c + torch.sigmoid(i + self.u * c) * torch.tanh(g)
        h = torch.sigmoid(o + self.u * c) * torch.tanh(c)
        return h, (h, c)


class Memory(Cell):
    """A matrix as a memory, which is written and read."""

    def begin(self, x):
        return torch.zeros(x.shape[1], self.hidden_size, self.hidden_size)

    def step(self, x, S):
        k, v, q, a = self.gates(x, torch.zeros(len(x), self.hidden_size))
        S = torch.sigmoid(a)[..., None] * S + torch.tanh(v)[..., None] * torch.tanh(k)[:, None]
        return (S @ q[..., None])[..., 0], S


class Legendre(Cell):
    """A memory of fixed matrices beside a hidden state."""

    parts = 2

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_buffer("A", 0.3 * torch.eye(hidden_size).roll(1, 0))

    def step(self, x, state):
        h, m = state
        a, b, _, _ = self.gates(x, h)
        m = m @ self.A.T + torch.tanh(a)
        h = torch.tanh(b + self.u * m)
        return h, (h, m)


CELLS = (
    Independent,
    Normalised,
    Exponential,
    Leaky,
    Mogrified,
    Liquid,
    Updated,
    Peephole,
    Memory,
    Legendre,
)


# Mistakes ---------------------------------------------------------------------------------------


def change(function, state):
    """Apply a function to each part of a state."""
    return function(state) if isinstance(state, torch.Tensor) else tuple(map(function, state))


class LosesState:
    def forward(self, x, state=None):
        output, state = super().forward(x, state)
        return output, change(torch.zeros_like, state)


class DropsGradient:
    def step(self, x, state):
        return super().step(x, change(torch.detach, state))


class MixesRows:
    def forward(self, x, state=None):
        return super().forward(x - 0.1 * x.mean(1, keepdim=True), state)


class ChangesInput:
    def forward(self, x, state=None):
        results = super().forward(x, state)
        x.detach().mul_(0.5)
        return results


MISTAKES = {
    LosesState: "split",
    DropsGradient: "gradient",
    MixesRows: "rows",
    ChangesInput: "inputs unchanged",
}
"""Each mistake, and the property that it violates."""

for mistake in MISTAKES:
    for cell in CELLS:
        name = f"{cell.__name__}{mistake.__name__}"
        globals()[name] = type(name, (mistake, cell), {})


class Rectified(Cell):
    """It has a kink where the state is 0."""

    def step(self, x, h):
        h = torch.relu(h) + torch.tanh(self.gates(x, 0 * h)[0])
        return h, h


class LooksAhead(Leaky):
    def forward(self, x, state=None):
        return super().forward(x - 0.1 * x[-1:], state)


class Remembers(Leaky):
    """A call depends on the one before it."""

    last = 0.0

    def forward(self, x, state=None):
        output, state = super().forward(x, state)
        output, self.last = output + 0.1 * self.last, float(x.detach().mean())
        return output, state


class Continues(Leaky):
    """Without a state it begins at the last one of the call before it."""

    kept = None

    def begin(self, x):
        is_known = self.kept is not None and len(self.kept) == x.shape[1]
        return self.kept if is_known else super().begin(x)

    def forward(self, x, state=None):
        output, state = super().forward(x, state)
        self.kept = state.detach()
        return output, state


class CountsChanges(Leaky):
    """Without a state it begins at the number of calls that had another number of sequences."""

    before, changes = None, 0

    def begin(self, x):
        return super().begin(x) + self.changes

    def forward(self, x, state=None):
        self.changes += self.before not in (None, x.shape[1])
        self.before = x.shape[1]
        return super().forward(x, state)


class Blends(Leaky):
    """Its input is blended with that of the last call, if that had the same shape."""

    before = None

    def forward(self, x, state=None):
        before = x if self.before is None or self.before.shape != x.shape else self.before
        self.before = x.detach()
        return super().forward((x + before) / 2, state)


class BeginsElsewhere(Leaky):
    """The state that it begins with is a parameter."""

    def begin(self, x):
        return self.u.expand(x.shape[1], -1)


# In NumPy ---------------------------------------------------------------------------------------


class Sine:
    """A step of NumPy with its way back, whose parameters are in a dict."""

    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        shapes = {"W": (hidden_size, input_size), "U": (hidden_size, hidden_size)}
        self.params = {name: 0.3 * rng.normal(size=shape) for name, shape in shapes.items()}
        self.params["a"] = rng.uniform(size=hidden_size)

    def step(self, x, h):
        a = 1 / (1 + np.exp(-self.params["a"]))
        z = x @ self.params["W"].T + h @ self.params["U"].T
        return a * h + (1 - a) * np.sin(z), (x, h, z, a)

    def backward(self, d_h, cache):
        x, h, z, a = cache
        d_z = d_h * (1 - a) * np.cos(z)
        d_a = (d_h * (h - np.sin(z)) * a * (1 - a)).sum(0)
        gradients = {"W": d_z.T @ x, "U": d_z.T @ h, "a": d_a}
        return d_z @ self.params["W"], d_h * a + d_z @ self.params["U"], gradients


class SineWithoutLeak(Sine):
    def backward(self, d_h, cache):
        d_x, d_before, gradients = super().backward(d_h, cache)
        return d_x, d_before - d_h * cache[3], gradients


class SineInBuffer(Sine):
    """Its results are in memory that the next call takes, too."""

    def step(self, x, h):
        n, cache = super().step(x, h)
        if getattr(self, "buffer", n[:0]).shape != n.shape:
            self.buffer = n
        self.buffer[...] = n
        return self.buffer, cache


class SineInDouble(Sine):
    """Its results are in float64, whatever it is given."""

    def step(self, x, h):
        n, cache = super().step(x, h)
        return n.astype("float64"), cache


class SineWithMemory(Sine):
    """An array that a call writes is no parameter."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.dW = np.zeros((hidden_size, input_size))


class SineOnAverage(Sine):
    """Gradients of the parameters are means over the batch."""

    def backward(self, d_h, cache):
        d_x, d_before, gradients = super().backward(d_h, cache)
        return d_x, d_before, {name: d / len(d_h) for name, d in gradients.items()}


class SineHalved(Sine):
    """Gradients of one parameter alone are half as large."""

    def backward(self, d_h, cache):
        d_x, d_before, gradients = super().backward(d_h, cache)
        return d_x, d_before, gradients | {"U": gradients["U"] / 2}
