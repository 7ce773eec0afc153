"""A law: what holds for each recurrent layer, whatever its weights; stated once, used by all.

`break` and the catalogue's tests try the properties on a package, `check` on a submission's layer, and the
tests of this project on our own, with cases that Hypothesis draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison, Outcome
from compare.check.cases.layer_case import SURFACE, LayerCase, make_case, random_choices
from compare.parity import CELLS

Compared = Iterator[tuple[Comparison, ...]]
Holds = Callable[[Any, LayerCase], Compared]
"""Yields for a layer's class and a case what is to be equal, tensor by tensor."""


@dataclass(frozen=True)
class LayerProperty:
    """A law, and the cases that it is about."""

    holds: Holds
    fields: Mapping[str, Any]
    cells: tuple[str, ...]
    needs: Mapping[str, Any]  # other values of fields that the law tries, too
    tried: int  # cases of each cell on which a package is tried
    near: bool  # needs the layer in this process: arrays from another one are copies
    gradients: bool  # says nothing of the forward pass
    again: bool  # asks for a second pass, and for no other feature

    @property
    def name(self) -> str:
        """What it is called, in two or three words."""
        return self.holds.__name__.replace("_", " ")

    @property
    def statement(self) -> str:
        """The law as an order to the layer: the first line of its docstring."""
        return (self.holds.__doc__ or "").partition("\n")[0]

    def outcomes(self, package: Any) -> Iterator[Outcome]:
        """Yield what comes of each case, for the layers of a package like scratch_rnn."""
        fields = tuple(self.fields.items())
        for cases in zip(*(drawn(cell, self.tried, fields) for cell in self.cells), strict=True):
            for case in cases:
                layer_class = getattr(package, CELLS[case.cell].layer)
                for comparisons in self.holds(layer_class, case):
                    yield Outcome(case.describe(), comparisons)


def layer_property(
    *,
    cells: tuple[str, ...] = tuple(CELLS),
    needs: Mapping[str, Any] | None = None,
    tried: int = 4,
    near: bool = False,
    gradients: bool = False,
    again: bool = False,
    **fields: Any,
) -> Callable[[Holds], LayerProperty]:
    """Make a law of a function; fields are those of the case that are settled."""
    return lambda holds: LayerProperty(
        holds, fields, cells, needs or {}, tried, near, gradients, again
    )


def properties_of(names: Mapping[str, Any]) -> tuple[LayerProperty, ...]:
    """Return the properties of a module, in the order in which they are written."""
    return tuple(value for value in names.values() if isinstance(value, LayerProperty))


@cache
def drawn(cell: str, number: int, fields: tuple[tuple[str, Any], ...]) -> tuple[LayerCase, ...]:
    """Draw cases, the same each time: the first half as simple as the fields allow."""
    rng = np.random.default_rng(0)
    simple = {name: values[0] if isinstance(values, tuple) else values for name, values in fields}
    simple |= {"T": range(2, 7), "B": range(2, 5), "V": range(2, 7), "H": range(2, 7)}
    simple |= {"dtype": SURFACE["dtype"], "seed": SURFACE["seed"]}
    surfaces = [simple] * (number // 2) + [SURFACE | dict(fields)] * (number // 2)
    return tuple(make_case(cell=cell, **random_choices(rng, surface)) for surface in surfaces)
