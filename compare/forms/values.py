"""Draw the cases on which two functions are compared: sizes, values, upstream gradients.

Bugs of scans and chunks hide at sizes that are round, at gates around one half, and behind an
initial state of zeros. So sizes are 1, powers of two and their neighbours, one of them long; each
argument has a scale of its own, or is moved far up or down, where a gate that is computed from it
is nearly 1 or 0.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np

from compare.forms.shapes import Argument, Axis
from compare.implementations import Array, describe_error
from compare.parity import round_to
from compare.terminal import UsageError

Shapes = Mapping[str, tuple[int, ...]]

UsersCase = Callable[..., Mapping[str, object]]
"""The user's function ``case(rng, *, T, …)``, which returns the arguments by name."""

SHORT = (1, 2, 3, 4, 5, 7)
LONG = (8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)
"""A size is one of these: powers of two and their neighbours."""

USUAL = 0.3  # the share of cases whose arguments are all plain

TIME = ("T", "time", "seq", "seq_len", "num_steps", "L", "S", "N")
"""Names of the size that counts time steps, the clearest first."""

KINDS: Mapping[str, Callable[[Array], Array]] = {
    "plain": lambda x: x,
    "small": lambda x: 0.1 * x,
    "large": lambda x: 4 * x,
    "low": lambda x: x - 5,
    "high": lambda x: x + 5,
    "lower": lambda x: x - 15,
}
"""The values of an argument, from normal ones: sigmoid(5) is 0.993, and sigmoid(-15) 3e-7."""

TO_DOMAIN: Mapping[str, Callable[[Array], Array]] = {
    "": lambda x: x,
    "unit": lambda x: 1 / (1 + np.exp(-x)),
    "positive": np.exp,
    "negative": lambda x: -np.exp(x),
}
"""How a normal number gets into the domain of an argument."""


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

    def has_time(self, argument: str) -> bool:
        """Whether an argument has a value for each time step, as far as its shape tells."""
        return self.find_time_axis(argument, self.arrays[argument].shape) is not None

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
    """How cases are drawn: the sizes, and the arguments or the user's function that returns them.

    `parameters` returns the shapes of a module's parameters for the sizes of a case.
    """

    sizes: tuple[str, ...]
    arguments: Sequence[Argument] = ()
    case: UsersCase | None = None
    parameters: Callable[[Mapping[str, int]], Shapes] = lambda _: {}
    example: Mapping[str, int] = field(default_factory=dict)  # sizes that surely work
    dtype: str = "float32"  # all values are numbers of this dtype
    longest: int = LONG[-1]  # number of time steps
    widest: int = LONG[-1]  # any other size

    @property
    def times(self) -> list[str]:
        """The sizes that count time steps."""
        return [name for name in TIME if name in self.sizes]

    def make(self, sizes: Mapping[str, int], kinds: Mapping[str, str], seed: int) -> Case:
        """Return the case of these sizes and kinds of values; UsageError if `case` has none."""
        if self.case is not None:
            arrays = self._call_users(sizes, seed)
        else:
            arrays = {}
            for k, argument in enumerate(self.arguments):
                x = np.random.default_rng([seed, k]).standard_normal(argument.shape(sizes))
                to_domain = TO_DOMAIN[argument.domain]
                arrays[argument.name] = to_domain(KINDS[kinds[argument.name]](x))
        for k, (name, shape) in enumerate(self.parameters(sizes).items()):
            scale = 1 / np.sqrt(shape[-1]) if shape else 1.0
            arrays[name] = scale * np.random.default_rng([seed, 1000 + k]).standard_normal(shape)
        rounded = {name: round_to(array, self.dtype) for name, array in arrays.items()}
        axes = {argument.name: argument.axes for argument in self.arguments}
        return Case(dict(sizes), dict(kinds), rounded, axes, seed)

    def _call_users(self, sizes: Mapping[str, int], seed: int) -> dict[str, Array]:
        assert self.case is not None
        try:
            arrays = self.case(np.random.default_rng(seed), **sizes)
            return {name: np.array(value) for name, value in arrays.items()}
        except Exception as error:  # of the user's code, whatever it is
            words = ", ".join(f"{name}={size}" for name, size in sizes.items())
            raise UsageError(
                f"expected arrays by name from case(rng, {words}), got {describe_error(error)}"
            ) from None

    def draw_cases(self, count: int, seed: int = 0) -> Iterator[Case]:
        """Yield random cases: at most one size is long, and time twice as often as another.

        Each long length has its turn, as a block of 64 shows itself at 65 alone, and each argument
        each kind of values.
        """
        rng = np.random.default_rng(seed)
        names = cycle([None, *self.times, *self.sizes])
        long_lengths = {
            name: cycle([length for length in rng.permutation(LONG).tolist() if length <= most])
            for name in self.sizes
            for most in [self.longest if name in self.times else self.widest]
        }
        turns = {a.name: cycle(rng.permutation([*KINDS]).tolist()) for a in self.arguments}
        for _ in range(count):
            name_of_long = next(names)
            sizes = {name: int(rng.choice(SHORT)) for name in self.sizes}
            if name_of_long is not None:
                sizes[name_of_long] = next(long_lengths[name_of_long])
            for name in self.example:
                if rng.random() < 0.5:
                    sizes[name] = self.example[name]
            is_plain = rng.random() < USUAL
            kinds = {name: "plain" if is_plain else next(turn) for name, turn in turns.items()}
            yield self.make(sizes, kinds, int(rng.integers(1000)))

    def make_example(self, size: int) -> Case:
        """Return a case of ordinary values, of the example's sizes or, without one, of this one."""
        sizes = {name: self.example.get(name, size + k) for k, name in enumerate(self.sizes)}
        return self.make(sizes, dict.fromkeys((a.name for a in self.arguments), "plain"), 0)

    def resize(self, case: Case, name: str, size: int) -> Case:
        """Return a case with another size."""
        return self.make({**case.sizes, name: size}, case.kinds, case.seed)

    def replace_values(self, case: Case, name: str, kind: str) -> Case:
        """Return a case with another kind of values of an argument."""
        return self.make(case.sizes, {**case.kinds, name: kind}, case.seed)
