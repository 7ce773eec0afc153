"""Call a class in NumPy in the documented form, if it has one of the other forms that people write.

The documented form is ``forward(x, h0) -> (output, h_n, tape)``, ``backward(tape, d_output, d_h_n)
-> (d_x, d_h0, dict)`` and a dict `parameters`. Other forms are recognised by these rules:

parameters    They may be a list, or attributes: the float arrays that the constructor makes. Arrays
              that `forward` sets are a tape. An array with the name of a parameter and `grad` is a
              gradient; with `momentum` it is an optimizer's.
call          Without `forward`, the layer itself is called.
states        ``forward(x, h0, c0)`` takes the states one by one: its third argument begins with c.
last state    It is missing if none is returned, or if `backward` takes one gradient alone.
tape          Where no tape is returned, or None, it is in the object, which has one. `forward` runs
              again before `backward` runs for another one.
upstream      An argument of `backward` without a default gets zeros for a gradient that is absent.
gradients     They are one tuple, in the order of the parameters, or a dict by their names, or the
              object has them under their names, or in a list.
step          With this option it is a cell: it, and its `backward`, is called once for each step.
"""

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeGuard

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Arguments = list[tuple[str, bool]]  # the name of each, and whether it has a default

HOLDERS, GRADIENTS = ("parameters", "params", "weights"), ("gradients", "grads")
PREFIXES = ("d", "d_", "grad_")  # the beginnings of names of the gradients
MOMENTS = (
    re.compile("(?:[dmvg]|grad|gradient|delta|mem)_?(.+)"),
    re.compile("(.+)_(?:[mv]|grad|gradient|delta|momentum|velocity|cache)"),
)
"""dW or W_grad beside W is its gradient, mW or W_momentum an optimizer's."""
TAPES = ("tape", "cache", "ctx", "context", "saved", "memory")  # beginnings of a tape's name


@dataclass
class Findings:
    """Facts about a class that hold for all its layers; calls show most of them."""

    list_arguments: Callable[[Callable[..., object]], Arguments]
    set_by_calls: dict[str, bool] = field(default_factory=dict)  # arrays that are no parameters
    num_states: int = 1


@dataclass(eq=False)
class ClassTape:
    """The arguments and results of a layer's forward pass."""

    user_tape: Any  # the class's tape; None if it keeps it in itself
    is_returned: bool  # and then `backward` takes it
    given: tuple[Any, ...]
    more: dict[str, Any]
    output: Array
    states: tuple[Array, ...]


class Held(dict[str, Array]):
    """The arrays of an object by name; an array that is set here is set there, by `put`."""

    def __init__(self, arrays: dict[str, Array], put: Callable[[str, Array], None]) -> None:
        super().__init__(arrays)
        self._put = put

    def __setitem__(self, name: str, value: Array) -> None:
        self._put(name, value)
        super().__setitem__(name, value)


def adapt_class(
    target: Callable[..., object], list_arguments: Callable[[Callable[..., object]], Arguments]
) -> Callable[..., "NumpyClass"]:
    """Return what builds a layer in the documented form."""
    findings = Findings(list_arguments)

    def build(*sizes: int, step: bool = False, **options: object) -> NumpyClass:
        return (NumpyCell if step else NumpyClass)(target(*sizes, **options), findings)

    build.findings = findings  # type: ignore[attr-defined]
    return build


