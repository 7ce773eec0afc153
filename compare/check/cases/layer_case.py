"""Cases: everything that one pass through a layer reads, made from a few small numbers.

A case consists of sizes, flags and a seed. So it fits in one line of a failure message and can be
typed in again; its floats are drawn from the seed. `random_case` draws sizes and flags at random;
in the tests, Hypothesis chooses them. Nothing here imports PyTorch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from compare.check.cases.floats import Floats, draw_floats
from compare.check.cases.layer_fields import LayerFields
from compare.parity import CELLS

SURFACE: dict[str, Sequence[Any]] = {
    "T": range(1, 7),
    "B": range(1, 4),
    "V": range(1, 6),
    "H": (1, 2, 3, 4, 5, 8, 16),
    "L": (1, 2, 3),
    "nonlinearity": ("tanh", "relu"),
    "bias": (True, False),
    "batch_first": (False, True),
    "dropout": (0.0, 0.5, 0.25),
    "bidirectional": (False, True),
    "projected": (False, True),
    "unbatched": (False, False, True),
    "one_hot": (False, True),
    "h0": (True, False),
    "lengths": (False, True),
    "upstream": ("both", "output", "h_n"),
    "gain": (1.0, 0.0, 0.5, 1.5, 2.0),
    "saturated": (False, True),
    "rounded": (True, False, False, False),
    "dtype": ("float32", "float64"),
    "seed": range(1_000_000),
}
"""The values of each field of a case, the simplest first."""


@dataclass(frozen=True, repr=False)
class LayerCase(LayerFields):
    """One pass through a layer, forward and backward.

    Its repr can be evaluated to the same case.
    """

    @cached_property
    def floats(self) -> Floats:
        """The floats, drawn from the seed. Never write to them."""
        return draw_floats(self)

    def given(self, **changes: Any) -> Self:
        """Return the case with some floats replaced."""
        return self.with_floats(replace(self.floats, **changes))

    def with_floats(self, floats: Floats) -> Self:
        """Return the case with these floats instead of its own."""
        other = replace(self)
        other.__dict__["floats"] = floats
        return other

    def describe(self) -> str:
        """Describe the case in words."""
        words = [f"T {self.T}", "no batch" if self.unbatched else f"B {self.B}"]
        words += [f"V {self.V}", f"H {self.H}", self.cell if self.cell != "rnn" else ""]
        words += [f"{self.L} layers" if self.L > 1 else ""]
        words += [
            name for name in ("bidirectional", "batch_first", "projected") if vars(self)[name]
        ]
        words += [self.nonlinearity if self.cell == "rnn" else "", "" if self.bias else "no bias"]
        words += ["token numbers" if self.one_hot else "", "saturated" if self.saturated else ""]
        words += [self.values]
        if self.floats.lengths is not None:
            words.append(f"lengths {self.floats.lengths.tolist()}")
        words += ["dropout" if self.dropout else "", self.precision or self.dtype]
        return ", ".join(filter(None, words))


def make_case(**choices: Any) -> LayerCase:
    """Return the case of these choices, without those that exclude each other."""
    if choices.get("unbatched"):
        choices |= {"B": 1, "lengths": False}
    if choices.get("L", 1) == 1:
        choices |= {"dropout": 0.0}
    cell = CELLS[choices.get("cell", "rnn")]
    if choices.get("nonlinearity", "tanh") not in cell.nonlinearities:
        choices |= {"nonlinearity": "tanh"}
    if choices.get("projected") and (not cell.has_projection or choices.get("H", 1) == 1):
        choices |= {"projected": False}
    return LayerCase(**choices)


def random_case(rng: np.random.Generator, **fixed: Any) -> LayerCase:
    """Draw a case without Hypothesis; `fixed` are values, or tuples and ranges to choose from."""
    return make_case(**random_choices(rng, SURFACE | fixed))


def random_choices(rng: np.random.Generator, surface: Mapping[str, Any]) -> dict[str, Any]:
    """Choose a value for each field."""
    return {
        name: values[rng.integers(len(values))] if isinstance(values, tuple | range) else values
        for name, values in surface.items()
    }
