"""The choices of a case: sizes, flags and a seed, from which its floats are drawn."""

from dataclasses import dataclass

from compare.check.cases.levels import Levels
from compare.implementations import CELLS, INITIAL, LAST, LAST_CELL, STATE_GRADIENT

GAPS = {"float16": 2**13, "bfloat16": 2**16, "tf32": 2**13}
"""The number of float32 ulps in one ulp of a coarser arithmetic."""

INITIAL_STATES = ("gradient of h0", "gradient of c0")
RESULTS = {
    INITIAL: INITIAL_STATES,
    STATE_GRADIENT: INITIAL_STATES,
    LAST: ("h_n", "c_n"),
    LAST_CELL: ("c_n",),
}
"""The results of a layer that are missing with each thing that it lacks."""


@dataclass(frozen=True, repr=False)
class Choices:
    """The sizes, flags and seed that decide all floats of one pass through a layer."""

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
    projected: bool | int = False  # h has half of the units, or so many
    unbatched: bool = False
    one_hot: bool = False  # x are integers
    h0: bool = True  # whether h0 (and c0) is given
    lengths: bool = False  # whether lengths are given
    upstream: str = "both"  # the given gradients: of "output", of "h_n" (and c_n), or both
    gain: float = 1.0  # largest singular value of each gate's W_hh
    saturated: bool = False  # half of the units, or with ReLU always on or always off
    levels: Levels = ()  # of its arguments, by `compare.check.cases.levels`
    rounded: bool = False  # floats are multiples of 1/4, for reading
    dtype: str = "float32"
    precision: str = ""  # one of GAPS: a coarser arithmetic on float32
    one_bias: bool = False  # b_hh is zero
    lacks: frozenset[str] = frozenset()  # what the layer does not have, such as biases
    seed: int = 0

    @property
    def absent(self) -> frozenset[str]:
        """The results that the layer need not have."""
        return frozenset(name for lack in self.lacks for name in RESULTS.get(lack, ()))

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
        return (self.H + 1) // 2 if self.projected is True else int(self.projected)

    @property
    def R(self) -> int:
        """Units of h."""
        return self.P or self.H

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The shape of h of one sequence: R units, or a matrix."""
        return CELLS[self.cell].list_sizes(self.R)

    @property
    def options(self) -> dict[str, object]:
        """Arguments of the constructor, named as in nn.RNN, without defaults."""
        options: dict[str, object] = {"input_size": self.V, "hidden_size": self.H}
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
        """The number of ulps of the dtype in one ulp of the arithmetic."""
        return GAPS.get(self.precision, 1)

    @property
    def batch_axis(self) -> int:
        """Axis of the batch in x and output."""
        return 0 if self.batch_first else 1

    @property
    def time_axis(self) -> int:
        """Axis of the time steps in x and output."""
        return 1 if self.batch_first and not self.unbatched else 0
