"""Find by calling how a recurrence is called: which argument is what, and which axis.

The sizes of a call all differ, so a shape tells which axis is which. Numbers tell the rest: a state
is what a later call continues from, and time is the axis along which an early input changes later
outputs. Names only order the tries. An exception under a form that was chosen here means that
another form is tried.
"""

import inspect
import math
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.implementations import describe_error
from compare.recurrences.axes import (
    JOINED,
    LEAF,
    Array,
    Axes,
    Sizes,
    fill_axes,
    is_array,
    list_features,
    list_steps,
    make_structure,
    measure,
    to_numpy,
    walk,
)
from compare.recurrences.holders import Holder
from compare.recurrences.recurrence import CallForm, Recurrence
from compare.recurrences.results import find_results

INPUT = re.compile("(?i)x.*|in|inp.*|seq.*|feat.*|u|u_t|data|embed.*|obs.*|frame.*|tokens?")
STATE = re.compile(
    "(?i)h.*|c|c_.*|s|s_.*|c[tx0]|cell.*|.*state.*|.*hidden.*|.*prev.*|carry|init.*|mem.*|m"
)
LENGTHS = re.compile("(?i)(.*_)?len(gth)?s?")
TIMES = re.compile("(?i)ts|dts?|.*times?|.*_?time_?stamps?|delta_?ts?")
OTHER = re.compile("(?i).*(mask|target|label|train|device).*|y")
COARSE = re.compile("(?i)float.*double|double.*float")
"""What PyTorch says of two dtypes that do not go together."""

INITIAL = re.compile("(?i)_?(get|make|create)?_?(init|initial|begin|zero|new)\\w*")
METHODS = ("forward", "__call__", "step")

MOST_CALLS = 4000
BEST = 4  # signs that a form is the author's; without a batch there is one less


class NotRead(Exception):
    """No form was found; the message says in a line what was tried."""


