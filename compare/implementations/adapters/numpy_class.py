"""Call a class in NumPy in the documented form, if it has one of the other forms that people write.

The documented form is ``forward(x, h0) -> (output, h_n, tape)``, ``backward(tape, d_output, d_h_n)
-> (d_x, d_h0, dict)`` and a dict `parameters`. A class may also

- have `__call__` in the place of `forward`, and arrays as attributes in the place of the dict;
- take and return the states of an LSTM one by one, or return the output alone;
- keep the tape in itself: then it runs forward again before it runs back from an older tape;
- take the gradient of the output alone: that of h_n is added to it at the last step;
- return the gradients in one tuple or dict, or keep those of the parameters in itself.

Arguments without a default are always given: a gradient that is not there is zero.
"""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

HOLDERS, GRADIENTS = ("parameters", "params", "weights"), ("gradients", "grads")
PREFIXES = ("d", "d_", "grad_")  # the beginnings of names of the gradients

TAPES = ("tape", "cache", "ctx", "context", "saved", "memory")  # beginnings of a tape's name


def adapt_class(target: Any) -> Any:
    """Return what builds a layer in the documented form."""
    if not isinstance(target, type):
        return target
    shared = SimpleNamespace(forms={}, batch_axis=None)

    def build(*sizes: Any, columns: bool = False, **options: Any) -> NumpyClass:
        kind = Columns if columns else NumpyClass
        return kind(target(*sizes, **options), shared)

    build.arguments = [[name, has_default] for name, has_default in arguments_of(target)]  # type: ignore[attr-defined]
    return build


def arguments_of(function: Any) -> list[tuple[str, bool]]:
    """Return the positional arguments of a function, and whether each has a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [(p.name, p.default is not p.empty) for p in parameters if p.kind in kinds]


class Attributes(dict[str, np.ndarray]):
    """The arrays of an object by name; an array that is set here is set there."""

    def __init__(self, own: Any) -> None:
        arrays = {n: a for n, a in vars(own).items() if _is_float(a) and n[0] != "_"}
        moments = {n for n in arrays if n[0] in "dmvg" and n[1:].lstrip("_") in arrays}
        super().__init__({n: a for n, a in arrays.items() if n not in moments})
        self._own = own

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        setattr(self._own, name, value)
        super().__setitem__(name, value)


@dataclass(eq=False)
class Tape:
    """What a layer's forward pass was given and has returned."""

    own: Any  # the class's tape; None if it keeps it in itself
    is_kept: bool
    given: tuple[Any, ...]
    more: dict[str, Any]
    output: np.ndarray
    states: tuple[np.ndarray, ...]