class NumpyClass:
    """A layer of the user's class."""

    def __init__(self, instance: Any, findings: Findings) -> None:
        self._instance, self._findings = instance, findings
        self._attributes = list_parameters(instance)
        self._latest: ClassTape | None = None
        self._call: Callable[..., Any] = getattr(instance, "forward", None) or instance
        self.forward = self._forward
        if hasattr(instance, "forward") and callable(instance):
            self.__call__ = instance
        if hasattr(instance, "backward"):
            self.backward = self._backward

    @property
    def parameters(self) -> Any:
        """The dict of parameters, or the arrays that are attributes, or in a list."""
        held = [getattr(self._instance, name, None) for name in HOLDERS]
        for holder in held:
            if isinstance(holder, dict):
                return holder
        if self._attributes:
            arrays = {name: getattr(self._instance, name) for name in self._attributes}
            return Held(arrays, partial(setattr, self._instance))
        lists = [
            holder for holder in held if isinstance(holder, list) and all(map(is_float, holder))
        ]
        if not lists:
            return self._instance.parameters
        return Held({f"array {k}": a for k, a in enumerate(lists[0])}, partial(_put, lists[0]))

    def load(self, values: dict[str, Array], how: str = "loaded") -> None:
        """Set the parameters as the class does, or else in place; or "replaced" by new arrays."""
        if hasattr(self._instance, "load"):
            self._instance.load(values)
            return
        held = self.parameters
        for name, array in values.items():
            if how == "replaced":
                held[name] = array
            else:
                held[name][...] = array

    @cached_property
    def _call_arguments(self) -> Arguments:
        """The arguments of a forward pass; to list them takes as long as a small pass."""
        return self._findings.list_arguments(self._call)

    @cached_property
    def _backward_arguments(self) -> Arguments:
        return self._findings.list_arguments(self._instance.backward)

    def _forward(self, x: Array, state: Any = None, **more: Any) -> Any:
        states = state if isinstance(state, tuple) else () if state is None else (state,)
        arguments = self._list_given(x, states)
        kept = copy.deepcopy((arguments, more))
        with self._watch_attributes():
            result = self._call(*arguments, **more)
        if states:
            self._findings.num_states = len(states)
        parts = self._read_result(result)
        if parts is None:
            return result  # the report says what was expected
        output, last, rest = parts
        self._latest = ClassTape(rest[0] if rest else None, bool(rest), *kept, output, last)
        if (
            hasattr(self._instance, "backward")
            and len(self._list_upstream(is_returned=bool(rest))) == 1
        ):
            last = ()  # nothing can be checked of it
        return output, last if len(last) > 1 else (*last, None)[0], self._latest

    def _list_given(self, x: Array, states: tuple[Array, ...]) -> tuple[object, ...]:
        """Return x and the states as a forward pass takes them."""
        names = self._call_arguments
        one_by_one = len(states) < 2 or (len(names) > 2 and names[2][0][0] == "c")
        return (x, *states) if one_by_one else (x, states)

    @contextmanager
    def _watch_attributes(self) -> Iterator[None]:
        """Note which arrays a call sets or writes to."""
        before = {name: getattr(self._instance, name) for name in self._attributes}
        values = copy.deepcopy(before)
        try:
            yield
        finally:
            for name, array in before.items():
                is_same = getattr(self._instance, name, None) is array
                if not (is_same and np.array_equal(array, values[name], equal_nan=True)):
                    self._findings.set_by_calls[name] = True

    def _read_result(self, result: Any) -> tuple[Any, Any, Any] | None:
        """Return output, states, and the tape or nothing; None of a form that is not known."""
        output, *rest = result if isinstance(result, tuple | list) else (result,)
        num_states = self._findings.num_states
        if isinstance(output, list) and all(map(is_float, output)):
            output = np.stack(output)  # one for each step
        if not isinstance(output, np.ndarray):
            return None
        if rest and are_states(rest[0], num_states):
            states, rest = tuple(rest[0]), rest[1:]
        elif are_states(rest[:num_states], num_states):
            states, rest = tuple(rest[:num_states]), rest[num_states:]
        else:
            states = ()
        return None if len(rest) > 1 else (output, states, rest)

    def _takes_tape(self, *, is_returned: bool) -> bool:
        """Return whether the first argument of `backward` is a tape."""
        names = self._backward_arguments
        return is_returned or (bool(names) and names[0][0].startswith(TAPES))

    def _list_upstream(self, *, is_returned: bool) -> Arguments:
        """Return the arguments of `backward` after the tape."""
        names = self._backward_arguments
        return names[1:] if self._takes_tape(is_returned=is_returned) else names

    def _backward(self, tape: Any, d_output: Array | None = None, d_state: Any = None) -> Any:
        arguments: tuple[Any, ...] = tape, d_output, d_state
        if isinstance(tape, ClassTape):
            arguments = self._fill_upstream(tape, d_output, d_state)
            if self._takes_tape(is_returned=tape.is_returned):
                arguments = (tape.user_tape, *arguments)
            if tape.user_tape is None and self._latest is not tape:
                self._call(*copy.deepcopy(tape.given), **tape.more)
            self._latest = None
        return self._read_gradients(self._instance.backward(*arguments), self._findings.num_states)

    def _fill_upstream(
        self, tape: ClassTape, d_output: Array | None, d_state: Any
    ) -> tuple[Any, ...]:
        """Return the gradients that `backward` takes, with zeros for those that are not there."""
        rest = self._list_upstream(is_returned=tape.is_returned)
        if d_output is None and rest and not rest[0][1]:
            d_output = np.zeros_like(tape.output)
        if d_state is None and len(rest) > 1 and not rest[1][1]:
            zeros = tuple(np.zeros_like(state) for state in tape.states)
            d_state = zeros if len(zeros) > 1 else zeros[0]
        if isinstance(d_state, tuple) and len(rest) > len(d_state):
            return (d_output, *d_state)
        return (d_output, d_state)[: len(rest) or 2]

    def _read_gradients(self, returned: Any, num_states: int) -> Any:
        """Return gradients as (d_x, d_h0, dict), or as they are if their form is not known."""
        names = list(self.parameters)
        if not isinstance(returned, np.ndarray | tuple | list):
            return read_named(returned, names)
        items = list(returned) if isinstance(returned, tuple | list) else [returned]
        if not all(is_float(item) or are_states(item, num_states) for item in items[:-1]):
            return returned
        last = items[-1]
        if len(items) == 1 + num_states + len(names) > 3:
            d_parameters = dict(zip(names, items[1 + num_states :], strict=True))
            items = items[: 1 + num_states]
        elif isinstance(last, dict):
            d_parameters = select_gradients(last, names) or last
            items = items[:-1]
        elif is_float(last) or are_states(last, num_states):
            d_parameters = copy.deepcopy(self._find_gradients())  # a later pass may write into them
            if not d_parameters:
                return returned
        else:
            return returned
        d_states = tuple(items[1:]) if len(items) > 2 else (*items[1:], None)[0]
        return items[0], d_states, d_parameters

    def _find_gradients(self) -> dict[str, object]:
        """Return the parameters' gradients that are in the object, by name."""
        names = list(self.parameters)
        held = [getattr(self._instance, name, None) for name in GRADIENTS]
        held = [dict(zip(names, h, strict=False)) if isinstance(h, list) else h for h in held]
        dicts = [
            select_gradients(gradients, names) for gradients in held if isinstance(gradients, dict)
        ]
        return (*dicts, select_gradients(getattr(self._instance, "__dict__", {}), names, PREFIXES))[
            0
        ]


