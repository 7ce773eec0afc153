"""Classes that submissions hand to `bisect`: the source of their files; and what `break` prints."""

from functools import partial

from compare.study import quiz
from compare.study.config import BreakConfig
from tests import in_process

terminal = partial(in_process.terminal, force_terminal=True, color_system=None, markup=False)


def printed(width=80, **options):
    shown, out = terminal(width)
    quiz.break_it(BreakConfig(**options), shown)
    return out.getvalue()


STUDENT = '''
from types import SimpleNamespace

import numpy as np


class MyRNN:
    """One tanh layer, written as in a lecture; the gradient of step 3 is one per cent off."""

    def __init__(
        self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", dtype=np.float32, **_
    ):
        V, H = input_size, hidden_size
        self.parameters = {
            "weight_ih_l0": np.zeros((H, V), dtype),
            "weight_hh_l0": np.zeros((H, H), dtype),
            "bias_ih_l0": np.zeros(H, dtype),
            "bias_hh_l0": np.zeros(H, dtype),
        }

    def forward(self, x, h0=None):
        W, U, b, c = self.parameters.values()
        h = [h0[0] if h0 is not None else np.zeros((x.shape[1], len(U)), x.dtype)]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + h[-1] @ U.T + b + c))
        return np.array(h[1:]), h[-1][None].copy(), (x, h)

    def backward(self, tape, d_output=None, d_h_n=None):
        (x, h), (W, U, _, _) = tape, self.parameters.values()
        gradients = {name: np.zeros_like(p) for name, p in self.parameters.items()}
        d_h = np.zeros_like(h[0]) if d_h_n is None else d_h_n[0].copy()
        d_x = np.zeros_like(x)
        for t in reversed(range(len(x))):
            d_h = d_h + (0 if d_output is None else d_output[t])
            d_z = d_h * (1 - h[t + 1] ** 2)
            d_z = d_z * (1.01 if t == 2 else 1)
            for name, d in zip(gradients, (d_z.T @ x[t], d_z.T @ h[t], d_z.sum(0), d_z.sum(0))):
                gradients[name] += d
            d_x[t], d_h = d_z @ W, d_z @ U
        return SimpleNamespace(x=d_x, h0=d_h[None], parameters=gradients)
'''

SMALLEST = """
import numpy as np
from scratch_rnn.plain import {cell}


class Mine:
    def __init__(self, input_size, hidden_size):
        H = hidden_size
        shapes = [({gates} * H, input_size), ({gates} * H, H), ({gates} * H,), ({gates} * H,)]
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        self.parameters = {{name: np.zeros(shape) for name, shape in zip(names, shapes)}}

    def forward(self, x, state=None):
        arrays = state if isinstance(state, tuple) else (state,)
        arrays = [array[0] for array in arrays]
        output, last, tape = {cell}.{cell}_forward(x, *arrays, *self.parameters.values())
        last = tuple(a[None] for a in last) if isinstance(last, tuple) else last[None]
        return output, last, tape

    def backward(self, tape, d_output, d_state):
        H = len(self.parameters["weight_hh_l0"][0])
        nothing = [np.zeros_like(d_output[0])] * {states}
        d_x, *d = {cell}.{cell}_backward(tape, d_output, *nothing)
        d_state = tuple(a[None] for a in d[:{states}])
        gradients = dict(zip(self.parameters, d[{states}:]))
        gradients["bias_hh_l0"] = {wrong} * gradients["bias_hh_l0"]
        return d_x, d_state if {states} > 1 else d_state[0], gradients
"""