class NumpyClass:
    """A layer of the user's class."""

    def __init__(self, own: Any, shared: SimpleNamespace) -> None:
        self._own, self._shared = own, shared
        self._latest: Tape | None = None
        self._call: Callable[..., Any] = getattr(own, "forward", None) or own
        if callable(self._call):
            self.forward = self._forward
        if hasattr(own, "forward") and callable(own):
            self.__call__ = own
        elif callable(own):
            self._note("called as layer(x, h0)")
        if hasattr(own, "backward"):
            self.backward = self._backward
        if hasattr(own, "load"):
            self.load = own.load

    @property
    def parameters(self) -> Any:
        """The dict of parameters, or the arrays that are attributes."""
        for name in HOLDERS:
            if isinstance(held := getattr(self._own, name, None), dict):
                return held
        if found := Attributes(self._own):
            self._note("parameters are attributes")
            return found
        return self._own.parameters

    @property
    def forms(self) -> list[str]:
        """The forms in which it is called, in words."""
        return [*self._shared.forms]

    @property
    def needs(self) -> list[str]:
        """The gradients that its `backward` takes without a default."""
        rest = self._upstream(is_kept=len(arguments_of(self._own.backward)) < 3)
        several = ["output", *["h_n"] * max(1, len(rest) - 1)]
        return [name for name, (_, default) in zip(several, rest, strict=False) if not default]

    def _note(self, form: str) -> None:
        self._shared.forms[form] = True

    def _forward(self, x: Any, state: Any = None, **more: Any) -> Any:
        begin = state if isinstance(state, tuple) else () if state is None else (state,)
        names = [name for name, _ in arguments_of(self._call)]
        if len(begin) > 1 and len(names) > 2 and names[2][0] == "c":
            given = (x, *begin)
        else:
            given = (x,) if state is None else (x, state)
        kept = copy.deepcopy((given, more))
        result = self._call(*given, **more)
        found = self._parsed(result, x, begin)
        if found is None:
            return result
        output, states, own, is_kept = found
        self._latest = Tape(own, is_kept, *kept, output, states)
        return output, states if len(states) > 1 else states[0], self._latest

    def _parsed(self, result: Any, x: Any, begin: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return output, states, the class's tape, and whether it keeps it in itself."""
        output, *rest = result if isinstance(result, tuple | list) else (result,)
        if not isinstance(output, np.ndarray) or (len(rest) == 0 and len(begin) > 1):
            return None
        several = max(1, len(begin))
        if rest and isinstance(rest[0], tuple | list) and _are_arrays(rest[0], several):
            states, rest = tuple(rest[0]), rest[1:]
        elif len(rest) in (several, several + 1) and _are_arrays(rest[:several], several):
            states, rest = tuple(rest[:several]), rest[several:]
        elif several == 1 and begin and len(rest) < 2:
            self._note("h_n is the last output")
            states = (output[self._last(x, begin[0])].reshape(begin[0].shape).copy(),)
        else:
            return None
        if len(rest) > 1:
            return None
        if not rest and hasattr(self._own, "backward"):
            self._note("the tape is in self")
        return output, states, rest[0] if rest else None, not rest

    def _last(self, x: Any, state: Any) -> tuple[Any, ...]:
        """Return the index of the last step."""
        shared, B = self._shared, state.shape[-2]
        if x.shape[0] != x.shape[1] or shared.batch_axis is None:
            shared.batch_axis = int(x.shape[0] != B)
        return (slice(None), -1) if shared.batch_axis == 0 else (-1,)

    def _upstream(self, is_kept: bool) -> list[tuple[str, bool]]:
        """Return the arguments of `backward` after the tape."""
        names = arguments_of(self._own.backward)
        is_tape = bool(names) and names[0][0].startswith(TAPES)
        return names[1:] if is_tape or not is_kept else names

    def _backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> Any:
        if not isinstance(tape, Tape):
            return self._own.backward(tape, d_output, d_state)
        rest = self._upstream(tape.is_kept)
        if len(rest) == 1 and (d_state is not None):
            d_output, d_state = self._added(tape, d_output, d_state), None
        if d_output is None and rest and not rest[0][1]:
            d_output = np.zeros_like(tape.output)
        if d_state is None and len(rest) > 1 and not rest[1][1]:
            zeros = tuple(np.zeros_like(state) for state in tape.states)
            d_state = zeros if len(zeros) > 1 else zeros[0]
        upstream = (d_output, d_state)[: len(rest) or 2]
        if isinstance(d_state, tuple) and len(rest) > len(d_state):
            upstream = (d_output, *d_state)
        if tape.is_kept and self._latest is not tape:
            self._call(*copy.deepcopy(tape.given), **tape.more)
        self._latest = None
        given = upstream if tape.is_kept else (tape.own, *upstream)
        return self._gradients(self._own.backward(*given), len(tape.states))

    def _added(self, tape: Tape, d_output: Any, d_state: Any) -> Any:
        """Return the gradient of the output, with that of h_n at the last step."""
        if isinstance(d_state, tuple):
            raise TypeError("expected backward(tape, d_output, (d_h_n, d_c_n)), got no d_c_n")
        self._note("the gradient of h_n is added at the last step of d_output")
        d_output = np.zeros_like(tape.output) if d_output is None else d_output.copy()
        at = self._last(tape.given[0], d_state)
        d_output[at] += d_state.reshape(d_output[at].shape)
        return d_output

    def _gradients(self, found: Any, several: int) -> Any:
        """Return gradients as (d_x, d_h0, dict), or as they are if that is their form."""
        names = list(self.parameters)
        if isinstance(found, dict):
            d_parameters = _by_name(found, names, ("", *PREFIXES))
            is_flat = bool(d_parameters) and not {"parameters", "params", "grads"} & {*found}
            return found | {"parameters": d_parameters} if is_flat else found
        items = list(found) if isinstance(found, tuple | list) else [found]
        if not all(_is_float(item) or _are_arrays(item, several) for item in items[:-1]):
            return found
        if len(items) == 1 + several + len(names) and several + len(names) > 2:
            self._note("the gradients are one tuple")
            d_parameters = dict(zip(names, items[1 + several :], strict=True))
            items = items[: 1 + several]
        elif isinstance(items[-1], dict):
            d_parameters, items = items[-1], items[:-1]
        elif _is_float(items[-1]) or _are_arrays(items[-1], several):
            held = (getattr(self._own, name, None) for name in GRADIENTS)
            in_self = _by_name(vars(self._own), names)
            d_parameters = next((h for h in held if isinstance(h, dict)), in_self)
            if not d_parameters:
                return found
            self._note("the gradients of the parameters are in self")
        else:
            return found
        d_states = tuple(items[1:]) if len(items) > 2 else (*items[1:], None)[0]
        return items[0], d_states, _by_name(d_parameters, names, ("", *PREFIXES)) or d_parameters


class Columns(NumpyClass):
    """A layer for which the sequences of a batch are columns: x is (T, V, B), a state (H, B)."""

    def _forward(self, x: Any, state: Any = None, **more: Any) -> Any:
        return _turned(super()._forward(_turned(x), _turned(state), **more))

    def _backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> Any:
        return _turned(super()._backward(tape, _turned(d_output), _turned(d_state)))


def _turned(value: Any) -> Any:
    """Return arrays with rows for columns."""
    if isinstance(value, tuple):
        return tuple(map(_turned, value))
    return value.swapaxes(-1, -2) if _is_float(value) and value.ndim > 1 else value


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _are_arrays(value: Any, several: int) -> bool:
    """Whether there are so many arrays of states."""
    is_list = isinstance(value, tuple | list) and len(value) == several
    return is_list and all(_is_float(item) and item.ndim > 1 for item in value)


def _by_name(
    found: dict[str, Any], names: list[str], prefixes: tuple[str, ...] = PREFIXES
) -> dict[str, Any]:
    """Return the gradients of parameters, under the names of the parameters."""
    given = {name: [found[p + name] for p in prefixes if p + name in found] for name in names}
    return {name: several[0] for name, several in given.items() if several}
