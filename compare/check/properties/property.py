"""A property: what holds for every correct layer, for any weights."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compare.check.cases.layer_case import LayerCase
from compare.implementations import CELLS, LayerClass
from compare.parity import Comparison


class NotTried(Exception):
    """A property cannot be tried on this layer, for the reason in the message."""


class NotPromised(NotTried):
    """The layer lacks the feature that a property is about, and need not have it."""


Compared = Iterator[tuple[Comparison, ...]]
Holds = Callable[[LayerClass, LayerCase], Compared]  # the comparisons have to agree


@dataclass(frozen=True)
class LayerProperty:
    """A property of each layer, and the cases for which it holds.

    The name of its function names it, and the first line of the docstring states it.
    """

    holds: Holds
    fields: Mapping[str, object]  # fixed fields of the cases, or tuples and ranges to choose from
    cells: tuple[str, ...] = tuple(CELLS)
    needs: Mapping[str, object] = field(default_factory=dict)  # other values that it also uses
    gradients: bool = False  # is about the backward pass alone
    again: bool = False  # needs a second pass, and no other feature
    of_arrays: bool = False  # is about the memory of NumPy's arrays
    long: bool = False  # is tried on a long sequence, too: features alone do not show it there
    strict: bool = False  # counts with --strict alone
    likely: str = ""  # the likely mistake, where it is violated

    @property
    def name(self) -> str:
        """Two or three words: the function's name."""
        return self.holds.__name__.replace("_", " ")


def layer_property(**options: Any) -> Callable[[Holds], LayerProperty]:
    """Make a property of a function; `options` are attributes and fixed fields of its cases."""
    attributes = {
        name: options.pop(name) for name in LayerProperty.__annotations__ if name in options
    }
    return lambda holds: LayerProperty(holds, options, **attributes)


def collect_properties(names: Mapping[str, object]) -> tuple[LayerProperty, ...]:
    """Return the properties of a module, in the order of their definition."""
    return tuple(value for value in names.values() if isinstance(value, LayerProperty))