class NumpyCell(NumpyClass):
    """A layer that calls the user's cell once for each step, and again before its `backward`."""

    def _forward(self, x: Array, state: Any = None, **more: object) -> object:
        states = state if isinstance(state, tuple) else (state,)
        outputs, steps = [], []
        for x_t in x:
            arguments = self._list_given(x_t, states)
            kept = copy.deepcopy((arguments, more))
            result = self._call(*arguments, **more)
            items = [*result] if isinstance(result, tuple | list) else [result]
            nested = items[0] if isinstance(items[0], tuple | list) else items
            rest = items[len(states) :] if nested is items else items[1:]
            states_after = tuple(nested[: len(states)])
            if [np.shape(h) for h in states_after] != [h.shape for h in states]:
                return result
            states = states_after
            outputs.append(states[0])
            steps.append(ClassTape((*rest, None)[0], bool(rest), *kept, states[0], states))
        self._findings.num_states = len(states)
        return np.stack(outputs), states if len(states) > 1 else states[0], steps

    def _backward(
        self,
        tape: list[ClassTape],
        d_output: Array | None = None,
        d_state: Array | tuple[Array, ...] | None = None,
    ) -> object:
        d_states = d_state if isinstance(d_state, tuple) else (d_state,)
        if d_state is None:
            d_states = tuple(np.zeros_like(h) for h in tape[-1].states)
        d_xs, totals = [], dict[str, Array]()
        for t, step in reversed([*enumerate(tape)]):
            d_h = d_states[0] if d_output is None else d_states[0] + d_output[t]
            for gradient in filter(is_float, self._find_gradients().values()):
                gradient[...] = 0  # the cell may add to it
            gradients = super()._backward(step, d_h, *d_states[1:])
            if not (isinstance(gradients, tuple) and isinstance(gradients[-1], dict)):
                return gradients
            d_x, d_state, d_parameters = gradients
            d_states = d_state if isinstance(d_state, tuple) else (d_state,)
            shapes = [np.shape(a) for a in (step.given[0], *step.states)]
            if [np.shape(d) for d in (d_x, *d_states)] != shapes:
                return gradients[:2]  # another form: its state may go back another way
            d_xs.append(d_x)
            totals = {name: array + totals.get(name, 0) for name, array in d_parameters.items()}
        return np.stack(d_xs[::-1]), d_states if len(d_states) > 1 else d_states[0], totals


