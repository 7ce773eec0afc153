"""The cells of numpy-ml as classes that ``rnn-parity check FILE:CLASS`` can ask.

The state before the first step and the gradient of the last state are put where a cell keeps its
own. The layers RNN and LSTM of numpy-ml 0.1.2 cannot be built: AttributeError.
"""

import collections
import collections.abc

import numpy as np

collections.Hashable = collections.abc.Hashable  # numpy-ml 0.1.2 is older than Python 3.10

from numpy_ml.neural_nets.layers import LSTMCell, RNNCell  # noqa: E402


class Layer:
    """A cell of numpy-ml over a sequence, in the form that `check` knows."""

    def __init__(self, input_size, hidden_size):
        self.sizes = input_size, hidden_size
        self.parameters = self.taken(self.fresh().parameters)

    def fresh(self):
        """Return a cell that has seen nothing."""
        cell = self.kind(self.sizes[1])
        cell.n_in = self.sizes[0]
        cell._init_params()
        return cell

    def forward(self, x, state):
        """Return output, the last state and the cell, which is the tape."""
        cell = self.fresh()
        cell.parameters.update(self.given(self.parameters))
        variables, states = cell.derived_variables, state if self.pair else (state,)
        for name, array in zip("AC", states, strict=False):
            variables[name] = [array[0]]
        steps = [cell.forward(x_t) for x_t in x]
        output = np.stack([step[0] for step in steps] if self.pair else steps)
        last = tuple(variables[name][-1][None] for name in ("AC" if self.pair else "A"))
        return output, last if self.pair else last[0], cell

    def backward(self, cell, d_output, d_state):
        """Return the gradients of x, of the state and of the parameters."""
        variables, states = cell.derived_variables, d_state if self.pair else (d_state,)
        for name, array in zip("AC", states, strict=False):
            variables[f"dLd{name}_accumulator"] = array[0]
        d_x = np.stack([cell.backward(d) for d in d_output[::-1]][::-1])
        begun = tuple(variables[f"dLd{n}_accumulator"][None] for n in ("AC" if self.pair else "A"))
        gradients = self.taken(cell.gradients)
        return d_x, begun if self.pair else begun[0], gradients


class NumpyMLRNN(Layer):
    """RNNCell."""

    kind, pair = RNNCell, False

    def taken(self, own):
        """Return its parameters in our form."""
        return {"Wax": own["Wax"], "Waa": own["Waa"], "bx": own["bx"][:, 0], "ba": own["ba"][:, 0]}

    def given(self, ours):
        """Return parameters in its form."""
        return ours | {name: ours[name][:, None] for name in ("bx", "ba")}


class NumpyMLLSTM(Layer):
    """LSTMCell."""

    kind, pair = LSTMCell, True
    gates = "ufco"  # i f g o

    def taken(self, own):
        """Return its parameters in our form."""
        H = self.sizes[1]
        weights = np.concatenate([own[f"W{gate}"] for gate in self.gates], axis=1)
        bias = np.concatenate([own[f"b{gate}"][0] for gate in self.gates])
        return {"W_x": weights[H:].copy(), "W_h": weights[:H].copy(), "b": bias}

    def given(self, ours):
        """Return parameters in its form."""
        weights = np.split(np.concatenate([ours["W_h"], ours["W_x"]]), 4, axis=1)
        biases = np.split(ours["b"][None], 4, axis=1)
        own = {f"W{gate}": w for gate, w in zip(self.gates, weights, strict=True)}
        return own | {f"b{gate}": b for gate, b in zip(self.gates, biases, strict=True)}
