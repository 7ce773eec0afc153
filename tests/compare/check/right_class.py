"""The smallest class: one layer, tanh, NumPy. And the same with other conventions, and wrong."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import scratch_rnn


class Plain:
    def __init__(self, input_size, hidden_size):
        rng, bound = np.random.default_rng(0), 1 / np.sqrt(hidden_size)
        shapes = {"weight_ih_l0": (hidden_size, input_size)}
        shapes |= {"weight_hh_l0": (hidden_size, hidden_size)}
        shapes |= {"bias_ih_l0": (hidden_size,), "bias_hh_l0": (hidden_size,)}
        self.parameters = {n: rng.uniform(-bound, bound, s) for n, s in shapes.items()}

    def forward(self, x, h0):
        W, U, b, c = self.parameters.values()
        h = [h0[0]]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + b + h[-1] @ U.T + c))
        return np.stack(h[1:]), h[-1][None], (x, h)

    def backward(self, tape, d_output, d_h_n):
        (x, h), (W, U, _, _) = tape, self.parameters.values()
        d_x, d_h = np.zeros_like(x), d_h_n[0]
        d_W, d_U, d_b = 0, 0, 0
        for t in reversed(range(len(x))):
            d_z = (d_h + d_output[t]) * (1 - h[t + 1] ** 2)
            d_x[t], d_h = d_z @ W, d_z @ U
            d_W, d_U, d_b = d_W + d_z.T @ x[t], d_U + d_z.T @ h[t], d_b + d_z.sum(0)
        gradients = dict(zip(self.parameters, (d_W, d_U, d_b, d_b.copy()), strict=True))
        return SimpleNamespace(x=d_x, h0=d_h[None], parameters=gradients)


class OtherWay:
    """Batch first, weights (in, out), one bias, states (B, H), gradients as a tuple."""

    def __init__(self, input_size, hidden_size):
        self.inner = Plain(input_size, hidden_size)
        W, U, b, _ = self.inner.parameters.values()
        self.parameters = {"Wx": W.T.copy(), "Wh": U.T.copy(), "b": b.copy()}

    def forward(self, x, h0):
        own = self.inner.parameters
        own["weight_ih_l0"], own["weight_hh_l0"] = self.parameters["Wx"].T, self.parameters["Wh"].T
        own["bias_ih_l0"], own["bias_hh_l0"] = self.parameters["b"], 0 * self.parameters["b"]
        output, h_n, tape = self.inner.forward(x.swapaxes(0, 1), h0[None])
        return output.swapaxes(0, 1), h_n[0], tape

    def backward(self, tape, d_output, d_h_n):
        found = self.inner.backward(tape, d_output.swapaxes(0, 1), d_h_n[None])
        W, U, b, _ = found.parameters.values()
        return found.x.swapaxes(0, 1), found.h0[0], {"Wx": W.T, "Wh": U.T, "b": b}


class Square(Plain):
    """Transposes W_ih only where the sizes ask for it."""

    def forward(self, x, h0):
        own = self.parameters["weight_ih_l0"]
        self.parameters["weight_ih_l0"] = own.T if x.shape[2] == h0.shape[2] else own
        result = super().forward(x, h0)
        self.parameters["weight_ih_l0"] = own
        return result


class Crowded(OtherWay):
    """Has more parameters than the layer's own, under names that say nothing."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        more = {"Wy": np.ones((input_size, hidden_size)), "h_0": np.zeros(hidden_size)}
        self.parameters = more | self.parameters


BIASES = ("bias_ih_l0", "bias_hh_l0")


