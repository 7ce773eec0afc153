"""Properties of a recurrent layer, written once for `break`, `check` and the tests.

`break` and the catalogue's tests try them on a package, `check` on the layer of a submission, and
the tests of this project on our layers, with cases that Hypothesis draws.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison
from compare.check.cases.layer_case import SURFACE, LayerCase, make_case, random_choices
from compare.check.properties.property import Outcome, Property
from compare.parity import CELLS

Compared = Iterator[tuple[Comparison, ...]]
Holds = Callable[[Any, LayerCase], Compared]
"""A function of a layer's class and a case; yields comparisons that have to agree."""


@dataclass(frozen=True)
class LayerProperty(Property):
    """A property of each layer, and the cases for which it holds."""

    holds: Holds
    fields: Mapping[str, Any]  # fixed fields of the cases, or tuples and ranges to choose from
    cells: tuple[str, ...]
    needs: Mapping[str, Any]  # other values of fields that the property also uses
    tried: int  # number of cases of each cell that are tried on a package
    gradients: bool  # is about the backward pass alone
    again: bool  # needs a second pass, and no other feature
    of_arrays: bool  # is about the memory of NumPy's arrays
    strict: bool  # counts with --strict alone
    likely: str  # the likely mistake, where it is violated

    def outcomes(self, package: Any) -> Iterator[Outcome]:
        """Try the property on the layers of a package like scratch_rnn."""
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
    gradients: bool = False,
    again: bool = False,
    of_arrays: bool = False,
    strict: bool = False,
    likely: str = "",
    **fields: Any,
) -> Callable[[Holds], LayerProperty]:
    """Make a property of a function; `fields` are the fixed fields of its cases."""
    return lambda holds: LayerProperty(
        holds, fields, cells, needs or {}, tried, gradients, again, of_arrays, strict, likely
    )


@cache
def drawn(cell: str, number: int, fields: tuple[tuple[str, Any], ...]) -> tuple[LayerCase, ...]:
    """Draw cases, the same each time: the first half as simple as the fields allow."""
    rng = np.random.default_rng(0)
    simple = {name: values[0] if isinstance(values, tuple) else values for name, values in fields}
    simple |= {"T": range(2, 7), "B": range(2, 5), "V": range(2, 7), "H": range(2, 7)}
    simple |= {"dtype": SURFACE["dtype"], "seed": SURFACE["seed"]}
    surfaces = [simple] * (number // 2) + [SURFACE | dict(fields)] * (number // 2)
    return tuple(make_case(cell=cell, **random_choices(rng, surface)) for surface in surfaces)
