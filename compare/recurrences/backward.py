"""Find by numbers what a backward pass of NumPy takes and returns.

Differences give the right gradients. So the arguments of `backward` are those with which most of
its arrays are such gradients, and an array is the gradient that it equals. A wrong one is found by
its name, or because it is the only one of its shape that is left. If all are wrong, they are those
of a backward pass if they double with the upstream gradients.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from types import FunctionType
from typing import Any

import numpy as np

from compare.implementations import Results, describe_error
from compare.recurrences.axes import JOINED, Array, Axes, move_back, move_to_front, to_numpy, walk
from compare.recurrences.gradients import NoGradient, Point
from compare.recurrences.holders import FunctionHolder, Holder, ObjectHolder, list_arrays
from compare.recurrences.reading import INPUT, REQUIRED, STATE, list_arguments
from compare.recurrences.recurrence import Recurrence

METHODS = ("backward", "backprop", "bptt", "backward_step", "step_backward")
FUNCTIONS = (("forward", "backward"), ("fwd", "bwd"), ("$", "_backward"), ("^", "backward_"))
"""How the names of a function and of its backward pass differ."""

UPSTREAM = re.compile("(?i)d_?[a-z].*|.*grad.*|delta.*|.*next.*|up.*|dout")
TAPE = re.compile("(?i).*(cache|tape|ctx|context|saved|memo|mem|history|trace).*")
MOST_WAYS = 200  # of passing arguments
MEANS = ("", "B", "T", "TB")  # what gradients may be means over
CLOSE = 1e-5  # a share of the largest entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gradient is after a backward pass; it may be a mean over T or B."""

    name: str
    mean_over: str = ""

    def scale(self, x: Array) -> int:
        """Return the number of gradients in the mean, for a call with x (T, B, …)."""
        return int(np.prod([x.shape["TB".index(letter)] for letter in self.mean_over], dtype=int))


@dataclass(frozen=True, slots=True)
class BackwardForm:
    """What `backward` takes, and where the gradient of each array is afterwards."""

    method: str
    roles: tuple[str, ...]
    places: Mapping[str, Place] = field(default_factory=dict)  # by the name of the array


