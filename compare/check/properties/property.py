"""A property: what holds for every correct layer, model or training, for any weights."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from compare.check.cases.layer_case import SURFACE, LayerCase, make_case, random_choices
from compare.implementations import CELLS, LayerClass, Package
from compare.parity import Comparison


class NotTried(Exception):
    """A property cannot be tried on this layer, and why."""


class NotPromised(NotTried):
    """A layer does not have what the property is about, and need not have it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one case: its comparisons, or a complaint in words."""

    case: str  # in words
    comparisons: tuple[Comparison, ...] = ()
    complaint: str = ""  # "what: expected …, got …"; empty if there is none


@dataclass(frozen=True)
class Property:
    """A property; its function's name and docstring describe it."""

    holds: Callable[..., Iterator[Any]]

    @property
    def name(self) -> str:
        """Two or three words: the function's name."""
        return self.holds.__name__.replace("_", " ")

    @property
    def statement(self) -> str:
        """The property in a sentence: the first line of the function's docstring."""
        return (self.holds.__doc__ or "").partition("\n")[0]

    def outcomes(self, package: Package) -> Iterator[Outcome]:
        """Try the property on a package like scratch_rnn; yield the outcome of each case."""
        yield from self.holds(package)


def collect_properties(names: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the properties of a module, in the order of their definition."""
    return tuple(value for value in names.values() if isinstance(value, Property))


@dataclass(frozen=True, slots=True)
class Finding:
    """The first case that violates a property."""

    violated: Property
    cases: int  # number of cases up to this one
    case: str
    tensor: str
    step: int | None  # counted from 1
    detail: str
    comparisons: tuple[Comparison, ...] = ()  # all tensors of the case


Compared = Iterator[tuple[Comparison, ...]]
Holds = Callable[[LayerClass, LayerCase], Compared]  # the comparisons have to agree


@dataclass(frozen=True)
class LayerProperty(Property):
    """A property of each layer, and the cases for which it holds."""

    holds: Holds
    fields: Mapping[str, Any]  # fixed fields of the cases, or tuples and ranges to choose from
    cells: tuple[str, ...] = tuple(CELLS)
    needs: Mapping[str, Any] = field(default_factory=dict)  # other values that it also uses
    tried: int = 4  # number of cases of each cell that are tried on a package
    gradients: bool = False  # is about the backward pass alone
    again: bool = False  # needs a second pass, and no other feature
    of_arrays: bool = False  # is about the memory of NumPy's arrays
    long: bool = False  # is tried on a long sequence, too: features alone do not show it there
    strict: bool = False  # counts with --strict alone
    likely: str = ""  # the likely mistake, where it is violated

    def outcomes(self, package: Package) -> Iterator[Outcome]:
        """Try the property on the layers of a package like scratch_rnn."""
        fields = tuple(self.fields.items())
        for cases in zip(
            *(draw_cases(cell, self.tried, fields) for cell in self.cells), strict=True
        ):
            for case in cases:
                layer_class = getattr(package, CELLS[case.cell].layer)
                for comparisons in self.holds(layer_class, case):
                    yield Outcome(case.describe(), comparisons)


def layer_property(**given: Any) -> Callable[[Holds], LayerProperty]:
    """Make a property of a function: `given` are its attributes, and fixed fields of its cases."""
    own = {name: given.pop(name) for name in LayerProperty.__annotations__ if name in given}
    return lambda holds: LayerProperty(holds, given, **own)


@cache
def draw_cases(
    cell: str, number: int, fields: tuple[tuple[str, Any], ...]
) -> tuple[LayerCase, ...]:
    """Draw cases, the same each time: the first half as simple as the fields allow."""
    rng = np.random.default_rng(0)
    simple = {name: values[0] if isinstance(values, tuple) else values for name, values in fields}
    simple |= {"T": range(2, 7), "B": range(2, 5), "V": range(2, 7), "H": range(2, 7)}
    simple |= {"dtype": SURFACE["dtype"], "seed": SURFACE["seed"]}
    surfaces = [simple] * (number // 2) + [SURFACE | dict(fields)] * (number // 2)
    return tuple(make_case(cell=cell, **random_choices(rng, surface)) for surface in surfaces)
