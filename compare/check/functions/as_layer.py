"""Six functions as a recurrent layer of one direction."""

from types import SimpleNamespace
from typing import Any

from compare.check.functions.plain import Array
from scratch_rnn.states import arrays_of, state_of


class AsLayer:
    """Six functions, called as `check.cases.layer_results` calls a layer."""

    def __init__(self, functions: Any) -> None:
        self.functions = functions

    def __call__(self, input_size: int, hidden_size: int, *, dtype: str) -> "AsLayer":
        """Build a layer; its parameters are loaded afterwards."""
        return AsLayer(self.functions)

    def load(self, parameters: dict[str, Array]) -> None:
        """Set the parameters."""
        self.parameters = parameters

    def forward(self, x: Array, state: Any) -> tuple[Array, Any, Any]:
        """Return output, the last state and the tape."""
        firsts = (array[0] for array in arrays_of(state))
        output, last, tape = self.functions.forward(x, *firsts, *self.parameters.values())
        return output, state_of(array[None] for array in arrays_of(last)), tape

    def backward(self, tape: Any, d_output: Array, d_state: Any) -> Any:
        """Return the gradients as a layer of `scratch_rnn` names them."""
        d_last = [array[0] for array in arrays_of(d_state)]
        d_x, *found = self.functions.backward(tape, d_output, *d_last)
        d_h0, *d_c0 = (d[None] for d in found[: len(d_last)])
        d_parameters = dict(zip(self.parameters, found[len(d_last) :], strict=True))
        return SimpleNamespace(x=d_x, h0=d_h0, c0=next(iter(d_c0), None), parameters=d_parameters)
