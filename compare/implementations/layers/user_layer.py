"""Wrap a user's layer in the interface of ours: a class in NumPy, or a PyTorch module.

Arrays of another layout than ours are transposed before and after each call.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import CallFailed, UnexpectedResult, Verdict, is_refusal
from compare.implementations.core.interface import Array, Layer, Results, UserGradients
from compare.implementations.layouts.conventions import Conventions
from compare.implementations.layouts.gate_order import Order
from compare.implementations.worker.client import Call, Handle, Submission, describe_kind
from scratch_rnn.arrays import State, each

SEVERAL = {"num_layers", "bidirectional", "proj_size"}
"""The options with which a layer has more parameters."""


@dataclass
class UserLayerFactory:
    """A user's class."""

    submission: Submission
    cell: str
    dtype: str | None = None  # this and the next are arguments of the constructor
    device: str | None = None
    precision: str = ""  # "tf32": float32 may be multiplied with this precision
    order: Order = ()  # of the gates, if the user states it
    conventions: Conventions = field(default_factory=Conventions)  # which are detected
    forward_only: bool = False
    other_backward: bool = False  # whether its gradients have another form than is known
    own_dtype: str = ""  # of its parameters, without the argument dtype
    is_cast: bool = False  # a PyTorch module has no such argument, and is cast
    set_by_calls: set[str] = field(default_factory=set)  # arrays that are no parameters

    def __call__(
        self, input_size: int, hidden_size: int, *, dtype: str = "", **options: object
    ) -> "UserLayer":
        """Build a layer; CallFailed with the verdict missing if it has no such option."""
        if dtype not in ("", self.own_dtype) and not self.dtype:
            options["dtype"] = dtype
        self.submission.revive()
        flags = {n: value for n in ("dtype", "device") if (value := getattr(self, n))}
        arguments = flags | options | ({"step": True} if self.conventions.step else {})
        try:
            handle = self._make(input_size, hidden_size, **arguments)
        except CallFailed as failure:
            raise _explain_refusal(failure, options) from None
        layer = UserLayer(self, handle, batch_first=bool(options.get("batch_first")))
        if self.conventions.names and SEVERAL & {*options}:
            layer.name_layers(CELLS[self.cell].scratch_layer(input_size, hidden_size, **options))
        return layer

    def _make(self, *sizes: int, **arguments: Any) -> Handle:
        """Build a layer in its process; a PyTorch module without the argument dtype is cast."""
        try:
            return self.submission.make("", *sizes, **arguments)
        except CallFailed as failure:
            has_none = "unexpected keyword argument 'dtype'" in str(failure)
            if not has_none or self.submission.adapter != "torch_module":
                raise
        self.is_cast = True
        return self.submission.make("", *sizes, cast=arguments.pop("dtype"), **arguments)

    def learn(self, V: int, H: int) -> None:
        """Build a layer, and detect its dtype and which arrays are its parameters."""
        layer = self(V, H)
        arrays = layer.own_parameters()
        parameters = {n: array for n, array in arrays.items() if n not in self.set_by_calls}
        if not parameters:
            raise UnexpectedResult("parameters, a dict of arrays", "arrays that a call sets")
        self.own_dtype = str(next(iter(parameters.values())).dtype)
        is_module = self.submission.adapter == "torch_module"
        norms = layer.ask("list_norms") if is_module else ()
        without = norms if isinstance(norms, tuple) else ()
        self.conventions.learn(parameters, self.cell, V, H, self.order, without)


class UserTape(NamedTuple):
    """The tape of a pass, and how its arguments were passed."""

    user_tape: object
    is_transposed: bool
    has_tokens: bool
    has_state: bool
    padded: int  # steps that the output is shorter than the class's


