"""Cases: everything that one pass through a layer reads, made from a few small numbers.

A case is named by sizes, flags and a seed, so that it fits in one line of a failure message and
can be typed in again; the floats are drawn from the seed. `random_case` draws the numbers at
random; in the tests, Hypothesis chooses them. Nothing here knows PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from compare.check.cases.floats import GAPS, Floats, draw_floats
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
"""What each field of a case may be, the simplest first."""


@dataclass(frozen=True)
class LayerCase:
    """One pass through a layer, forward and back.

    Its repr names only what is not the simplest, and can be evaluated to the same case.
    """

    cell: str = "rnn"  # of CELLS
    T: int = 1  # steps
    B: int = 1  # sequences of the batch
    V: int = 1  # features of each x_t
    H: int = 1  # hidden units
    L: int = 1  # layers
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0  # above 0, masks are given
    bidirectional: bool = False
    projected: bool = False  # each h to half of the units
    unbatched: bool = False
    one_hot: bool = False  # x are integers
    h0: bool = True  # whether it is given, and c0
    lengths: bool = False  # whether they are given
    upstream: str = "both"  # which gradients are: "output", "h_n" (and c_n) or both
    gain: float = 1.0  # largest singular value of each gate's W_hh
    saturated: bool = False  # half of the units far out on tanh's arms, or never or always on
    rounded: bool = False  # floats are quarters, for reading
    dtype: str = "float32"
    precision: str = ""  # of GAPS: of arithmetic on float32 that is coarser
    one_bias: bool = False  # b_hh is zero
    seed: int = 0

    def __repr__(self) -> str:
        """Name what isn't the default."""
        values = [(field, getattr(self, field.name)) for field in fields(self)]
        special = [f"{f.name}={v!r}" for f, v in values if f.default is MISSING or v != f.default]
        return f"LayerCase({', '.join(special)})"

    @property
    def D(self) -> int:
        """Directions."""
        return 2 if self.bidirectional else 1

    @property
    def G(self) -> int:
        """Gates."""
        return CELLS[self.cell].num_gates

    @property
    def P(self) -> int:
        """Units of a projection; 0 if there is none."""
        return (self.H + 1) // 2 if self.projected else 0

    @property
    def R(self) -> int:
        """Units of h."""
        return self.P or self.H

    @property
    def torch_name(self) -> str:
        """What torch calls the layer."""
        return f"nn.{CELLS[self.cell].layer}"

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the constructor, named as in nn.RNN; those of the simplest case left out."""
        options: dict[str, Any] = {"input_size": self.V, "hidden_size": self.H}
        defaults = {
            "num_layers": (self.L, 1),
            "nonlinearity": (self.nonlinearity, "tanh"),
            "bias": (self.bias, True),
            "batch_first": (self.batch_first, False),
            "dropout": (self.dropout, 0.0),
            "bidirectional": (self.bidirectional, False),
            "proj_size": (self.P, 0),
        }
        return options | {name: v for name, (v, default) in defaults.items() if v != default}

    @property
    def gaps(self) -> int:
        """How many gaps of the dtype lie between two numbers of the arithmetic."""
        return GAPS.get(self.precision, 1)

    @cached_property
    def floats(self) -> Floats:
        """Everything that is drawn from the seed. Read it, never write to it."""
        return draw_floats(self)

    def given(self, **changes: Any) -> LayerCase:
        """Return the case with some floats exchanged for others."""
        return self.with_floats(replace(self.floats, **changes))

    def with_floats(self, floats: Floats) -> LayerCase:
        """Return the case with these floats instead of those that its seed stands for."""
        other = replace(self)
        other.__dict__["floats"] = floats
        return other

    @property
    def batch_axis(self) -> int:
        """The batch's axis in x and output."""
        return 0 if self.batch_first else 1

    @property
    def time_axis(self) -> int:
        """The steps' axis in x and output."""
        return 1 if self.batch_first and not self.unbatched else 0

    def describe(self) -> str:
        """Say in words what is special about the case."""
        words = [f"T {self.T}", "no batch" if self.unbatched else f"B {self.B}"]
        words += [f"V {self.V}", f"H {self.H}", self.cell if self.cell != "rnn" else ""]
        words += [f"{self.L} layers" if self.L > 1 else ""]
        words += [
            name for name in ("bidirectional", "batch_first", "projected") if vars(self)[name]
        ]
        words += [self.nonlinearity if self.cell == "rnn" else "", "" if self.bias else "no bias"]
        words += ["token numbers" if self.one_hot else "", "saturated" if self.saturated else ""]
        if self.floats.lengths is not None:
            words.append(f"lengths {self.floats.lengths.tolist()}")
        words += ["dropout" if self.dropout else "", self.precision or self.dtype]
        return ", ".join(filter(None, words))


def make_case(**choices: Any) -> LayerCase:
    """Return the case of these choices, those taken back that don't go with each other."""
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


def with_cell(case: LayerCase, cell: str) -> LayerCase:
    """Return the case with this cell, and without what the cell has not."""
    if cell == case.cell:
        return case
    return make_case(**{f.name: getattr(case, f.name) for f in fields(case)} | {"cell": cell})


def random_case(rng: np.random.Generator, **fixed: Any) -> LayerCase:
    """Draw a case without Hypothesis; `fixed` are values, or tuples and ranges to choose from."""
    return make_case(**random_choices(rng, SURFACE | fixed))


def random_choices(rng: np.random.Generator, surface: Mapping[str, Any]) -> dict[str, Any]:
    """Choose a value for each field."""
    return {
        name: values[rng.integers(len(values))] if isinstance(values, tuple | range) else values
        for name, values in surface.items()
    }
