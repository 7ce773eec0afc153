"""Draw the cases on which two functions are compared: sizes, values, upstream gradients.

Bugs of scans and chunks hide at sizes that are round, at gates around one half, and behind an
initial state of zeros. So sizes are 1, powers of two and their neighbours, one of them long; each
argument has a scale of its own, or is moved far up or down, where a gate that is computed from it
is nearly 1 or 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from compare.forms.shapes import Argument, Axis
from compare.implementations import Array

SHORT = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17)
LONG = (*SHORT, 31, 32, 33, 63, 64, 65, 127, 128, 129)
FAR = 5.0  # sigmoid(5) is 0.993

TIME = ("T", "time", "seq", "seq_len", "num_steps", "L", "S", "N")
"""Names of the size that counts time steps, the clearest first."""

KINDS: Mapping[str, Callable[[Array], Array]] = {
    "plain": lambda x: x,
    "zero": np.zeros_like,
    "small": lambda x: 0.1 * x,
    "large": lambda x: 4 * x,
    "low": lambda x: x - FAR,
    "high": lambda x: x + FAR,
}
"""The values of an argument, from normal ones, the simplest first."""

DOMAINS: Mapping[str, tuple[str, Callable[[Array], Array]]] = {
    "any": ("", lambda x: x),
    "unit": ("between 0 and 1", lambda x: 1 / (1 + np.exp(-x))),
    "positive": ("above 0", np.exp),
    "negative": ("below 0", lambda x: -np.exp(x)),
}
"""Where an argument may lie, and how a normal number gets there."""


@dataclass(frozen=True)
class Case:
    """Arguments of both functions, and the seed of the upstream gradients."""

    sizes: Mapping[str, int]
    kinds: Mapping[str, str]  # of each argument
    arrays: Mapping[str, Array] = field(repr=False)  # float64, or of whole numbers
    axes: Mapping[str, tuple[Axis, ...]] = field(default_factory=dict)  # of arguments
    seed: int = 0

    def describe(self) -> str:
        """Return the sizes and what is special about the values, for a report."""
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        special = [f"{name} {kind}" for name, kind in self.kinds.items() if kind != "plain"]
        return ", ".join([sizes, *special])

    def find_time_axis(self, tensor: str, shape: tuple[int, ...]) -> int | None:
        """Return the axis of time of a result; None if its sizes do not tell."""
        time = next((name for name in TIME if name in self.sizes), None)
        if time is None:
            return None
        axes = self.axes.get(tensor.removeprefix("gradient of "))
        if axes is not None:
            return axes.index(time) if time in axes else None
        lengths = [axis for axis, length in enumerate(shape) if length == self.sizes[time]]
        return lengths[0] if len(lengths) == 1 else None

    def draw_upstream(self, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """Return a gradient for each output, the same in each run of this case."""
        rng = np.random.default_rng([self.seed, 2**31])
        return [rng.standard_normal(shape).astype(np.float32).astype(float) for shape in shapes]


@dataclass(frozen=True)
class Draws:
    """How cases are drawn: the names of the sizes, and the arguments or the user's function."""

    sizes: tuple[str, ...]
    arguments: Sequence[Argument] = ()
    domains: Mapping[str, str] = field(default_factory=dict)  # of an argument; else "any"
    case: Callable[..., Mapping[str, object]] | None = None  # of the user: (rng, **sizes)
    parameters: Callable[[Mapping[str, int]], Mapping[str, tuple[int, ...]]] = lambda _: {}
    coarse: str = "float32"  # all values are numbers of this dtype

    def make(self, sizes: Mapping[str, int], kinds: Mapping[str, str], seed: int) -> Case:
        """Return the case of these sizes and kinds of values."""
        if self.case is not None:
            given = self.case(np.random.default_rng(seed), **sizes)
            arrays = {name: np.array(value) for name, value in given.items()}
        else:
            arrays = {}
            for k, argument in enumerate(self.arguments):
                x = np.random.default_rng([seed, k]).standard_normal(argument.shape(sizes))
                _, to_domain = DOMAINS[self.domains.get(argument.name, "any")]
                arrays[argument.name] = to_domain(KINDS[kinds[argument.name]](x))
        for k, (name, shape) in enumerate(self.parameters(sizes).items()):
            scale = 1 / np.sqrt(shape[-1]) if shape else 1.0
            arrays[name] = scale * np.random.default_rng([seed, 1000 + k]).standard_normal(shape)
        rounded = {name: round_to(array, self.coarse) for name, array in arrays.items()}
        axes = {argument.name: argument.axes for argument in self.arguments}
        return Case(dict(sizes), dict(kinds), rounded, axes, seed)

    def strategy(self) -> SearchStrategy[Case]:
        """Return the strategy of cases: at most one long size, each argument of its own kind."""

        @st.composite
        def cases(draw: st.DrawFn) -> Case:
            longest = draw(st.sampled_from([None, *self.sizes]))
            sizes = {
                name: draw(st.sampled_from(LONG if name == longest else SHORT[:6]))
                for name in self.sizes
            }
            kinds = {
                argument.name: draw(st.sampled_from([*KINDS])) for argument in self.arguments
            }
            return self.make(sizes, kinds, draw(st.integers(0, 1000)))

        return cases()

    def change(self, case: Case, **changed: object) -> Case:
        """Return a case with other sizes or another kind of values."""
        sizes = {**case.sizes, **{k: v for k, v in changed.items() if k in self.sizes}}
        kinds = {**case.kinds, **{k: v for k, v in changed.items() if k not in self.sizes}}
        return self.make(sizes, kinds, case.seed)  # type: ignore[arg-type]

    def with_domain(self, name: str, domain: str) -> "Draws":
        """Return the same draws with another domain of one argument."""
        return replace(self, domains={**self.domains, name: domain})


def round_to(array: Array, dtype: str) -> Array:
    """Return an array whose floats are numbers of a coarser dtype, in float64."""
    if array.dtype.kind != "f":
        return array
    if dtype == "bfloat16":  # the upper half of a float32
        bits = array.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(float)
    return array.astype("float16" if dtype == "float16" else "float32").astype(float)
