"""What holds a recurrence and its parameters: a module, an object of NumPy, or a function.

A holder calls the author's code with parameters that are passed, in the library of its arrays.
"""

import copy
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch

from compare.forms import Method
from compare.recurrences.axes import Array, Arrays, is_array, rebuild, to_numpy, walk

MOST_DEEP = 4  # objects within objects that hold parameters


class Holder(Protocol):
    """Calls the author's code."""

    target: Any  # the object or the function
    parameters: Arrays  # as the author initialises them
    taken: Collection[str]  # the arguments that the holder passes itself

    @property
    def library(self) -> ModuleType:
        """NumPy, PyTorch or JAX."""

    def reset(self) -> None:
        """Forget what calls have set in the object."""

    def call(
        self, method: str, parameters: Mapping[str, Array], args: Sequence[Any], named: Any
    ) -> Any:
        """Return the result of a method with these parameters."""


@contextmanager
def default_dtype(parameters: Mapping[str, Array]) -> Iterator[None]:
    """Let PyTorch make arrays of the parameters' dtype, as a state of zeros in a call."""
    usual = torch.get_default_dtype()
    for like in [p for p in parameters.values() if isinstance(p, torch.Tensor)][:1]:
        torch.set_default_dtype(like.dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


class ModuleHolder:
    """A PyTorch module, in evaluation mode."""

    library = torch
    taken: Collection[str] = ()  # no arguments

    def __init__(self, module: torch.nn.Module) -> None:
        self.target = module.eval()
        self._held = {**vars(module)}
        self._methods: dict[str, Method] = {}
        self.parameters = {n: p.detach().double().numpy() for n, p in module.named_parameters()}

    def call(
        self, method: str, parameters: Mapping[str, Array], args: Sequence[Any], named: Any
    ) -> Any:
        """Return the result of a method with these parameters."""
        called = self._methods.setdefault(method, Method(self.target, method))
        with default_dtype(parameters):
            return called.call_with(parameters, args, named)

    def reset(self) -> None:
        """Forget what calls have set in the module."""
        restore(self.target, self._held)


class ObjectHolder:
    """An object of NumPy; its parameters are the arrays that its constructor leaves in it."""

    library = np
    taken: Collection[str] = ()  # no arguments

    def __init__(self, target: object) -> None:
        self.target = target
        self.pristine = copy.deepcopy(target)  # before its first call
        self._held = {**vars(target)}
        self._places = [*list_arrays(target)]
        arrays = {name: array for name, _, _, array in reversed(self._places)}
        self.parameters = {name: np.array(a, np.float64) for name, a in reversed(arrays.items())}

    def call(
        self, method: str, parameters: Mapping[str, Array], args: Sequence[Any], named: Any
    ) -> Any:
        """Return the result of a method, after these parameters are put where its own were."""
        self.put(parameters)
        return getattr(self.target, method)(*args, **named)

    def reset(self) -> None:
        """Forget what calls have set in the object."""
        restore(self.target, self._held)

    def drop(self, names: Collection[str]) -> None:
        """Leave out arrays that are no parameters, as what a call writes.

        A second place of an array stays: it is put where the first one is.
        """
        first = {id(array): name for name, _, _, array in reversed(self._places)}
        self._places = [place for place in self._places if first[id(place[3])] not in names]
        self.parameters = {n: a for n, a in self.parameters.items() if n not in names}

    def put(self, parameters: Mapping[str, Array]) -> None:
        """Put parameters where the author's were; one array in two places stays one."""
        by_array = {id(array): name for name, _, _, array in reversed(self._places)}
        for _, container, key, array in self._places:
            value = parameters.get(by_array[id(array)])
            if value is not None:
                container[key] = value


def restore(target: object, held: Mapping[str, Any]) -> None:
    """Give an object the attributes that it had."""
    attributes = vars(target)
    attributes.clear()
    attributes.update(held)


def list_arrays(
    target: Any, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield each array in an object: its name, the dict or list that holds it, and its key."""
    held = target if isinstance(target, dict | list) else getattr(target, "__dict__", None)
    if held is None or depth > MOST_DEEP or isinstance(target, type | ModuleType):
        return
    for key, value in [*(enumerate(held) if isinstance(held, list) else held.items())]:
        name = f"{prefix}{key}"
        if is_array(value) and isinstance(value, np.ndarray):
            yield name, held, key, value
        elif isinstance(value, dict | list) or type(value).__module__ == type(target).__module__:
            yield from list_arrays(value, f"{name}.", depth + 1)


class FunctionHolder:
    """A function. `own` are its arguments that are parameters: arrays, or structures of these."""

    def __init__(
        self, function: Callable[..., Any], own: Mapping[str, Any], library: ModuleType
    ) -> None:
        self.target, self._own, self._library = function, own, library
        self.taken: Collection[str] = tuple(own)
        names = inspect.signature(function).parameters
        self._others = [name for name in names if name not in own]
        self.parameters = {
            ".".join(map(str, path)): np.array(to_numpy(array), np.float64)
            for path, array in walk(dict(own))
        }

    @property
    def library(self) -> ModuleType:
        """The library whose arrays the function takes."""
        return self._library

    def reset(self) -> None:
        """Do nothing: a function keeps nothing."""

    def call(
        self, method: str, parameters: Mapping[str, Array], args: Sequence[Any], named: Any
    ) -> Any:
        """Return the result of the function."""
        own = rebuild(dict(self._own), (parameters[name] for name in self.parameters))
        with default_dtype(parameters):
            return self.target(**dict(zip(self._others, args, strict=False)), **named, **own)