@dataclass(slots=True)
class Reader:
    """Looks for the form of one recurrence."""

    holder: Holder
    sizes: Sizes
    calls: int = 0
    problem: str = ""  # the first exception
    dtype: str = "float64"
    is_coarse: bool = False  # a part of it is made in float32, whatever it gets
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def find(self, methods: Sequence[str]) -> CallForm:
        """Return the form with most signs; NotRead without one."""
        best, most = None, (0, 0)
        for method in methods:
            for form in self._list_forms(method):
                if best is not None and form.is_step > best.is_step:
                    break  # each layer of sequences is also one of single steps
                signs, found = self._try(form)
                # Of equal signs the smaller output has them, as a broadcast sum is larger.
                score = signs, -math.prod(list_features(found.output_axes))
                if signs and score > most:
                    best, most = found, score
                if most[0] == BEST - (not form.has_batch) or self.calls > MOST_CALLS:
                    break
            if best is not None:
                return best
        why = f": {self.problem}" if self.problem else ""
        raise NotRead(
            f"none of {self.calls} calls with an argument x and a state gave results{why}"
        )

    def make_recurrence(self, form: CallForm) -> Recurrence:
        """Return the recurrence that is called in this form."""
        return Recurrence(self.holder, form, self.sizes, self.calls, dtype=self.dtype)

    # Forms ------------------------------------------------------------------------------------

    def _list_forms(self, method: str) -> Iterator[CallForm]:
        """Yield the forms that a method may have, those of sequences first."""
        target = self.holder.target
        function = getattr(target, method) if method else target
        arguments = list_arguments(function, self.holder.taken)
        names = [name for name, default in arguments.items() if default is REQUIRED]
        optional = [name for name, default in arguments.items() if default is not REQUIRED]
        lengths = next(filter(LENGTHS.fullmatch, (*names, *optional)), "")
        times = next(filter(TIMES.fullmatch, names), "")
        lengths_at, times_at = (names.index(n) if n in names else -1 for n in (lengths, times))
        own = (lengths, times)
        names, optional = ([n for n in each if n not in own] for each in (names, optional))
        states = [n for n in optional if STATE.fullmatch(n) and not OTHER.fullmatch(n)]
        flags = {
            name: True
            for name in optional
            if arguments[name] is False and name.startswith("return")
        }
        for x in list_inputs(self.sizes):
            form = CallForm(method, x, flags=flags)
            form = replace(form, lengths=lengths, lengths_at=lengths_at, times_at=times_at)
            if len(names) <= 1:
                yield from self._list_without_state(form, states or optional[:1])
            if len(names) > 1 or states:
                yield from self._list_with_states(form, names, states)

    def _list_without_state(self, form: CallForm, optional: list[str]) -> Iterator[CallForm]:
        """Yield forms that begin alone, with what such a call returns as the state of the next."""
        result = self._call(form, [])
        if result is None:
            return
        alone = replace(form, begins_alone=True)
        roles = [f"state={name}" for name in optional]
        returned = [*self._list_returned(form, result)]
        for structure, axes in returned:
            if structure == (LEAF,) * len(roles) and roles:
                begun = replace(alone, states=axes, structures=structure)
                yield replace(begun, arguments=("x", *roles))
        for structure, axes in returned * bool(roles):
            begun = replace(alone, states=axes, structures=(structure,))
            yield replace(begun, arguments=("x", roles[0]))
        yield from self._list_kept(form)
        yield alone

    def _list_returned(self, form: CallForm, result: Any) -> Iterator[tuple[Any, tuple[Axes, ...]]]:
        """Yield the parts of a result that may be a state, several of them first."""
        items = [*result] if isinstance(result, tuple | list) else [result]
        several = () if list_steps(result, self.sizes.T) else (1, 0)  # no state is a list of steps
        parts = [tuple(items[start:]) for start in several if len(items) > start + 1]
        for part in (*parts, *items[::-1]):
            axes = tuple(measure(a, self.sizes, form.leading) for _, a in walk(part))
            if axes and all(("B" in each) == form.has_batch for each in axes):
                yield make_structure(part), axes

    def _list_kept(self, form: CallForm) -> Iterator[CallForm]:
        """Yield a form whose state is in attributes of the object, which a call has changed."""
        target = self.holder.target
        held = {n: to_numpy(v) for n, v in vars_of(target).items() if is_array(v)}
        if self._call(form, []) is None:
            return
        kept = {}
        for name, value in vars_of(target).items():
            if not is_array(value) or name in self.holder.parameters:
                continue
            now, before = to_numpy(value), held.get(name)
            axes = measure(now, self.sizes, form.leading)
            is_new = before is None or before.shape != now.shape or not np.array_equal(before, now)
            is_own = ("B" in axes) == form.has_batch and self.sizes.H in axes
            if is_new and is_own:
                kept[name] = axes
        for names in ([*kept], *([name] for name in kept)):
            if names:
                yield replace(form, attributes=tuple(names), states=tuple(kept[n] for n in names))

    def _list_with_states(
        self, form: CallForm, required: list[str], states: list[str]
    ) -> Iterator[CallForm]:
        """Yield forms whose state is passed from the beginning."""
        if any(OTHER.fullmatch(name) for name in required):
            return
        several = max(1, len(required) - 1)
        likely = [
            k for k, n in enumerate(required) if INPUT.fullmatch(n) and not STATE.fullmatch(n)
        ]
        for place in dict.fromkeys((*likely[:1], 0, len(required) - 1)):
            roles = ["state"] * (len(required) - 1)
            roles.insert(place, "x")
            if len(required) == 1:
                roles.append(f"state={states[0]}")
            begun = replace(form, arguments=tuple(roles))
            for value in self._list_initial():
                arrays = [array for _, array in walk(value)]
                axes = tuple(measure(a, self.sizes, "B") for a in arrays)
                if axes and all(("B" in each) == form.has_batch for each in axes):
                    yield replace(begun, structures=(make_structure(value),), states=axes)
            for structure in STRUCTURES if several == 1 else (LEAF,):
                number = several * len(list_marks(structure))
                structures = (structure,) * several
                for shape in list_states(form.x, self.sizes):
                    yield replace(begun, structures=structures, states=(shape,) * number)

    def _list_initial(self) -> Iterator[Any]:
        """Yield the states that ``init_hidden(batch_size)`` returns, a method or beside it."""
        target, (_, B, _, H, image) = self.holder.target, self.sizes
        beside = getattr(target, "__globals__", {})  # of a function
        for name in (n for n in [*dir(target), *beside] if INITIAL.fullmatch(n) and n[:2] != "__"):
            for arguments in ((B,), (B, image), (), (B, H)):
                try:
                    value = (beside.get(name) or getattr(target, name))(*arguments)
                except Exception:  # of the user's code, under a form that was chosen here
                    continue
                if [*walk(value)]:
                    yield value
                    break

    # Calls ------------------------------------------------------------------------------------

    def _draw_x(self, form: CallForm) -> Array:
        return self.rng.normal(size=(self.sizes.T, self.sizes.B, *list_features(form.x)))

    def _call(self, form: CallForm, states: list[Array]) -> Any:
        """Return the result of one call as it is; None after an exception."""
        self.calls += 1
        self.holder.reset()
        recurrence = self.make_recurrence(replace(form, begins_alone=not states))
        x = self._draw_x(form)
        x = x if form.has_batch else x[:, 0]
        x = x[0] if form.is_step else x
        rows = [s if form.has_batch else s[0] for s in states]
        parameters = {n: recurrence.make(p) for n, p in self.holder.parameters.items()}
        given = [recurrence.make(s) for s in rows]
        try:
            return recurrence.call_as_is(recurrence.make(x), given or None, parameters)
        except Exception as error:  # of the user's code, under a form that was chosen here
            self._keep(error)
            return None

    def _keep(self, error: Exception) -> None:
        """Keep what an exception says, if it is the first."""
        text = describe_error(error)
        self.problem = self.problem or text
        self.is_coarse = self.is_coarse or COARSE.search(text) is not None

    def _try(self, form: CallForm) -> tuple[int, CallForm]:
        """Return how many signs there are for a form, and the form with its results."""
        states = self.make_recurrence(form).draw_states(self.rng, self.sizes.B)
        result = self._call(form, states)
        if result is None:
            return 0, form
        shapes = [fill_axes(axes, self.sizes._asdict()) for axes in form.states]
        most, best = 0, form
        for read in find_results(form, result, self.sizes, shapes):
            try:
                signs = self._count_signs(read, states)
            except Exception as error:  # of the user's code, under a form that was chosen here
                self._keep(error)
                continue
            if signs > most:
                most, best = signs, read
            if most == BEST - (not form.has_batch):
                break
        return most, best

    def _count_signs(self, form: CallForm, states: list[Array]) -> int:
        """Look at what changes what; 0 if no early input changes a later output.

        So it is where an output could have its rows in another order, and mixes sequences.
        """
        recurrence, T = self.make_recurrence(form), self.sizes.T

        def run(x: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
            self.calls += 1
            return recurrence.compute(x, [*states] if form.states else None)

        def is_moved(before: Array, after: Array) -> Array:
            distance = np.abs(before - after).reshape(*before.shape[:2], -1).max(axis=-1)
            return distance > 0

        if has_more_axes(form.output_axes, form.x):
            return 0  # as where a column (H, 1) and a bias (H,) are added
        x = self._draw_x(form)
        output, _ = run(x, states)
        run(x[:2, :2], [s[:2] for s in states])  # other sizes
        early, late = x.copy(), x.copy()
        early[0, 0] += 1.0
        late[T - 1] += 1.0
        by_early = is_moved(output, run(early, states)[0])
        is_mixed = bool(by_early[:, 1:].any())
        if not np.isfinite(output).all() or not by_early[1:, 0].any():
            return 0
        if is_mixed and (form.is_final or form.output_axes[0] in JOINED):
            return 0  # the rows are not those of a batch
        by_late = is_moved(output, run(late, states)[0])
        if form.is_final and not by_late[T - 1].any():
            return 0  # as where a step takes the first of several rows
        is_causal = not by_late[: T - 1].any()
        if not is_causal and has_one_state_for_all(form):
            return 0  # it is a step, whose output mixes what was taken for rows
        signs = 1 + (form.has_batch and not is_mixed) + is_causal
        if form.returns_state and form.states:
            first, middle = run(x[:2], states)
            second, _ = run(x[2:], middle)
            whole = np.concatenate([first, second])
            signs += whole.shape == output.shape and np.allclose(whole, output, atol=1e-5)
        return int(signs)


# What is tried ----------------------------------------------------------------------------------

REQUIRED = inspect.Parameter.empty

STRUCTURES = (LEAF, (LEAF,), [LEAF], (LEAF, LEAF), [LEAF, LEAF], [(LEAF, LEAF)], (LEAF,) * 3)
"""The states of an argument: an array, or several; a cell of one state may leave others unread."""


def has_more_axes(output: Axes, x: Axes) -> bool:
    """Return whether an output has more axes of features than x, those of length 1 left out."""
    number, most = (sum(n > 1 for n in list_features(axes)) for axes in (output, x))
    return number > most


def has_one_state_for_all(form: CallForm) -> bool:
    """Return whether a state has length 1 where x has its steps, and is not returned."""
    at = form.x.index("T") if "T" in form.x else len(form.x)
    return not form.returns_state and any(axes[at : at + 1] == (1,) for axes in form.states)


def list_marks(structure: Any) -> list[Any]:
    """Return the marks of arrays in a structure."""
    if structure is LEAF:
        return [structure]
    return [mark for item in structure for mark in list_marks(item)]


def list_arguments(function: Any, taken: Container[str] = ()) -> dict[str, Any]:
    """Return the arguments of a function that may be passed by position, with their defaults.

    Those that are `taken` are passed by another.
    """
    function = function.forward if hasattr(function, "named_parameters") else function
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {"x": REQUIRED}
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {p.name: p.default for p in parameters if p.kind in kinds and p.name not in taken}


def vars_of(target: object) -> dict[str, Any]:
    """Return the attributes of an object, also the buffers of a module."""
    return {**getattr(target, "__dict__", {}), **getattr(target, "_buffers", {})}


def list_inputs(sizes: Sizes) -> Iterator[Axes]:
    """Yield the axes that x may have: of a sequence first, then of a step; each also of images."""
    steps: list[Axes] = []
    for n in (sizes.V, sizes.H):
        yield from (("T", "B", n), ("B", "T", n), ("B", n, "T"), ("T", n), ("T", n, 1))
        yield from (("T", "B", n, *sizes.image), ("B", "T", n, *sizes.image), (n, "B", "T"))
        steps += [("B", n), (1, "B", n), ("B", 1, n), (n, "B"), (n,), (n, 1), (1, n)]
        steps += [("B", n, *sizes.image)]
    yield from steps


def list_states(x: Axes, sizes: Sizes) -> list[Axes]:
    """Return the axes that a state beside such an x may have."""
    H = sizes.H
    if {*sizes.image} <= {*x}:
        return [("B", H, *sizes.image)]
    if "B" not in x:
        return [(H, 1), (H,), (1, H), (H, H)] if 1 in x else [(H,), (H, 1), (1, H), (H, H)]
    if x.index("B") == len(x) - 1 or x[-1] == "T":
        return [(H, "B"), ("B", H)]
    return [("B", H), (1, "B", H), ("B", 1, H), ("B", H, H)]