@dataclass(slots=True)
class Backward:
    """The backward pass of a recurrence of NumPy: a method, or a function beside its function."""

    recurrence: Recurrence
    form: BackwardForm | None = None

    def compute(self, point: Point) -> Results:
        """Return the gradients at a point; NoGradient if they are not there."""
        assert self.form is not None
        arrays = self.call(point, self.form.method, self.form.roles)
        gradients = {}
        for name, place in self.form.places.items():
            shape, axes = point.arrays[name].shape, self._find_axes(name, point)
            if place.name not in arrays:
                raise NoGradient(f"the gradient of {name} is not always there")
            own = reshape(arrays[place.name], shape, axes)
            gradients[name] = place.scale(point.arrays["x"]) * own
        return gradients

    def find(self, point: Point) -> None:
        """Find the form with most right gradients; NoGradient if no form has one.

        At the point T, B and 1 differ, if a call has several steps and sequences.
        """
        read = self.recurrence.form
        if read.is_final or read.output_axes[0] in JOINED:
            raise NoGradient("its output has no axis for the steps")
        known = dict[Sequence[bool], Results]()
        best, most, problem = None, 0, ""
        for method in self._list_methods():
            called = list[BackwardForm]()
            for roles in islice(self._list_roles(method, point), MOST_WAYS):
                try:
                    arrays = self.call(point, method, roles)
                except Exception as error:  # of the user's code, under a form chosen here
                    problem = problem or f": {describe_error(error)}"
                    continue
                called.append(BackwardForm(method, roles))
                right = self._differ(point, roles, known)
                for over in MEANS:
                    places = self._match(arrays, right, point, over)
                    if len(places) > most:
                        most, best = len(places), BackwardForm(method, roles, places)
            if best is None:
                best = next((form for form in called if self._is_backward(form, point)), None)
            if best is not None:
                right = self._differ(point, best.roles, known)
                places = self._guess(self.call(point, method, best.roles), right, best)
                self.form = replace(best, places=places)
                return
        raise NoGradient(f"it has no backward pass that could be read{problem}")

    def _list_methods(self) -> list[str]:
        """Return what may be its backward pass: methods, or functions of its file."""
        holder = self.recurrence.holder
        if not isinstance(holder, FunctionHolder):
            return [name for name in METHODS if callable(getattr(holder.target, name, None))]
        own = holder.target.__name__
        names = dict.fromkeys(re.sub(*words, own, count=1) for words in FUNCTIONS)
        found = holder.target.__globals__
        return [n for n in names if n != own and isinstance(found.get(n), FunctionType)]

    def _get_method(self, holder: Holder, name: str) -> Any:
        if isinstance(holder, FunctionHolder):
            return holder.target.__globals__[name]
        return getattr(holder.target, name)

    def limit(self, point: Point, roles: Sequence[str]) -> Point:
        """Return a point where the upstream gradients are zero that a call is not given."""
        taken = [{"d_output"}, *({f"d_last {k}", "d_states"} for k in range(len(point.states)))]
        if self._is_output_a_state:
            taken[0] = taken[1] = taken[0] | taken[1]
        pairs = zip(taken, point.upstream, strict=False)
        return replace(point, upstream=[d if own & {*roles} else 0 * d for own, d in pairs])

    @property
    def _is_output_a_state(self) -> bool:
        form = self.recurrence.form
        return form.is_step and form.output in form.last

    def _differ(
        self, point: Point, roles: Sequence[str], known: dict[Sequence[bool], Results]
    ) -> Results:
        """Return the right gradients for these arguments; `known` keeps those of others."""
        limited = self.limit(point, roles)
        given = tuple(bool(d.any()) for d in limited.upstream)
        if given not in known:
            known[given] = {n: limited.differ_everywhere(n)[0] for n in point.arrays}
        return known[given]

    def _is_backward(self, form: BackwardForm, point: Point) -> bool:
        """Return whether a call has wrong gradients of x and of each state, if no one is right.

        They are not zero, and twice as large for upstream gradients that are.
        """
        twice = replace(point, upstream=[2 * d for d in point.upstream])
        once, double = (self.call(p, form.method, form.roles) for p in (point, twice))
        places = self._guess(once, point.arrays, form)
        return {"x", *point.states} <= {*places} and all(
            once[p.name].any() and np.allclose(double[p.name], 2 * once[p.name])
            for p in places.values()
        )

    def _list_roles(self, method: str, point: Point) -> Iterator[tuple[str, ...]]:
        """Yield what each argument may be, the likeliest first."""
        arguments = list_arguments(self._get_method(self.recurrence.holder, method))
        names = [name for name, default in arguments.items() if default is REQUIRED]
        optional = [n for n, d in arguments.items() if d is not REQUIRED and UPSTREAM.fullmatch(n)]
        last = [f"d_last {k}" for k in range(len(point.upstream) - 1)]
        given = ["x", *(f"state {k}" for k in range(len(point.states))), "output"]
        choices = []
        for name in (*names, *optional):
            if TAPE.fullmatch(name):
                choices.append(["tape", "result", *given])
            elif UPSTREAM.fullmatch(name):
                choices.append(["d_output", *last, "d_states", "tape"])
            elif INPUT.fullmatch(name) and not STATE.fullmatch(name):
                choices.append(["x", *given[1:]])
            else:
                choices.append(["state 0", "output", *given, *last, "d_output", "tape"])
        for roles in product(*choices):
            if any(role.startswith("d_") for role in roles):
                yield roles

    def call(self, point: Point, method: str, roles: Sequence[str]) -> dict[str, Array]:
        """Return all arrays that a backward pass returns, or leaves in the object, by place."""
        holder = self.recurrence.holder
        if isinstance(holder, ObjectHolder):
            holder = ObjectHolder(copy.deepcopy(holder.pristine))
        recurrence = replace(self.recurrence, holder=holder)
        own = {name: np.array(array) for name, array in point.arrays.items()}
        states = [own.pop(name) for name in point.states]
        x = own.pop("x")
        form = recurrence.form
        d_output, *d_states = (np.array(d) for d in point.upstream)
        if not form.has_batch:  # of one sequence
            x, d_output = x[:, 0], d_output[:, 0]
            states, d_states = [s[0] for s in states], [d[0] for d in d_states]
        if form.is_step:
            x, d_output = x[0], d_output[0]
        result = recurrence.call_as_is(x, states or None, own)
        output, _ = recurrence.find_results(result, tuple(x.shape[:2]))
        d_last = [move_back(d, a, np) for d, a in zip(d_states, form.states, strict=False)]
        if self._is_output_a_state:
            d_last[0] = d_last[0] + move_back(d_output, form.output_axes, np)
        values = {
            "x": move_back(x, form.x, np),
            "output": move_back(output, form.output_axes, np),
            "d_output": move_back(d_output, form.output_axes, np),
            "d_states": tuple(d_last),
            "tape": find_tape(result, form.output, form.last),
            "result": result,
        }
        if self._is_output_a_state:
            values["d_output"] = d_last[0]
        for k, (state, axes) in enumerate(zip(states, form.states, strict=True)):
            values[f"state {k}"] = move_back(state, axes, np)
        values |= {f"d_last {k}": d for k, d in enumerate(d_last)}
        returned = self._get_method(holder, method)(*(values[role] for role in roles))
        arrays = {f"returned {'.'.join(map(str, p))}": to_numpy(a) for p, a in walk(returned)}
        held = {name: array for name, _, _, array in list_arrays(holder.target)}
        return arrays | {name: to_numpy(a) for name, a in held.items() if name not in own}

    def _find_axes(self, name: str, point: Point) -> Axes:
        """Return the axes of an array as its author has it; none of a parameter."""
        form = self.recurrence.form
        return {"x": form.x, **dict(zip(point.states, form.states, strict=True))}.get(name, ())

    def _match(
        self, arrays: Mapping[str, Array], right: Mapping[str, Array], point: Point, over: str
    ) -> dict[str, Place]:
        """Return the place of each gradient that has the right numbers.

        Those of the parameters are all means, or none is; those of x and the states may be sums.
        """
        places = {}
        for name, expected in right.items():
            size = np.abs(expected).max(initial=0.0)
            alike = [place for place, a in arrays.items() if a.size == expected.size and size]
            is_argument = name in ("x", *point.states)
            for place, mean_over in product(alike, {over, ""} if is_argument else {over}):
                own = reshape(arrays[place], expected.shape, self._find_axes(name, point))
                found = Place(place, mean_over)
                if np.abs(found.scale(point.arrays["x"]) * own - expected).max() <= CLOSE * size:
                    places[name] = found
                    break
        return places

    def _guess(
        self, arrays: Mapping[str, Array], right: Mapping[str, Array], form: BackwardForm
    ) -> dict[str, Place]:
        """Return the place of each gradient; a wrong one is known by its name, or its shape."""
        places = dict(form.places)
        taken = {place.name for place in places.values()}
        free = [place for place in arrays if place not in taken]
        for name, expected in right.items():
            if name in places:
                continue
            bare = name.rpartition(".")[2].lower()
            pattern = re.compile(rf"(?i)(.*\.|returned )?(d_?|grad_?|.*grads?\.){re.escape(bare)}")
            named = [p for p in free if pattern.fullmatch(p) and arrays[p].size == expected.size]
            returned = [place for place in free if place.startswith("returned")]
            alike = [place for place in returned if arrays[place].size == expected.size]
            if len(named) == 1 or len(alike) == 1:
                others = [place.mean_over for place in form.places.values()]
                places[name] = Place((named or alike)[0], max(others, key=others.count, default=""))
        return places


def reshape(array: Array, shape: tuple[int, ...], axes: Axes) -> Array:
    """Return a gradient with time and batch first, in the shape of its array."""
    return (move_to_front(array, axes, np) if array.ndim == len(axes) else array).reshape(shape)


def find_tape(result: Any, output: tuple[object, ...], last: Sequence[tuple[object, ...]]) -> Array:
    """Return what a result has beside output and states."""
    if not isinstance(result, tuple):
        return result
    taken = {path[0] for path in (output, *last) if path}
    rest = [item for k, item in enumerate(result) if k not in taken]
    return rest[0] if len(rest) == 1 else tuple(rest)
