"""A submission's recurrent layer, built and asked like ours: a class of its own, or a torch module.

The smallest class is ``Class(input_size, hidden_size)`` with `parameters` under PyTorch's names,
``forward(x, h0) -> (output, h_n, tape)`` and ``backward(tape, d_output, d_h_n)``, which gives the
gradients of x, of h0 and of the parameters. Arrays in another layout than ours are transposed, on
the way in and on the way out.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.check.cases.layer_results import Results
from compare.check.cases.parts import Malformed, kind_of
from compare.check.classes.conventions import Conventions, Said
from compare.check.worker.client import Handle, Submission, Trouble
from compare.terminal import UsageError

NEEDED = {
    "": "a class is Class(input_size, hidden_size) with a dict of arrays `parameters`, "
    "forward(x, h0) -> (output, h_n, tape) and "
    "backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict of the parameters' gradients)",
    "torch_module": "a module of PyTorch is Module(input_size, hidden_size), "
    "called like nn.RNN: module(x, h0) -> (output, h_n)",
}
"""What the smallest layer has, without an adapter and with that of PyTorch."""


class Layers:
    """A submission's class.

    Parameters
    ----------
    submission : Submission
    cell : "rnn", "gru" or "lstm"
    dtype, device : str, optional
        What its layers are built with.
    tf32 : bool
        Whether it may multiply float32 with the precision of TF32.
    said : Said, optional
        What is known of its conventions.
    """

    def __init__(
        self,
        submission: Submission,
        cell: str,
        dtype: str | None = None,
        device: str | None = None,
        *,
        tf32: bool = False,
        said: Said | None = None,
    ) -> None:
        self.submission, self.cell = submission, cell
        self.dtype, self.device = dtype, device
        self.precision = "tf32" if tf32 else ""
        self.said, self.conventions = said or Said(), Conventions()
        self.forward_only = False
        self.own_dtype = ""  # of its parameters, where none is asked for

    def __call__(
        self, input_size: int, hidden_size: int, *, dtype: str = "", **options: Any
    ) -> TheirLayer:
        """Build a layer; Trouble with the verdict missing if it has no such option."""
        if dtype not in ("", self.own_dtype) and not self.dtype:
            options["dtype"] = dtype
        self.submission.revive()
        more = {"dtype": self.dtype, "device": self.device}
        more = {name: value for name, value in more.items() if value}
        try:
            made: Handle = self.submission.call(
                "", input_size, hidden_size, keep=(-1,), **(more | options)
            )
        except Trouble as trouble:
            for name in more:
                if f"unexpected keyword argument '{name}'" in str(trouble):
                    what = f"a class that takes {name}, as --{name} says"
                    raise UsageError(f"expected {what}, got {trouble}") from None
            raise _without(trouble, options) from None
        return TheirLayer(self, made, turned=not options.get("batch_first"))

    def learn(self, V: int, H: int) -> None:
        """Build a layer, and find out its dtype and its names."""
        parameters = self(V, H).held()
        self.own_dtype = str(next(iter(parameters.values())).dtype)
        self.conventions.learn(parameters, self.cell, V, H, self.said)


class TheirLayer:
    """A layer of a submission's class."""

    def __init__(self, layers: Layers, handle: Handle, *, turned: bool) -> None:
        self.submission, self.cell, self.handle = layers.submission, layers.cell, handle
        self.taken = layers.conventions
        self.turned = turned and self.taken.batch_first
        self.names = self.submission.object_names(handle)
        self.forward_only = layers.forward_only = "backward" not in self.names

    def held(self) -> dict[str, np.ndarray]:
        """Return its parameters by its own names."""
        found = self.submission.look(self.handle, "parameters")
        if not isinstance(found, dict) or not found:
            raise Malformed("parameters, a dict of arrays", kind_of(found))
        return {name: _array(array, f"parameters[{name!r}]") for name, array in found.items()}

    @property
    def parameters(self) -> Results:
        """Copies of its parameters as ours are called and lie."""
        return self._ours(self.held())

    def load(self, parameters: Results) -> None:
        """Take parameters as ours are called and lie."""
        taken = self.taken
        own: Results = {}
        for name, array in parameters.items():
            its_name, its_array = taken.names.get(name, name), self._turned(name, array)
            if taken.one_bias and name.startswith("bias_hh"):
                its_name, its_array = taken.names["bias_ih_l0"], parameters["bias_ih_l0"] + array
            is_row = taken.bias_rows and name.startswith("bias")
            own[its_name] = its_array[None] if is_row else its_array
        if "load" in self.names:
            self.submission.call("load", own, of=self.handle.number)
        else:
            self.submission.write(self.handle, "parameters", own)

    def forward(self, x: np.ndarray, state: Any = None, **more: Any) -> tuple[Any, Any, Any]:
        """Run it; the tape says what is needed to run it backward."""
        result, turned = self._asked("forward", x, state, more, keep=(2,))
        if not isinstance(result, tuple) or len(result) != 3:
            wanted = "(output, h_n, tape) from forward, or (output, h_n) from a module of PyTorch"
            raise Malformed(wanted, kind_of(result))
        output, last, tape = result
        tape = (tape, turned, x.dtype.kind != "f", state is not None)
        return _array(output, "output", turned), self._state(last), tape

    def __call__(self, x: np.ndarray, state: Any = None, **more: Any) -> tuple[Any, Any]:
        """Call it, if it can be called."""
        if "__call__" not in self.names:
            raise Trouble("missing", "it cannot be called")
        result, turned = self._asked("__call__", x, state, more)
        if not isinstance(result, tuple) or len(result) != 2:
            raise Malformed("(output, h_n) from a call", kind_of(result))
        return _array(result[0], "output", turned), self._state(result[1])

    def _asked(
        self,
        method: str,
        x: np.ndarray,
        state: Any,
        more: dict[str, Any],
        keep: tuple[int, ...] = (),
    ) -> tuple[Any, bool]:
        """Hand in what a case gives; return the result, and whether the batch comes first in it."""
        turned = self.turned and x.ndim == (3 if x.dtype.kind == "f" else 2)
        given = [x.swapaxes(0, 1) if turned else x]
        if state is not None:
            given.append(_flat(state) if self.taken.flat_state else state)
        try:
            call = self.submission.call
            return call(method, *given, of=self.handle.number, keep=keep, **more), turned
        except Trouble as trouble:
            raise _without(trouble, more) from None

    def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> Any:
        """Run it backward; return the gradients as ours are called and lie."""
        if self.forward_only:
            return SimpleNamespace(x=None, h0=None, c0=None, parameters={})
        kept, turned, is_tokens, has_state = tape
        if turned and d_output is not None:
            d_output = d_output.swapaxes(0, 1)
        if self.taken.flat_state:
            d_state = _flat(d_state)
        gradients = self.submission.call("backward", kept, d_output, d_state, of=self.handle.number)
        d_x, d_begun, d_parameters = three_gradients(gradients)
        d_x = None if d_x is None else _array(d_x, "the gradient of x", turned)
        begun = self._state(d_begun) if has_state else None
        pair = begun if isinstance(begun, tuple) else (begun, None)
        return SimpleNamespace(
            x=None if is_tokens else d_x,
            h0=pair[0],
            c0=pair[1],
            parameters=self._ours(d_parameters),
        )

    def _ours(self, theirs: dict[str, np.ndarray]) -> Results:
        """Return parameters, or their gradients, by our names; one bias stands for both."""
        ours = {other: name for name, other in self.taken.names.items()}
        found = {ours.get(name, name): _array(array, str(name)) for name, array in theirs.items()}
        if self.taken.one_bias and self.cell != "gru" and "bias_ih_l0" in found:
            found["bias_hh_l0"] = found["bias_ih_l0"]
        if self.taken.bias_rows:
            rows = {name: a for name, a in found.items() if name.startswith("bias") and a.ndim == 2}
            found |= {name: array.reshape(-1) for name, array in rows.items()}
        return {name: self._turned(name, array) for name, array in found.items()}

    def _turned(self, name: str, array: np.ndarray) -> np.ndarray:
        return array.T if self.taken.transposed and name.startswith("weight") else array

    def _state(self, state: Any) -> Any:
        """Return h, or (h, c), with an axis for the layers."""
        arrays = state if isinstance(state, tuple | list) else (state,)
        found = [
            array[None] if self.taken.flat_state else array
            for array in arrays
            if isinstance(array, np.ndarray)
        ]
        return found[0] if len(found) == 1 else tuple(found) or None


