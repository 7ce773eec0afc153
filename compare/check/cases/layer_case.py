"""Cases: everything that one pass through a layer reads, made from a few small numbers.

A case consists of sizes, flags and a seed. So it fits in one line of a failure message and can be
typed in again; its floats are drawn from the seed. `draw_case` draws sizes and flags at random;
in the tests, Hypothesis chooses them. Nothing here imports PyTorch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from compare.check.cases.boundaries import CASES
from compare.check.cases.choices import Choices
from compare.check.cases.floats import Floats, convert_to_float64, draw_floats
from compare.check.cases.levels import describe_levels, pick_levels
from compare.implementations import CELLS

Surface = Mapping[str, Sequence[object]]
"""The values of a case's fields that may be drawn, by the names of the fields."""

SURFACE: dict[str, Sequence[object]] = {n: tuple(values) for n, values in CASES["surface"].items()}
SURFACE["seed"] = range(1_000_000)
"""The values of each field of a case, the simplest first."""


@dataclass(frozen=True, repr=False)
class LayerCase(Choices):
    """One pass through a layer, forward and backward; its repr evaluates to the same case."""

    own_floats: Floats | None = field(default=None, repr=False, compare=False)  # not drawn

    def __repr__(self) -> str:
        values = [(spec, getattr(self, spec.name)) for spec in fields(self) if spec.repr]
        special = [f"{spec.name}={value!r}" for spec, value in values if value != spec.default]
        return f"{type(self).__name__}({', '.join(special)})"

    @property
    def floats(self) -> Floats:
        """The floats, which equal cases share. Never write to them."""
        return draw_floats(self) if self.own_floats is None else self.own_floats

    @property
    def largest(self) -> float:
        """The largest magnitude of a float in it."""
        floats = self.floats
        arrays = [floats.x, floats.h0, floats.c0, *floats.parameters.values()]
        return max(float(np.abs(a).max()) for a in arrays if a is not None and a.size)

    @property
    def argument_levels(self) -> dict[str, str]:
        """The level of each argument that the cell has."""
        cell = CELLS[self.cell]
        upstream = ("d_output", *(f"d_{state}_n" for state in cell.layer_states))
        names = ("x", *cell.layer_states, *cell.weights, *upstream)
        return pick_levels(self.levels, {name: name for name in names})

    def replace_arrays(self, **changes: Any) -> Self:
        """Return the case with some floats replaced."""
        return self.attach_floats(replace(self.floats, **changes))

    def attach_floats(self, floats: Floats) -> Self:
        """Return the case with these floats instead of its own."""
        return replace(self, own_floats=floats)

    def convert_to_float64(self) -> Self:
        """Return the case in float64, with the same values."""
        exact = replace(self, dtype="float64", precision="")
        return exact.attach_floats(replace(self.floats, **convert_to_float64(vars(self.floats))))

    def describe(self) -> str:
        """Describe the case in words."""
        phrases = [f"T {self.T}", "no batch" if self.unbatched else f"B {self.B}"]
        phrases += [f"V {self.V}", f"H {self.H}", self.cell if self.cell != "rnn" else ""]
        phrases += [f"{self.L} layers" if self.L > 1 else ""]
        phrases += [n for n in ("bidirectional", "batch_first", "projected") if vars(self)[n]]
        phrases += [self.nonlinearity if self.cell == "rnn" else "", "" if self.bias else "no bias"]
        phrases += ["token numbers" if self.one_hot else "", "saturated" if self.saturated else ""]
        phrases += [describe_levels(self.argument_levels)]
        if self.floats.lengths is not None:
            phrases.append(f"lengths {self.floats.lengths.tolist()}")
        phrases += ["dropout" if self.dropout else "", self.precision or self.dtype]
        return ", ".join(filter(None, phrases))


def make_case(**choices: Any) -> LayerCase:
    """Return the case of these choices, without those that exclude each other."""
    if choices.get("unbatched"):
        choices |= {"B": 1, "lengths": False}
    if choices.get("L", 1) == 1:
        choices |= {"dropout": 0.0}
    cell = CELLS[choices.get("cell", "rnn")]
    if cell.is_one_layer:
        choices |= {"L": 1, "dropout": 0.0, "bidirectional": False, "lengths": False}
    if choices.get("nonlinearity", "tanh") not in cell.nonlinearities:
        choices |= {"nonlinearity": "tanh"}
    if choices.get("projected") and (not cell.has_projection or choices.get("H", 1) == 1):
        choices |= {"projected": False}
    return LayerCase(**choices)


def draw_case(rng: np.random.Generator, **fixed: object) -> LayerCase:
    """Draw a case without Hypothesis; `fixed` are values, or tuples and ranges to choose from."""
    return make_case(**draw_choices(rng, SURFACE | fixed))


def draw_choices(rng: np.random.Generator, surface: Mapping[str, object]) -> dict[str, object]:
    """Choose a value for each field."""
    return {
        name: values[rng.integers(len(values))] if isinstance(values, tuple | range) else values
        for name, values in surface.items()
    }
