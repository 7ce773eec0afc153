"""A layer of another library, called like ours: one class for all libraries.

Its adapter knows the library: `AdapterModule` says what an adapter has.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
State = Array | tuple[Array, ...] | None  # (L·D, B, H), or for an LSTM (h, c); None means zeros
Pull = Callable[[Array | None, State], tuple[Array | None, State, dict[str, Array]]]


class AdapterModule(Protocol):
    """The contents of an adapter's file, which imports only its library and NumPy.

    `target` is a class of the library, an operator's name, or a layer that is in a file; a model is
    whatever the library has. With ``evaluate(model, x, state)`` layers are called in an evaluation
    mode; `torch_module` shows what else an adapter may have, and `onnx_runtime` the functions that
    read and write files of its library: `read_layers`, `read_file` and `write_file`.
    """

    GRADIENTS: bool  # whether it computes them

    def build(self, target: object, input_size: int, hidden_size: int, **options: object) -> object:
        """Return a model: one layer; the options are arguments of nn.RNN that the library has."""

    def read(self, model: object) -> dict[str, Array]:
        """Return the parameters by the library's names."""

    def write(self, model: object, arrays: dict[str, Array], how: str) -> None:
        """Set the parameters by the library's names; `LibraryLayer.load` says how."""

    def to_torch(self, target: object, arrays: dict[str, Array]) -> dict[str, Array]:
        """Return parameters by PyTorch's names; one that the library does not have is absent."""

    def from_torch(self, target: object, parameters: dict[str, Array]) -> dict[str, Array]:
        """Return parameters by the library's names."""

    def run(self, model: object, x: Array, state: State = None) -> tuple[object, Pull | None]:
        """Return (output, state) in PyTorch's shapes, and the function that computes the gradients.

        The result has the gradients of x, of the state and, by PyTorch's names, of the parameters.
        """


class LibraryLayer:
    """The layer that an adapter builds from a class of its library, or from an operator's name.

    `options` are arguments of nn.RNN. `convert` turns an array of the library into one of NumPy;
    without it, results are arrays of the library.
    """

    def __init__(
        self,
        adapter: AdapterModule,
        target: object,
        input_size: int,
        hidden_size: int,
        *,
        convert: Callable[[Any], Array] = lambda array: array,
        **options: object,
    ) -> None:
        self.adapter: Any = adapter  # which may have more functions
        self.target, self.convert = target, convert
        self._make = partial(adapter.build, target, input_size, hidden_size, **options)
        self.model = self._make()
        if not adapter.GRADIENTS:
            self.backward = None  # type: ignore[method-assign, assignment]  # it cannot be called
        if not hasattr(adapter, "evaluate"):
            self.__call__ = None  # type: ignore[method-assign, assignment]

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters, by PyTorch's names."""
        parameters: dict[str, Array] = self.adapter.to_torch(
            self.target, self.adapter.read(self.model)
        )
        return parameters

    def load(self, values: dict[str, Array], how: str = "loaded") -> None:
        """Set the parameters as the library does, "in place", or "replaced" by other arrays.

        A PyTorch module can also get "copied" values, or "new" parameters.
        """
        self.adapter.write(self.model, self.adapter.from_torch(self.target, values), how)

    def forward(
        self, x: Array, state: State = None, **more: object
    ) -> tuple[Array, State, Pull | None]:
        """Return output, last state and the tape: the function that computes the gradients.

        If the library's result is no pair (output, state), it is returned as it is.
        """
        result, tape = self.adapter.run(self.model, x, state, **more)
        result = self._convert(result)
        return (*result, tape) if isinstance(result, tuple) and len(result) == 2 else result

    def __call__(self, x: Array, state: State = None, **more: object) -> tuple[Array, State]:
        """Return output and last state in evaluation mode."""
        results: tuple[Array, State] = self._convert(
            self.adapter.evaluate(self.model, x, state, **more)
        )
        return results

    def backward(
        self, tape: Pull, d_output: Array | None = None, d_state: State = None
    ) -> tuple[Array | None, State, dict[str, Array]]:
        """Return the gradients of x, of the initial state and of the parameters."""
        d_x, d_initial, d_parameters = tape(d_output, d_state)
        parameters = {name: self.convert(d) for name, d in d_parameters.items()}
        return self._convert(d_x), self._convert(d_initial), parameters

    def ask(self, function: str, *args: object) -> Any:
        """Call a function of the adapter that not every library has, such as `set_mode`."""
        return self._convert(getattr(self.adapter, function)(self.model, *args))

    def duplicate(self, how: str) -> "LibraryLayer | None":
        """Return another layer with the same values, or None if the library has no way to do it."""
        model = self.adapter.duplicate(self.model, how, self._make())
        if model is None:
            return None
        other = copy.copy(self)
        other.model = model
        return other

    def _convert(self, result: Any) -> Any:
        """Return a result with each array converted."""
        if isinstance(result, tuple | list):
            return tuple(map(self._convert, result))
        return None if result is None else self.convert(result)