class UserLayer:
    """A layer of a user's class, called like ours."""

    def __init__(self, layers: UserLayerFactory, handle: Handle, *, batch_first: bool) -> None:
        self.submission, self.handle, self.cell = layers.submission, handle, layers.cell
        self.conventions = layers.conventions
        self.transpose = self.conventions.batch_first and not batch_first
        self.time_axis = int(batch_first)
        self.as_now: Callable[..., object] | None = None  # gives what the last call returned
        self.forward_only = layers.forward_only = "backward" not in handle.names

    def own_parameters(self) -> dict[str, Array]:
        """Return its parameters by its own names."""
        selected = self.conventions.select(self._list_arrays())
        return {
            name: _check_array(array, f"parameters[{name!r}]") for name, array in selected.items()
        }

    def _list_arrays(self) -> dict[str, object]:
        """Return all values in its dict of parameters, also those that belong to no layer."""
        arrays = self.submission.look(self.handle, "parameters")
        if not isinstance(arrays, dict) or not arrays:
            raise UnexpectedResult("parameters, a dict of arrays", describe_kind(arrays))
        return arrays

    def name_layers(self, ours: Layer) -> None:
        """Learn the names of further layers; CallFailed if some parameters have none."""
        unused = {*self._list_arrays()} - self.conventions.used
        first = {parameter.name for parameter in CELLS[self.cell].parameters}
        lacking = [name for name in ours.parameters if name not in first | unused]
        others = unused - {*ours.parameters}
        if lacking and others:
            names = self.conventions.names | self.conventions.name_layers(lacking, others)
            self.conventions = replace(self.conventions, names=names)
            if lost := ", ".join(sorted(others - self.conventions.used)):
                raise CallFailed("missing", f"expected PyTorch's names or numbers, got {lost}")

    @property
    def parameters(self) -> Results:
        """Copies of its parameters, by our names and in our layout."""
        return self._convert_to_ours(self.own_parameters())

    def load(self, parameters: Results, how: str = "loaded") -> None:
        """Set its parameters from arrays by our names and in our layout, in place or replaced."""
        user_arrays = self.conventions.convert_to_user(parameters, self.cell)
        self.submission.call("load", user_arrays, how, of=self.handle.number)

    def ask(self, function: str, *args: object) -> object:
        """Call a function that not every library's adapter has, such as `set_mode`."""
        return self.submission.call("ask", function, *args, of=self.handle.number)

    def duplicate(self, how: str) -> "UserLayer":
        """Return another layer of the same values: by "deepcopy", "pickle" or "state_dict"."""
        handle = self.submission.make("duplicate", how, of=self.handle.number)
        if not handle.names:
            raise CallFailed("missing", f"it overrides how a {how} is loaded")
        other = copy.copy(self)
        other.handle = handle
        return other

    def forget(self) -> None:
        """Delete the tapes of all passes in its process."""
        self.submission.forget(self.handle)

    def forward(
        self, x: Array, state: State | None = None, **more: object
    ) -> tuple[Array, State | None, UserTape]:
        """Return output, last state and the tape for `backward`."""
        result, transposed = self._call("forward", x, state, more, keep=(2,))
        if not isinstance(result, tuple) or len(result) != 3:
            wanted = "(output, h_n, tape) from forward, or (output, h_n) from a PyTorch module"
            raise UnexpectedResult(wanted, describe_kind(result))
        number, lengths = self.submission.last.number, more.get("lengths")

        def ours(own_output: object, own_state: object, *_: object) -> tuple[Array, State | None]:
            output = _check_array(own_output, "output", transposed)
            return self._drop_padding(output, lengths), self._state(own_state)

        now = partial(self.submission.look, Handle(number), without=(2,))
        self.as_now = lambda double=False: ours(*now(double=double))
        output, last = ours(*result)
        padded = sum(result[0].shape) - sum(output.shape)  # steps: one axis is shorter
        tape = UserTape(result[2], transposed, x.dtype.kind != "f", state is not None, padded)
        return output, last, tape

    def _drop_padding(self, output: Array, lengths: object) -> Array:
        """Return an output of the steps of the longest sequence, if all later ones are zero."""
        if lengths is None or output.ndim <= self.time_axis:
            return output
        first, rest = np.split(output, [np.asarray(lengths).max()], self.time_axis)
        return output if rest.any() else first

    def __call__(
        self, x: Array, state: State | None = None, **more: object
    ) -> tuple[Array, State | None]:
        """Return output and last state of a call, if it can be called."""
        if "__call__" not in self.handle.names:
            raise CallFailed("missing", "it cannot be called")
        result, transposed = self._call("__call__", x, state, more)
        if not isinstance(result, tuple) or len(result) != 2:
            raise UnexpectedResult("(output, h_n) from a call", describe_kind(result))
        output = _check_array(result[0], "output", transposed)
        return self._drop_padding(output, more.get("lengths")), self._state(result[1])

    def _call(
        self,
        method: str,
        x: Array,
        state: State | None,
        more: Mapping[str, object],
        keep: tuple[int, ...] = (),
    ) -> tuple[object, bool]:
        """Return the result, and whether its batch axis comes first."""
        args, transposed = self._own_arguments(x, state)
        named = {**more}
        if self.submission.adapter == "torch_module":  # which packs sequences
            named["batch_first"] = transposed or self.time_axis == 1
        try:
            call, number = self.submission.call, self.handle.number
            return call(method, *args, of=number, keep=keep, **named), transposed
        except CallFailed as failure:
            raise _explain_refusal(failure, more) from None

    def _own_arguments(self, x: Array, state: State | None) -> tuple[tuple[object, ...], bool]:
        """Return x and the state in its own layout, and whether the batch axis is put first."""
        transposed = self.transpose and x.ndim == (3 if x.dtype.kind == "f" else 2)
        own_x = _swap_axes(x) if transposed else x
        if state is None:
            return (own_x,), transposed
        return (own_x, _drop_layers(state) if self.conventions.flat_state else state), transposed

    def time(self, times: int, x: Array, state: State | None, d_output: Array | None) -> float:
        """Return the mean seconds of a pass in its process: forward, and with d_output backward.

        A pass forward alone is in evaluation mode, if it has one.
        """
        args, transposed = self._own_arguments(x, state)
        number = self.handle.number
        if d_output is None:
            method = "__call__" if "__call__" in self.handle.names else "forward"
            return self.submission.time(times, Call(method, args, number, keep=(2,)))
        d_own = _swap_axes(d_output) if transposed else d_output
        forward = Call("forward", args, number, keep=(2,))
        backward = Call("backward", (Handle(-1, (2,)), d_own, None), number)
        return self.submission.time(times, forward, backward)

    def backward(
        self, tape: UserTape, d_output: Array | None = None, d_state: State | None = None
    ) -> UserGradients:
        """Return the gradients, by our names and in our layout."""
        if self.forward_only:
            self.as_now = None
            return UserGradients()
        if tape.padded and d_output is not None:
            widths = np.zeros((d_output.ndim, 2), int)
            widths[self.time_axis, 1] = tape.padded
            d_output = np.pad(d_output, widths)
        if tape.is_transposed and d_output is not None:
            d_output = _swap_axes(d_output)
        if self.conventions.flat_state:
            d_state = _drop_layers(d_state)
        number = self.handle.number
        try:
            gradients = self.submission.call(
                "backward", tape.user_tape, d_output, d_state, of=number
            )
        except CallFailed as failure:
            if is_refusal(failure) and "backward()" in failure.got:  # not what it calls
                failure.verdict = Verdict.NOT_TRIED
            raise
        result = Handle(self.submission.last.number)
        self.as_now = lambda double=False: self._read_gradients(
            self.submission.look(result, double=double), tape
        )
        return self._read_gradients(gradients, tape)

    def _read_gradients(self, gradients: object, tape: UserTape) -> UserGradients:
        """Return (d_x, d_state, dict) in our layout; UnexpectedResult if it is anything else."""
        parts = gradients if isinstance(gradients, tuple | list) else ()
        if len(parts) != 3 or not isinstance(parts[2], dict):
            wanted = "(d_x, d_h0, dict of the parameters' gradients) from backward"
            raise UnexpectedResult(wanted, describe_kind(gradients), Verdict.NOT_TRIED)
        d_x, d_initial, d_parameters = parts
        d_x = None if d_x is None else _check_array(d_x, "the gradient of x", tape.is_transposed)
        d_state = self._state(d_initial) if tape.has_state else None
        return UserGradients(
            None if tape.has_tokens else d_x, d_state, self._convert_to_ours(d_parameters)
        )

    def _convert_to_ours(self, user_arrays: Mapping[str, object]) -> Results:
        """Return parameters, or their gradients, by our names; one bias is bias_ih."""
        arrays = {name: _check_array(array, str(name)) for name, array in user_arrays.items()}
        return self.conventions.convert_to_ours(arrays, self.cell)

    def _state(self, state: object) -> State | None:
        """Return h, or (h, c), with an axis for the layers."""
        parts = state if isinstance(state, tuple | list) else (state,)
        arrays = [part for part in parts if isinstance(part, np.ndarray)]
        states = tuple(a[None] if self.conventions.flat_state else a for a in arrays)
        return states[0] if len(states) == 1 else states or None


def _check_array(value: object, name: str, transposed: bool = False) -> Array:
    """Return an array, with the time axis first."""
    if not isinstance(value, np.ndarray):
        raise UnexpectedResult(f"an array for {name}", describe_kind(value))
    return value.swapaxes(0, 1) if transposed and value.ndim > 1 else value


def _swap_axes(array: Array) -> Array:
    """Return an array with the batch axis first, contiguous if the array is."""
    swapped = array.swapaxes(0, 1)
    return np.ascontiguousarray(swapped) if array.flags.c_contiguous else swapped


def _explain_refusal(failure: CallFailed, options: Mapping[str, object]) -> CallFailed:
    """Return CallFailed with the verdict missing if the class has no such argument."""
    is_missing = options and is_refusal(failure)
    return CallFailed("missing", failure.got, failure.kinds) if is_missing else failure


def _drop_layers(state: State | None) -> State | None:
    return None if state is None else each(lambda array: array[0], state)
