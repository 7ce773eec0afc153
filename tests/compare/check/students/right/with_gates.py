"""Right layers with gates in NumPy, in styles that people write."""

from collections import namedtuple

import numpy as np


def draw(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape) / np.sqrt(shape[-1])


def sigmoid(z):
    return np.where(z > 0, 1 / (1 + np.exp(-np.abs(z))), 1 - 1 / (1 + np.exp(-np.abs(z))))


class LSTMStatesApart:
    """An LSTM with h0 and c0 as arguments of their own, which are optional; the tape is in self."""

    def __init__(self, input_size, hidden_size):
        self.params = {
            "W": draw(4 * hidden_size, input_size),
            "U": draw(4 * hidden_size, hidden_size),
            "b": draw(4 * hidden_size),
        }
        self.hidden_size = hidden_size

    def forward(self, x, h0=None, c0=None):
        W, U, b = self.params.values()
        zeros = np.zeros((x.shape[1], self.hidden_size))
        h, c = (zeros if state is None else state for state in (h0, c0))
        self.x, self.steps, outputs = x, [], []
        for x_t in x:
            i, f, g, o = np.split(x_t @ W.T + h @ U.T + b, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            before, c = (h, c), f * c + i * g
            h = o * np.tanh(c)
            self.steps.append((*before, i, f, g, o, np.tanh(c)))
            outputs.append(h)
        return np.stack(outputs), h.copy(), c.copy()

    def backward(self, d_output, d_h, d_c):
        W, U, b = self.params.values()
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}
        d_x = np.zeros_like(self.x)
        for t in reversed(range(len(self.x))):
            h, c, i, f, g, o, tanh_c = self.steps[t]
            d_h = d_h + d_output[t]
            d_c = d_c + d_h * o * (1 - tanh_c**2)
            d_gates = (d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_c * i * (1 - g**2))
            d_z = np.concatenate([*d_gates, d_h * tanh_c * o * (1 - o)], axis=1)
            d_x[t] = d_z @ W
            self.grads["W"] += d_z.T @ self.x[t]
            self.grads["U"] += d_z.T @ h
            self.grads["b"] += d_z.sum(axis=0)
            d_h, d_c = d_z @ U, d_c * f
        return d_x, d_h, d_c


State = namedtuple("State", "h c")


class NamedTuples:
    """An LSTM whose states and tape are named tuples."""

    Tape = namedtuple("Tape", "x states gates")

    def __init__(self, input_size, hidden_size):
        H = hidden_size
        self.parameters = {
            "weight_ih_l0": draw(4 * H, input_size),
            "weight_hh_l0": draw(4 * H, H),
            "bias_ih_l0": draw(4 * H),
            "bias_hh_l0": draw(4 * H),
        }

    def forward(self, x, state):
        W, U, b_x, b_h = self.parameters.values()
        states, gates = [State(state[0][0], state[1][0])], []
        for x_t in x:
            h, c = states[-1]
            a = x_t @ W.T + b_x + h @ U.T + b_h
            i, f, g, o = np.split(a, 4, axis=-1)
            gates.append((sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)))
            i, f, g, o = gates[-1]
            c = f * c + i * g
            states.append(State(o * np.tanh(c), c))
        output = np.stack([state.h for state in states[1:]])
        last = State(*(a[None].copy() for a in states[-1]))
        return output, last, self.Tape(x, states, gates)

    def backward(self, tape, d_output, d_state):
        W, U, b, _ = self.parameters.values()
        d_W, d_U, d_b = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
        d_h, d_c = d_state[0][0], d_state[1][0]
        d_x = np.zeros_like(tape.x)
        for t in reversed(range(len(tape.x))):
            (i, f, g, o), before = tape.gates[t], tape.states[t]
            tanh_c = np.tanh(tape.states[t + 1].c)
            d_h = d_h + d_output[t]
            d_c = d_c + d_h * o * (1 - tanh_c**2)
            d_i, d_f, d_g, d_o = d_c * g, d_c * before.c, d_c * i, d_h * tanh_c
            d_a = [d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g * g), d_o * o * (1 - o)]
            d_a = np.hstack(d_a)
            d_x[t] = d_a @ W
            d_W += d_a.T @ tape.x[t]
            d_U += d_a.T @ before.h
            d_b += d_a.sum(axis=0)
            d_h, d_c = d_a @ U, d_c * f
        gradients = dict(zip(self.parameters, (d_W, d_U, d_b, d_b.copy()), strict=True))
        return d_x, State(d_h[None], d_c[None]), gradients


class GRUByGates:
    """A GRU with weights for each gate, all in attributes, and its steps in a list."""

    def __init__(self, input_size, hidden_size):
        V, H = input_size, hidden_size
        self.Wr, self.Wz, self.Wn = draw(H, V), draw(H, V), draw(H, V)
        self.Ur, self.Uz, self.Un = draw(H, H), draw(H, H), draw(H, H)
        self.br, self.bz, self.bn = np.zeros(H), np.zeros(H), np.zeros(H)
        self.cr, self.cz, self.cn = np.zeros(H), np.zeros(H), np.zeros(H)

    def forward(self, x, h):
        self.x, self.steps, output = x, [], []
        for x_t in x:
            r = sigmoid(x_t @ self.Wr.T + self.br + h @ self.Ur.T + self.cr)
            z = sigmoid(x_t @ self.Wz.T + self.bz + h @ self.Uz.T + self.cz)
            q = h @ self.Un.T + self.cn
            n = np.tanh(x_t @ self.Wn.T + self.bn + r * q)
            self.steps.append((h, r, z, q, n))
            h = (1 - z) * n + z * h
            output.append(h)
        return np.stack(output), h.copy()

    def backward(self, d_output, d_h):
        names = [f"{letter}{gate}" for letter in "WUbc" for gate in "rzn"]
        grads = {name: np.zeros_like(getattr(self, name)) for name in names}
        d_x = np.zeros_like(self.x)
        for t in reversed(range(len(self.x))):
            x_t, (h, r, z, q, n) = self.x[t], self.steps[t]
            d_h = d_h + d_output[t]
            d_n = d_h * (1 - z) * (1 - n**2)
            d_z = d_h * (h - n) * z * (1 - z)
            d_r = d_n * q * r * (1 - r)
            into_h = {"r": d_r, "z": d_z, "n": d_n * r}
            for gate, d in {"r": d_r, "z": d_z, "n": d_n}.items():
                grads[f"W{gate}"] += d.T @ x_t
                grads[f"b{gate}"] += d.sum(0)
                grads[f"U{gate}"] += into_h[gate].T @ h
                grads[f"c{gate}"] += into_h[gate].sum(0)
                d_x[t] += d @ getattr(self, f"W{gate}")
            d_h = d_h * z + sum(d @ getattr(self, f"U{gate}") for gate, d in into_h.items())
        return d_x, d_h, grads