def list_parameters(instance: object) -> list[str]:
    """Return the names of an object's arrays that may be parameters, when it has been made."""
    held = getattr(instance, "__dict__", {})
    arrays = {n: array for n, array in held.items() if n[0] != "_" and is_float(array)}

    def is_moment(name: str) -> bool:
        bases = [match[1] for pattern in MOMENTS if (match := pattern.fullmatch(name))]
        return any(n in arrays and arrays[n].shape == arrays[name].shape for n in bases)

    return [name for name in arrays if not is_moment(name)]


def select_gradients(
    values: dict[str, Any], names: list[str], prefixes: tuple[str, ...] = ("", *PREFIXES)
) -> dict[str, Any]:
    """Return the gradients by the names of the parameters, each with the first prefix that fits."""
    every = {name: [p + name for p in prefixes if p + name in values] for name in names}
    return {name: values[fitting[0]] for name, fitting in every.items() if fitting}


def read_named(returned: object, names: list[str]) -> object:
    """Return the gradients of a dict or an object, by their usual names, as (d_x, d_h0, dict).

    Without gradients of the parameters it is returned as it is.
    """
    held = returned if isinstance(returned, dict) else {}

    def take(*usual: str) -> Any:
        return next(
            (v for n in usual if (v := held.get(n, getattr(returned, n, None))) is not None), None
        )

    nested = take("parameters", "params", "grads")
    d_parameters = nested if isinstance(nested, dict) else select_gradients(held, names)
    if not d_parameters:
        return returned
    d_x, d_h0, d_c0 = take("x", "d_x", "dx"), take("h0", "d_h0", "dh0", "d_h_0", "h_0"), take("c0")
    return d_x, d_h0 if d_c0 is None else (d_h0, d_c0), d_parameters


def _put(arrays: list[Array], name: str, array: Array) -> None:
    arrays[int(name.split()[1])] = array


def is_float(value: object) -> TypeGuard[Array]:
    """Return whether a value is an array of floats."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def are_states(value: Any, num_states: int) -> bool:
    """Return whether a value is a tuple or a list of so many arrays of states."""
    is_list = isinstance(value, tuple | list) and len(value) == num_states
    return is_list and all(is_float(item) and item.ndim > 1 for item in value)