class BiasRowsFlat(Plain):
    """Right: its biases are (1, H); their gradients are (H,)."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.parameters |= {name: self.parameters[name][None] for name in BIASES}


def _changed(base=Plain, *, given=None, output=None, upstream=None, gradients=None):
    """Return a layer with functions of its arguments, or of its results."""

    class Changed(base):
        def forward(self, *args, **more):
            y, h_n, tape = super().forward(*(given(*args) if given else args), **more)
            return output(y) if output else y, h_n, tape

    def backward(self, tape, *args):
        found = base.backward(self, tape, *(map(upstream, args) if upstream else args))
        found.parameters |= gradients(found.parameters) if gradients else {}
        return found

    if upstream or gradients:
        Changed.backward = backward
    return Changed


def _raise(error):
    raise error


def _unless(is_one, what):
    """Return what takes the arguments, unless there is one of something."""
    return lambda x, h0: _raise(IndexError(f"a single {what}")) if is_one(x) else (x, h0)


BiasRows = _changed(BiasRowsFlat, gradients=lambda own: {n: own[n][None] for n in BIASES})
Squeezing = _changed(output=np.squeeze)  # loses an axis of one step, or of one sequence
OneSequence = _changed(given=_unless(lambda x: x.shape[1] == 1, "sequence"))
OneStep = _changed(given=_unless(lambda x: len(x) == 1, "step"))
Clipping = _changed(upstream=lambda d: np.clip(d, -8, 8))  # usual gradients are not that large
Complex = _changed(output=lambda y: y + 0j)
Unfinished = _changed(given=lambda *_: _raise(RuntimeError("not yet")))
HalfWritten = _changed(upstream=lambda _: _raise(NotImplementedError()))
WrongBackward = _changed(gradients=lambda own: {"weight_hh_l0": own["weight_hh_l0"].T})
Crashing = _changed(given=lambda x, h0: (x, h0, h0[0, x.shape[1] - 1])[:2])  # raises IndexError
Listed = _changed(output=np.ndarray.tolist)
ListedGradients = _changed(gradients=lambda own: {n: d.tolist() for n, d in own.items()})
Flat = _changed(OtherWay, output=np.ravel)  # no axes to turn, where the batch comes first
# Right, but not to the bit: the second bias has a gradient that is added in another order.
Approximate = _changed(gradients=lambda own: {"bias_hh_l0": own["bias_hh_l0"] * (1 + 2e-16)})
# Cuts off 13 bits of an x, as some GPUs do before they multiply.
TF32 = _changed(
    scratch_rnn.RNN,
    given=lambda x, h0: ((x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32), h0),
)


class Endless(Plain):
    def forward(self, x, h0):
        with Path(os.environ["CALLS"]).open("a") as file:
            file.write("called ")
        while True:
            pass


class NotYet:
    def __init__(self, input_size, hidden_size):
        raise NotImplementedError("anything yet")


class ForwardOnly:
    def __init__(self, input_size, hidden_size):
        self.own = Plain(input_size, hidden_size)
        self.parameters = self.own.parameters
        self.forward = self.own.forward


class Inference:
    """Our own layer, forward only."""

    def __init__(self, *sizes, **options):
        self.own = scratch_rnn.RNN(*sizes, **options)
        self.parameters = self.own.parameters

    def forward(self, x, state=None, **more):
        output, h_n, _ = self.own.forward(x, state, **more)
        return output, h_n, None


class Leaking(Inference):
    """Multiplies the padding by zero, where NaN remains NaN."""

    def forward(self, x, state=None, **more):
        output, h_n, _ = super().forward(x, state, **more)
        return output + 0 * x.sum().astype(output.dtype), h_n, None


class Vanishing(Inference):
    """Ends its process where a batch is empty."""

    def forward(self, x, state=None, **more):
        if x.size == 0:
            os._exit(7)
        return super().forward(x, state, **more)


class OneBias(scratch_rnn.GRU):
    """A GRU with one bias, in the place of b_ih: outside the product of the reset gate."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.parameters["bias_hh_l0"][...] = 0
        self.all = self.parameters
        self.parameters = {n: a for n, a in self.all.items() if n != "bias_hh_l0"}

    def forward(self, x, h0):
        return self._with_all(super().forward, x, h0)

    def backward(self, tape, d_output, d_h_n):
        return self._with_all(super().backward, tape, d_output, d_h_n)

    def _with_all(self, method, *args):
        self.parameters, own = self.all, self.parameters
        result = method(*args)
        self.parameters = own
        return result


class Forgetful(Plain):
    """Right once: backward takes the states of the latest forward pass, whatever its tape."""

    def forward(self, x, h0):
        output, h_n, self.latest = super().forward(x, h0)
        return output, h_n, (x, self.latest[1])

    def backward(self, tape, d_output, d_h_n):
        return super().backward((tape[0], self.latest[1]), d_output, d_h_n)


class Consuming(Plain):
    """Right once: backward takes what it needs off the tape."""

    def forward(self, x, h0):
        output, h_n, tape = super().forward(x, h0)
        return output, h_n, [tape]

    def backward(self, tape, d_output, d_h_n):
        return super().backward(tape.pop(), d_output, d_h_n)


class Carrying(Plain):
    """Right once: a later call without a state begins with the last state of the call before."""

    last = None

    def forward(self, x, h0=None):
        if h0 is None:
            h0 = np.zeros((1, x.shape[1], len(self.parameters["bias_ih_l0"])))
            h0 = h0 if self.last is None else self.last
        output, self.last, tape = super().forward(x, h0)
        return output, self.last, tape


class CarryingAlways(Plain):
    """Right once: a later call begins with the last state of the call before, not with h0."""

    last = None

    def forward(self, x, h0):
        output, self.last, tape = super().forward(x, h0 if self.last is None else self.last)
        return output, self.last, tape


class Single(scratch_rnn.RNN):
    """Takes a dtype, and computes in float32 all the same."""

    def __init__(self, input_size, hidden_size, *, dtype="float32"):
        super().__init__(input_size, hidden_size)

    def forward(self, x, h0):
        return super().forward(x.astype(np.float32), h0.astype(np.float32))

    def backward(self, tape, d_output, d_h_n):
        return super().backward(tape, d_output.astype(np.float32), d_h_n.astype(np.float32))
