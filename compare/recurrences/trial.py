"""A recurrence whose properties are tried: how its cases are drawn, and its results on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from compare.forms import (
    Case,
    CaseResult,
    Form,
    compare_exactly,
    compare_rounded,
    make_form,
)
from compare.recurrences.axes import Array
from compare.recurrences.backward import Backward
from compare.recurrences.gradients import Point
from compare.recurrences.recurrence import Recurrence

Parameters = Mapping[str, Array]
Results = dict[str, Array]
Way = Callable[[Array, list[Array] | None, Parameters], Results]
"""Computes results from x, the states and the parameters."""


class NotTried(Exception):
    """A property cannot be tried, for the reason in the message."""


@dataclass(slots=True)
class Trial:
    """A recurrence whose properties are tried: its cases, and its results on them."""

    recurrence: Recurrence
    is_wide: bool = field(init=False)  # until it computes something coarser than float64
    backward: Backward | None = None  # of NumPy

    def __post_init__(self) -> None:
        holder = self.recurrence.holder
        self.is_wide = self.recurrence.dtype == "float64"
        if holder.library is np:
            self.backward = Backward(self.recurrence)

    @property
    def states(self) -> list[str]:
        """The names of the states in a case."""
        number = len(self.recurrence.form.states)
        return ["state"] if number == 1 else [f"state {k}" for k in range(1, number + 1)]

    def draw(self, rng: np.random.Generator, *, T: int, B: int) -> dict[str, Array]:
        """Draw x, states that the recurrence reaches, and parameters near its author's."""
        recurrence = self.recurrence
        parameters = {
            name: vary(array, rng) for name, array in recurrence.holder.parameters.items()
        }
        scale = rng.choice([0.3, 1.0, 3.0])
        x = scale * rng.normal(size=(T, B, *recurrence.features))
        before = rng.normal(size=(3, B, *recurrence.features))
        states: Sequence[Array] = []
        if self.states:
            states = recurrence.draw_states(rng, B)
            if recurrence.form.returns_state:
                _, reached = recurrence.compute(before, states, parameters)
                states = [state.astype(np.float64) for state in reached]
        return {"x": x, **dict(zip(self.states, states, strict=True)), **parameters}

    def make_form(self, title: str, way: Way) -> Form:
        """Return one way to compute as a form. Its gradients are not compared."""

        def function(**arrays: Array) -> Results:
            states = [arrays.pop(name) for name in self.states]
            with torch.no_grad():
                return way(arrays.pop("x"), states or None, arrays)

        return make_form(title, function, self.recurrence.holder.library)

    def compare(self, a: Way, b: Way, case: Case, *, quickly: bool = False) -> CaseResult:
        """Compare two ways to the same results."""
        forms = self.make_form("A", a), self.make_form("B", b)
        if self.is_wide:
            result = compare_exactly(forms, case, quickly)
            self.is_wide = all(form.is_wide for form in forms)
        if not self.is_wide:
            for form in forms:
                form.is_wide = False
            result = compare_rounded(forms, case, "float32")
        named = [replace(c, tensor=c.tensor.removeprefix("output ")) for c in result.comparisons]
        return replace(result, comparisons=tuple(named))

    def differentiate(self, point: Point) -> dict[str, Array]:
        """Return the gradients at a point; NoGradient if there are none."""
        if self.backward is not None:
            return self.backward.compute(point)
        if self.recurrence.holder.library is torch:
            return point.compute_with_autograd()
        return point.compute_with_jax()

    def make_point(self, case: Case) -> Point:
        """Return where gradients are computed: the arrays and upstream gradients of a case.

        A backward pass is given the upstream gradients that it takes; NoGradient if it is not read.
        """
        point = self._make_whole_point(case)
        if self.backward is None:
            return point
        if self.backward.form is None:
            own = Case({}, {}, self.draw(np.random.default_rng(0), T=5, B=3))
            self.backward.find(self._make_whole_point(own))
        assert self.backward.form is not None
        return self.backward.limit(point, self.backward.form.roles)

    def _make_whole_point(self, case: Case) -> Point:
        recurrence = self.recurrence
        arrays = dict(case.arrays)
        if self.backward is not None:  # a pass of NumPy is that of a step, or of one sequence
            steps = 1 if recurrence.form.is_step else None
            rows = None if recurrence.form.has_batch else 1
            arrays["x"] = arrays["x"][:steps, :rows]
            arrays |= {name: arrays[name][:rows] for name in self.states}
        point = Point(recurrence, arrays, self.states, ())
        with torch.no_grad():
            results = point.run({n: recurrence.make(a) for n, a in arrays.items()})
        shapes = [tuple(result.shape) for result in results]
        return replace(point, upstream=case.draw_upstream(shapes))

    def run(self, x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        """Return the results of a call by name."""
        return self.name_results(*self.recurrence.run(x, states, parameters))

    def name_results(self, output: Array, last: Sequence[Array]) -> Results:
        """Return results by name."""
        return {
            "output": output,
            **{f"last {n}": s for n, s in zip(self.states, last, strict=False)},
        }


def vary(array: Array, rng: np.random.Generator) -> Array:
    """Return values near an author's, so that none is zero or one by chance."""
    own = np.nan_to_num(array)
    size = max(float(np.abs(own).mean()), 0.1)
    return own + 0.3 * min(size, 1.0) * rng.normal(size=own.shape)