def _array(value: Any, name: str, turned: bool = False) -> np.ndarray:
    """Return an array, with time first if it was turned."""
    if not isinstance(value, np.ndarray):
        raise Malformed(f"an array for {name}", kind_of(value))
    return value.swapaxes(0, 1) if turned and value.ndim > 1 else value


def _without(trouble: Trouble, options: dict[str, Any]) -> Trouble:
    """Take a refused argument for a feature that is not there."""
    refused = "TypeError" in trouble.kinds and (
        "unexpected keyword" in str(trouble) or "positional argument" in str(trouble)
    )
    return Trouble("missing", str(trouble), trouble.kinds) if refused and options else trouble


def _flat(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(_flat(item) for item in state)
    return None if state is None else state[0]


def three_gradients(gradients: Any) -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Return the gradients of x, of the state and of the parameters, however they are told."""
    if isinstance(gradients, tuple | list) and len(gradients) == 3:
        d_x, d_state, d_parameters = gradients
    else:
        d_x = _under(gradients, "x", "d_x", "dx")
        d_state = _under(gradients, "h0", "d_h0", "dh0", "d_h_0", "h_0")
        d_c0 = _under(gradients, "c0")
        d_state = (d_state, d_c0) if isinstance(d_c0, np.ndarray) else d_state
        d_parameters = _under(gradients, "parameters", "params", "grads")
    if not isinstance(d_parameters, dict):
        raise Malformed("gradients with x, h0 and parameters from backward", kind_of(gradients))
    return d_x, d_state, d_parameters


def _under(gradients: Any, *names: str) -> Any:
    """Return what a dict or an object has under the first of these names."""
    if isinstance(gradients, dict):
        return next((gradients[name] for name in names if name in gradients), None)
    return next((getattr(gradients, name) for name in names if hasattr(gradients, name)), None)
