"""The smallest class: one layer, tanh, NumPy. And the same with other conventions, and wrong."""

import os
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
        gradients = dict(zip(self.parameters, (d_W, d_U, d_b, d_b), strict=True))
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


class OtherWayTransposed(OtherWay):
    """Reads W_hh.T, where weights (in, out) want W_hh."""

    def forward(self, x, h0):
        W = self.parameters["Wh"].copy()
        self.parameters["Wh"][...] = W.T
        result = super().forward(x, h0)
        self.parameters["Wh"][...] = W
        return result


class OtherWayBack(OtherWay):
    """Takes W_hh where the gradient goes back, where weights (in, out) want W_hh.T."""

    def backward(self, tape, d_output, d_h_n):
        U = self.inner.parameters["weight_hh_l0"]
        self.inner.parameters["weight_hh_l0"] = U.T
        result = super().backward(tape, d_output, d_h_n)
        self.inner.parameters["weight_hh_l0"] = U
        return result


class Crowded(OtherWay):
    """Has more parameters than the layer's own, under names that say nothing."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        more = {"Wy": np.ones((input_size, hidden_size)), "h_0": np.zeros(hidden_size)}
        self.parameters = more | self.parameters


class BiasRows(Plain):
    """Right: its biases are (1, H), and so are their gradients."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            self.parameters[name] = self.parameters[name][None]

    def backward(self, tape, d_output, d_h_n):
        found = super().backward(tape, d_output, d_h_n)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            found.parameters[name] = found.parameters[name][None]
        return found


class BiasRowsFlat(BiasRows):
    """Right, too: the gradients are (H,)."""

    def backward(self, tape, d_output, d_h_n):
        return Plain.backward(self, tape, d_output, d_h_n)


class Square(Plain):
    """Transposes W_ih only where the sizes ask for it."""

    def forward(self, x, h0):
        W = self.parameters["weight_ih_l0"]
        if W.shape[0] != W.shape[1]:
            return super().forward(x, h0)
        self.parameters["weight_ih_l0"] = W.T
        result = super().forward(x, h0)
        self.parameters["weight_ih_l0"] = W
        return result


class Squeezing(Plain):
    """Loses an axis of one step, or of one sequence."""

    def forward(self, x, h0):
        output, h_n, tape = super().forward(x, h0)
        return output.squeeze(), h_n, tape


class OneSequence(Plain):
    """Takes a single sequence as none."""

    def forward(self, x, h0):
        if x.shape[1] == 1:
            raise IndexError("a single sequence")
        return super().forward(x, h0)


class OneStep(Plain):
    def forward(self, x, h0):
        if len(x) == 1:
            raise IndexError("a single step")
        return super().forward(x, h0)


class Clipping(Plain):
    """Clips the gradient on its way back, where usual ones are not that large."""

    def backward(self, tape, d_output, d_h_n):
        return super().backward(tape, np.clip(d_output, -8, 8), np.clip(d_h_n, -8, 8))


class Complex(Plain):
    def forward(self, x, h0):
        output, h_n, tape = super().forward(x, h0)
        return output + 0j, h_n, tape


class Unfinished(Plain):
    def forward(self, x, h0):
        raise RuntimeError("not yet")


class NotYet:
    def __init__(self, input_size, hidden_size):
        raise NotImplementedError("anything yet")


class HalfWritten(Plain):
    def backward(self, tape, d_output, d_h_n):
        raise NotImplementedError


class WrongBackward(Plain):
    def backward(self, tape, d_output, d_h_n):
        found = super().backward(tape, d_output, d_h_n)
        found.parameters["weight_hh_l0"] = found.parameters["weight_hh_l0"].T
        return found


def _wrong(name, is_used):
    """Return our own layer, but a ten-thousandth off where a feature is used."""

    class Wrong(scratch_rnn.RNN):
        def forward(self, x, state=None, **more):
            output, h_n, tape = super().forward(x, state, **more)
            return output * (1 + 1e-4 * is_used(self, x, state, more)), h_n, tape

    Wrong.__name__ = name
    return Wrong


Relu = _wrong("Relu", lambda self, x, state, more: self.nonlinearity == "relu")
NoBias = _wrong("NoBias", lambda self, x, state, more: not self.bias)
Deep = _wrong("Deep", lambda self, x, state, more: self.num_layers == 3)
Both = _wrong("Both", lambda self, x, state, more: self.bidirectional and self.num_layers == 1)
BatchFirst = _wrong("BatchFirst", lambda self, x, state, more: self.batch_first)
Double = _wrong("Double", lambda self, x, state, more: self.dtype == np.float64)
Unbatched = _wrong("Unbatched", lambda self, x, state, more: x.dtype.kind == "f" and x.ndim == 2)
Tokens = _wrong("Tokens", lambda self, x, state, more: x.dtype.kind != "f")
Stateless = _wrong("Stateless", lambda self, x, state, more: state is None)
Lengths = _wrong("Lengths", lambda self, x, state, more: more.get("lengths") is not None)


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
        self.parameters, own = self.all, self.parameters
        result = super().forward(x, h0)
        self.parameters = own
        return result

    def backward(self, tape, d_output, d_h_n):
        self.parameters, own = self.all, self.parameters
        result = super().backward(tape, d_output, d_h_n)
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


class Crashing(Plain):
    """Raises IndexError, where a state does not fit to x."""

    def forward(self, x, h0):
        h0[0, x.shape[1] - 1]
        return super().forward(x, h0)


class Approximate(Plain):
    """Right, but not to the bit: the second bias has a gradient that is added in another order."""

    def backward(self, tape, d_output, d_h_n):
        found = super().backward(tape, d_output, d_h_n)
        found.parameters["bias_hh_l0"] = found.parameters["bias_hh_l0"] * (1 + 2e-16)
        return found


class Single(scratch_rnn.RNN):
    """Takes a dtype, and computes in float32 all the same."""

    def __init__(self, input_size, hidden_size, *, dtype="float32"):
        super().__init__(input_size, hidden_size)

    def forward(self, x, h0):
        return super().forward(x.astype(np.float32), h0.astype(np.float32))

    def backward(self, tape, d_output, d_h_n):
        return super().backward(tape, d_output.astype(np.float32), d_h_n.astype(np.float32))


class TF32(scratch_rnn.RNN):
    """Multiplies an x of which 13 bits are cut off, as some GPUs do."""

    def forward(self, x, h0):
        return super().forward((x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32), h0)


class Listed(Plain):
    """Gives lists, where a layer gives arrays."""

    def forward(self, x, h0):
        output, h_n, tape = super().forward(x, h0)
        return output.tolist(), h_n, tape


class ListedGradients(Plain):
    def backward(self, tape, d_output, d_h_n):
        found = super().backward(tape, d_output, d_h_n)
        found.parameters = {name: d.tolist() for name, d in found.parameters.items()}
        return found


class Flat(OtherWay):
    """Gives an output without axes to turn, where the batch comes first."""

    def forward(self, x, h0):
        output, h_n, tape = super().forward(x, h0)
        return output.ravel(), h_n, tape
