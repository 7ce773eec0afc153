"""Cases: everything that one pass through a layer reads, made from a few small numbers.

A case consists of sizes, flags and a seed. So it fits in one line of a failure message and can be
typed in again; its floats are drawn from the seed. `random_case` draws sizes and flags at random;
in the tests, Hypothesis chooses them. Nothing here imports PyTorch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from compare.check.cases.boundaries import CASES
from compare.check.cases.floats import Floats, draw_floats
from compare.check.cases.results import in_float64
from compare.implementations import CELLS

GAPS = {"float16": 2**13, "bfloat16": 2**16, "tf32": 2**13}
"""How many float32 ulps fit into one ulp of a coarser arithmetic."""

Surface = Mapping[str, Sequence[object]]
"""The values of a case's fields that may be drawn, by the names of the fields."""

SURFACE: dict[str, Sequence[object]] = {n: tuple(values) for n, values in CASES["surface"].items()}
SURFACE["seed"] = range(1_000_000)
"""The values of each field of a case, the simplest first."""


@dataclass(frozen=True, repr=False)
class LayerCase:
    """One pass through a layer, forward and backward; its repr evaluates to the same case."""

    cell: str = "rnn"  # of CELLS
    T: int = 1  # steps
    B: int = 1  # sequences of the batch
    V: int = 1  # features of each x_t
    H: int = 1  # hidden units
    L: int = 1  # layers
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0  # above 0: with masks
    bidirectional: bool = False
    projected: bool = False  # h has half of the units
    unbatched: bool = False
    one_hot: bool = False  # x are integers
    h0: bool = True  # whether h0 (and c0) is given
    lengths: bool = False  # whether lengths are given
    upstream: str = "both"  # the given gradients: of "output", of "h_n" (and c_n), or both
    gain: float = 1.0  # largest singular value of each gate's W_hh
    saturated: bool = False  # half of the units, or with ReLU always on or always off
    values: str = ""  # one of VALUES, in `compare.check.cases.boundaries`
    rounded: bool = False  # floats are multiples of 1/4, for reading
    dtype: str = "float32"
    precision: str = ""  # one of GAPS: a coarser arithmetic on float32
    one_bias: bool = False  # b_hh is zero
    seed: int = 0
    own_floats: Floats | None = field(default=None, repr=False, compare=False)  # not drawn

    def __repr__(self) -> str:
        values = [(each, getattr(self, each.name)) for each in fields(self) if each.repr]
        special = [f"{each.name}={v!r}" for each, v in values if v != each.default]
        return f"{type(self).__name__}({', '.join(special)})"

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
    def options(self) -> dict[str, Any]:
        """Arguments of the constructor, named as in nn.RNN, without defaults."""
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
        """How many ulps of the dtype fit into one ulp of the arithmetic."""
        return GAPS.get(self.precision, 1)

    @property
    def batch_axis(self) -> int:
        """Axis of the batch in x and output."""
        return 0 if self.batch_first else 1

    @property
    def time_axis(self) -> int:
        """Axis of the time steps in x and output."""
        return 1 if self.batch_first and not self.unbatched else 0

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

    def given(self, **changes: Any) -> Self:
        """Return the case with some floats replaced."""
        return self.with_floats(replace(self.floats, **changes))

    def with_floats(self, floats: Floats) -> Self:
        """Return the case with these floats instead of its own."""
        return replace(self, own_floats=floats)

    def in_float64(self) -> Self:
        """Return the case in float64, with the same values."""
        exact = replace(self, dtype="float64", precision="")
        return exact.with_floats(replace(self.floats, **in_float64(vars(self.floats))))

    def describe(self) -> str:
        """Describe the case in words."""
        words = [f"T {self.T}", "no batch" if self.unbatched else f"B {self.B}"]
        words += [f"V {self.V}", f"H {self.H}", self.cell if self.cell != "rnn" else ""]
        words += [f"{self.L} layers" if self.L > 1 else ""]
        words += [n for n in ("bidirectional", "batch_first", "projected") if vars(self)[n]]
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
