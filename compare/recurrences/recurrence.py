"""Any recurrence in one form: x (T, B, …) and states (B, …) in, output (T, B, …) and states out.

`CallForm` is how its author calls it: with a sequence or a step, with a batch or without one, with
states as arguments or in the object. `reading` finds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.implementations import Array as NumpyArray
from compare.recurrences.axes import (
    JOINED,
    Array,
    Axes,
    Path,
    Sizes,
    describe_axes,
    list_features,
    list_steps,
    move_back,
    move_to_front,
    rebuild,
    take,
    to_numpy,
)
from compare.recurrences.holders import Holder

States = Sequence[Array]


@dataclass(frozen=True, slots=True)
class CallForm:
    """How a recurrence is called, and where in the result its output and its states are."""

    method: str
    x: Axes
    arguments: tuple[str, ...] = ("x",)  # in their order: "x", "state", or "state=NAME" by name
    structures: tuple[Any, ...] = ()  # of the state's arguments, with LEAF for each array
    states: tuple[Axes, ...] = ()  # the axes of each array of the state
    attributes: tuple[str, ...] = ()  # of the object, where its state is kept
    flags: Mapping[str, object] = field(default_factory=dict)  # as return_state=True
    output: Path = ()
    output_axes: Axes = ()
    is_list: bool = False  # the output is a list of steps
    is_final: bool = False  # the output is that of the last step alone
    last: tuple[Path, ...] = ()  # the states
    last_axes: tuple[Axes, ...] = ()  # with T, the result has the states of all steps
    begins_alone: bool = False  # the state may be left out
    lengths: str = ""  # its argument for the lengths of the sequences
    lengths_at: int = -1  # the place of that argument, if it is always passed
    times_at: int = -1  # the place of an argument for the time of each step

    @property
    def is_step(self) -> bool:
        """Whether a call is one step."""
        return "T" not in self.x

    @property
    def has_batch(self) -> bool:
        """Whether a call takes several sequences."""
        return "B" in self.x

    @property
    def leading(self) -> str:
        """The letters that the axes of a state may have."""
        return "B" if self.has_batch else ""

    @property
    def returns_state(self) -> bool:
        """Whether the state after a call is known."""
        return bool(self.last or self.attributes)

    def describe(self, sizes: Sizes) -> str:
        """Return the form in words."""
        words = [f"x {describe_axes(self.x, sizes)}"]
        words.append("a step a call" if self.is_step else "a sequence a call")
        shapes = [describe_axes(axes, sizes) for axes in self.states]
        kept = f" in self.{', self.'.join(self.attributes)}" if self.attributes else ""
        words.append(f"state {', '.join(shapes)}{kept}" if shapes else "no state is passed")
        return ", ".join(words)


@dataclass(slots=True)
class Recurrence:
    """A recurrence that is called with x (T, B, …) and a list of states (B, …)."""

    holder: Holder
    form: CallForm
    sizes: Sizes
    calls: int = 0  # of the author's code, until the form was found
    name: str = ""  # in its file
    dtype: str = "float64"  # of its arrays; float32 where it takes no other
    others: list[str] = field(default_factory=list)  # what may be another recurrence there
    lengths: NumpyArray | None = None  # of the sequences (B,), if not all are whole

    def draw_states(self, rng: np.random.Generator, B: int) -> list[Array]:
        """Draw states (B, …); they are positive, as those of some cells are."""
        shapes = [(B, *list_features(axes)) for axes in self.form.states]
        return [rng.uniform(0.1, 0.6, shape) for shape in shapes]

    @property
    def features(self) -> tuple[int, ...]:
        """The axes of x after time and batch."""
        return list_features(self.form.x)

    def run(
        self, x: Array, states: States | None, parameters: Mapping[str, Array]
    ) -> tuple[Array, list[Array]]:
        """Return the output and the last states; without states the author's own begin."""
        if not self.form.has_batch:
            return self._run_rows(x, states, parameters)
        return self._run_sequence(x, states, parameters)

    def _run_rows(
        self, x: Array, states: States | None, parameters: Mapping[str, Array]
    ) -> tuple[Array, list[Array]]:
        """Call a recurrence without a batch once for each row."""
        library = self.holder.library
        rows = [
            self._run_sequence(x[:, b], states and [s[b] for s in states], parameters)
            for b in range(x.shape[1])
        ]
        several = [library.stack(list(each)) for each in zip(*(r[1] for r in rows), strict=True)]
        return library.stack([output for output, _ in rows], 1), several

    def _run_sequence(
        self, x: Array, states: States | None, parameters: Mapping[str, Array]
    ) -> tuple[Array, list[Array]]:
        """Call it once for a sequence, or once for each step."""
        if self.form.is_final:  # an earlier output is the last one of a shorter sequence
            calls = [self.call(x[: t + 1], states, parameters) for t in range(len(x))]
            return self.holder.library.stack([output for output, _ in calls]), calls[-1][1]
        if not self.form.is_step:
            return self.call(x, states, parameters)
        outputs, now = [], states
        for x_t in x:
            output, now = self.call(x_t, now, parameters)
            outputs.append(output)
        return self.holder.library.stack(outputs), [*(now or [])]

    def call(
        self, x: Array, states: States | None, parameters: Mapping[str, Array]
    ) -> tuple[Array, list[Array]]:
        """Make one call in the author's form."""
        result = self.call_as_is(x, states, parameters)
        return self.find_results(result, tuple(x.shape[:2]))

    def find_results(self, result: Any, shape: tuple[int, ...]) -> tuple[Array, list[Array]]:
        """Return output and states in the result of a call, with time and batch first.

        `shape` is (T, B) of the call, if it has both.
        """
        return self._find_output(result, shape), self._find_states(result)

    def call_as_is(self, x: Array, states: States | None, parameters: Mapping[str, Array]) -> Any:
        """Make one call, and return its result as it is."""
        form, library = self.form, self.holder.library
        if states is None and not form.begins_alone:
            states = self.make_zeros(x)
        own = [
            move_back(s, axes, library) for s, axes in zip(states or (), form.states, strict=False)
        ]
        for name, array in zip(form.attributes, own, strict=False):
            setattr(self.holder.target, name, array)
        leaves = iter(own)
        structures = iter([rebuild(s, leaves) for s in form.structures] if states else [])
        args, named = list[Any](), dict(form.flags)
        for role in form.arguments:
            if role == "x":
                args.append(move_back(x, form.x, library))
            elif (structure := next(structures, None)) is not None:
                name = role.partition("=")[2]
                if name:
                    named[name] = structure
                else:
                    args.append(structure)
        if self.lengths is not None and form.lengths_at < 0:
            named[form.lengths] = self._make_lengths(x)
        others = [(form.lengths_at, self._make_lengths), (form.times_at, self._make_times)]
        for place, make in sorted(others, key=lambda other: other[0]):
            if place >= 0:
                args.insert(place, make(x))
        return self.holder.call(form.method, parameters, args, named)

    def make_zeros(self, x: Array) -> list[Array]:
        """Return states of zeros for a call with x."""
        batch = x.shape[0 if self.form.is_step else 1] if self.form.has_batch else 1
        arrays = []
        for axes in self.form.states:
            shape = (*([batch] if "B" in axes else []), *list_features(axes))
            zeros = self.holder.library.zeros(shape, dtype=x.dtype)
            arrays.append(zeros)
        return arrays

    def _make_lengths(self, x: Array) -> Array:
        """Return the lengths of the sequences (B,) in a call with x (T, B, …)."""
        T, B = x.shape[:2]
        return self.holder.library.asarray(np.full(B, T) if self.lengths is None else self.lengths)

    def _make_times(self, x: Array) -> Array:
        """Return times of the steps: the first feature, so that they are split and cut as x is."""
        axes = tuple(axis for axis in self.form.x if isinstance(axis, str))
        first = x.reshape(*x.shape[: len(axes)], -1)[..., 0]
        return move_back(abs(first), axes, self.holder.library)

    def _find_output(self, result: Any, shape: tuple[int, ...]) -> Array:
        """Return the output of a call, with time and batch first."""
        output, library = take(result, self.form.output), self.holder.library
        axes = self.form.output_axes
        if self.form.is_list:
            output = library.stack(list_steps(output, shape[0]))
        if axes[0] in JOINED:
            lengths = dict(zip("TB", shape, strict=True))
            output = output.reshape(*(lengths[letter] for letter in axes[0]), *output.shape[1:])
            axes = (*axes[0], *axes[1:])
        return move_to_front(output, axes, library)

    def _find_states(self, result: Any) -> list[Array]:
        """Return the states after a call, with the batch first."""
        form, library = self.form, self.holder.library
        if form.attributes:
            held = [getattr(self.holder.target, name) for name in form.attributes]
            return [move_to_front(s, a, library) for s, a in zip(held, form.states, strict=True)]
        states = []
        for path, axes in zip(form.last, form.last_axes, strict=True):
            moved = move_to_front(take(result, path), axes, library)
            states.append(moved[-1] if "T" in axes else moved)
        return states

    # In NumPy ---------------------------------------------------------------------------------

    def make(self, array: Array, dtype: str = "") -> Array:
        """Return an array of the recurrence's library, of its own dtype without another one."""
        library, dtype = self.holder.library, dtype or self.dtype
        if library is np:
            return np.array(array, dtype)
        if hasattr(library, "from_numpy"):
            return library.from_numpy(np.array(array, dtype))
        return library.asarray(array, dtype)

    def compute(
        self,
        x: Array,
        states: Sequence[Array] | None = None,
        parameters: Mapping[str, Array] | None = None,
    ) -> tuple[Array, list[Array]]:
        """Return output and states as arrays of NumPy, from such arrays."""
        parameters = self.holder.parameters if parameters is None else parameters
        own = {name: self.make(array) for name, array in parameters.items()}
        given = None if states is None else [self.make(s) for s in states]
        output, last = self.run(self.make(x), given, own)
        return to_numpy(output), [to_numpy(s) for s in last]
