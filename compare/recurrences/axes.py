"""The axes of an array: which one is time, which one the batch, and how long the others are.

Inside this package a sequence is (T, B, …) and a state (B, …), whatever order an author prefers.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from compare.implementations import Array as NumpyArray

Array = Any  # of NumPy, PyTorch or JAX
Arrays = dict[str, NumpyArray]

Axes = tuple[str | int, ...]
"""An axis is T, B, or the length that it has in each call. Time and batch may be joined in one."""

JOINED = ("TB", "BT")
"""An axis of T times B rows: all sequences of the first step come first, or all steps of one."""

Path = tuple[object, ...]
"""The place of an array in a result: keys, indices and names of fields."""


class Sizes(NamedTuple):
    """The sizes of a call. They all differ, so that the shape of a result tells its axes."""

    T: int = 11
    B: int = 5  # no multiple of a number of gates: a batch may not be cut into these
    V: int = 7
    H: int = 8
    image: tuple[int, int] = (9, 13)  # of the frames of a convolution


def measure(array: Array, sizes: Sizes, leading: str) -> Axes:
    """Return the axes of an array; `leading` are the letters that it may have."""
    letters = {getattr(sizes, letter): letter for letter in leading}
    return tuple(letters.pop(length, length) for length in map(int, array.shape))


def fill_axes(axes: Axes, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape for these sizes."""
    return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in axes)


def list_features(axes: Axes) -> tuple[int, ...]:
    """Return the lengths of the axes that are neither time nor batch."""
    return tuple(axis for axis in axes if isinstance(axis, int))


def move_to_front(array: Array, axes: Axes, library: ModuleType) -> Array:
    """Return an array with time and batch first."""
    leading = [axes.index(letter) for letter in "TB" if letter in axes]
    return library.moveaxis(array, tuple(leading), tuple(range(len(leading))))


def move_back(array: Array, axes: Axes, library: ModuleType) -> Array:
    """Return an array of (T, B, …) with the axes of its author."""
    leading = [axes.index(letter) for letter in "TB" if letter in axes]
    return library.moveaxis(array, tuple(range(len(leading))), tuple(leading))


def describe_axes(axes: Axes, sizes: Sizes) -> str:
    """Return axes in letters, as ``(T, B, V)``."""
    names = {sizes.V: "V", sizes.H: "H", sizes.image[0]: "rows", sizes.image[1]: "columns"}
    names |= {n * sizes.H: f"{n} H" for n in (2, 3, 4)}
    words = [axis if isinstance(axis, str) else names.get(axis, str(axis)) for axis in axes]
    return f"({', '.join(words)}{',' * (len(words) == 1)})"


class Leaf:
    """Takes the place of an array in the structure of a state."""


LEAF = Leaf()


def is_array(value: object) -> bool:
    """Return whether a value is an array of floats."""
    return hasattr(value, "shape") and "float" in str(getattr(value, "dtype", ""))


def to_numpy(array: Array) -> NumpyArray:
    """Return an array as one of NumPy, which shares no memory with it."""
    return np.array(array.detach().cpu().numpy() if hasattr(array, "detach") else array)


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Array]]:
    """Yield the arrays in tuples, lists, dicts and records, each with its place."""
    if is_array(value):
        yield path, value
        return
    for key, item in _list_items(value):
        yield from walk(item, (*path, key))


def take(value: Any, path: Path) -> Any:
    """Return the part of a value at a place."""
    for key in path:
        value = dict(_list_items(value))[key]
    return value


def list_steps(value: Any, T: int) -> list[Array]:
    """Return the T steps that a list holds, or a dict by their numbers; none if they are others."""
    if isinstance(value, dict):
        return [value[t] for t in range(T)] if {*range(T)} <= {*value} and T not in value else []
    return [*value] if isinstance(value, list | tuple) and len(value) == T else []


def rebuild(value: Any, leaves: Iterator[Array]) -> Any:
    """Return a value of the same structure with other arrays in the place of its own."""
    if is_array(value) or value is LEAF:
        return next(leaves)
    if isinstance(value, dict):
        return {key: rebuild(item, leaves) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(rebuild(item, leaves) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(rebuild(item, leaves) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        items = {key: rebuild(item, leaves) for key, item in _list_items(value)}
        return type(value)(**items)
    return value


def make_structure(value: Any) -> Any:
    """Return a value with a mark in the place of each array."""
    return rebuild(value, iter([LEAF] * len([*walk(value)])))


def _list_items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return [*value.items()]
    if isinstance(value, tuple | list):
        return [*enumerate(value)]
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return [(name, getattr(value, name)) for name in value.__dataclass_fields__]
    return []
