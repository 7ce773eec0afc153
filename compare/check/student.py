"""Put somebody else's recurrent layer in the place of ours."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import scratch_rnn
from compare.terminal import UsageError
from scratch_rnn import RNNTape


@dataclass(frozen=True, slots=True)
class StudentTape(RNNTape):
    """A tape of the student's, and the layout, which is all that the model asks of one."""

    own: Any
    one_hot: bool


def student_package(rnn_class: type) -> SimpleNamespace:
    """Return scratch_rnn's public names with another class for the layer.

    Parameters
    ----------
    rnn_class : type
        Built, called and asked like `scratch_rnn.RNN`: the same arguments, `parameters` under
        torch's names, `forward(x, h0)` that gives (output, h_n, tape), `backward(tape, d_output,
        d_h_n)` that gives an object with `x`, `h0` and `parameters`. It need not take token
        numbers (it is handed one-hot rows), nor arguments that it isn't given: `lengths` and
        `dropout_masks` come only where there are any.
    """

    class StudentRNN(scratch_rnn.RNN):
        def __init__(self, *sizes: Any, rng: np.random.Generator | None = None, **options: Any):
            super().__init__(*sizes, rng=rng, **options)
            initial = self.parameters
            try:
                self.own = rnn_class(*sizes, **options)
            except Exception as error:
                raise UsageError(
                    f"expected {rnn_class.__name__} to take the arguments of scratch_rnn.RNN, "
                    f"got {type(error).__name__}: {error}"
                ) from error
            self.parameters = self.own.parameters
            for name in initial.keys() & self.parameters.keys():
                self.parameters[name][...] = initial[name]

        def forward(
            self,
            x: np.ndarray,
            h0: np.ndarray | None = None,
            *,
            lengths: Any = None,
            dropout_masks: Any = None,
        ) -> tuple[np.ndarray, np.ndarray, Any]:
            _, _, layout = self._lay_out(x, h0, lengths)  # refuses what can't be right
            given = {"lengths": lengths, "dropout_masks": dropout_masks}
            given = {name: value for name, value in given.items() if value is not None}
            one_hot = x.dtype.kind != "f"
            if one_hot:
                x = np.eye(self.input_size, dtype=self.dtype)[x]
            output, h_n, tape = self.own.forward(x, h0, **given)
            return output, h_n, StudentTape(layout, (), None, tape, one_hot)

        def backward(
            self, tape: Any, d_output: np.ndarray | None = None, d_h_n: np.ndarray | None = None
        ) -> Any:
            gradients = self.own.backward(tape.own, d_output, d_h_n)
            x = None if tape.one_hot else gradients.x
            return scratch_rnn.RNNGradients(x, gradients.h0, gradients.parameters)

    names = {name: getattr(scratch_rnn, name) for name in scratch_rnn.__all__}
    return SimpleNamespace(**(names | {"RNN": StudentRNN, "text": scratch_rnn.text}))
