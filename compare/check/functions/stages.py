"""A stage of the exercise: how a function is asked, and what is right.

A stage runs any six functions on a case and names all results: a submission's, ours, or ours with a
mistake. What is right, and how far rounding may lead from it, is computed from ours. The stages of
the three cells are in `compare.check.functions.exercises`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

import scratch_rnn
from compare.check.functions.drawing import WEIGHTS, Case
from compare.check.functions.equations import Elman, Equations
from compare.check.functions.of_package import OfPackage
from compare.parity import Move, tolerances, unmoved

Results = dict[str, np.ndarray]
Inputs = dict[str, Any]


@runtime_checkable
class Functions(Protocol):
    """Six functions, wherever they are."""

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one; items of the result that are named in `keep` are objects of its own."""

    def kept(self) -> Any:
        """Return what stands for the last result."""

    def look(self, kept: Any, k: int) -> Any:
        """Return an item of a result as it is now."""


class OurFunctions:
    """Functions of this process, as methods of an object."""

    def __init__(self, equations: Any) -> None:
        self.equations = equations
        self._prefix = f"{equations.cell}_" if hasattr(equations, "cell") else ""
        self._result: Any = None

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one."""
        self._result = getattr(self.equations, name.removeprefix(self._prefix))(*args)
        return self._result

    def kept(self) -> Any:
        """Return the last result."""
        return self._result

    def look(self, kept: Any, k: int) -> Any:
        """Return an item of it."""
        return kept[k]


class Malformed(Exception):
    """A function gave something else than it was asked for."""

    verdict = "wrong"
    kinds = ()  # of an exception there are none

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right, and how far from it rounding may lead."""

    expected: Results
    allowed: dict[str, np.ndarray]
    dtype: str  # the coarsest that the results may have


@dataclass(frozen=True, slots=True)
class Part:
    """What a point is given for: a function of the exercise, or what a layer computes."""

    name: str
    equation: str


@dataclass(frozen=True, slots=True)
class Stage(Part):
    """One function of the six."""

    run: Callable[[Functions, dict[str, Any], Move], Results]
    draw: Callable[[int], Iterator[Case]]  # of a seed, the simplest and smallest case first
    helped_by: tuple[str, ...] = ()  # the stages that it may call
    kind: str = ""  # which of the six it is
    equations: type[Equations] = Elman
    wrap: Callable[[Any], Any] | None = None  # gives ours other names and another layout

    def answer(self, case: Case) -> Answer:
        """Compute what is right, in float64, and what rounding may do in the case's dtype."""
        right = self.functions(OfPackage(scratch_rnn, self.equations.cell))
        expected = run_quietly(self, right, in_float64(case.inputs))
        return Answer(expected, self.allowed(case, self.equations), case.dtype)

    def functions(self, equations: Any) -> OurFunctions:
        """Return functions of ours under the names of the exercise."""
        return OurFunctions(self.wrap(equations) if self.wrap else equations)

    def allowed(self, case: Case, perturbed: Callable[[Move], Any]) -> dict[str, np.ndarray]:
        """Measure what rounding may do to functions that are made with a move."""

        def compute(move: Move) -> Results:
            results = self.run(self.functions(perturbed(move)), copy.deepcopy(case.inputs), move)
            return {name: value.astype(case.dtype) for name, value in results.items()}

        with np.errstate(all="ignore"):
            return tolerances(compute)[1]


def run_quietly(stage: Stage, functions: Functions, inputs: dict[str, Any]) -> Results:
    """Run functions on a copy of what a case gives them; infinities and NaN are no matter."""
    with np.errstate(all="ignore"):
        return stage.run(functions, copy.deepcopy(inputs), unmoved)


def in_float64(value: Any) -> Any:
    """Return a value with all arrays of floats in it in float64."""
    if isinstance(value, dict):
        return {name: in_float64(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_float64(item) for item in value)
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value


# Running a stage --------------------------------------------------------------------------------


def items(result: Any, names: Sequence[str], what: str = "") -> tuple[Any, ...]:
    """Return the items of a result that should be a tuple of so many."""
    if not isinstance(result, tuple | list) or len(result) != len(names):
        raise Malformed(f"{what}({', '.join(names)})", kind_of(result))
    return tuple(result)


def array(name: str, value: Any) -> np.ndarray:
    """Return a copy of what should be an array of numbers."""
    found = np.asarray(value) if isinstance(value, np.ndarray | np.generic | float | int) else None
    if found is None:
        raise Malformed(f"{name}, an array", kind_of(value))
    return found.copy()


def kind_of(value: Any) -> str:
    """Say what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, tuple | list):
        return f"a list or tuple of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a value of type {getattr(value, '__type__', type(value).__name__)}"


ARGUMENT = ", which was handed in"
AFTER_ANOTHER = ", after another call"
SECOND = " of a second call"
"""What follows the name of a tensor that must not have changed, or must come again."""


def _untouched(arguments: dict[str, np.ndarray]) -> Results:
    return {name + ARGUMENT: value.copy() for name, value in arguments.items()}


def run_step(kind: type[Equations], functions: Functions, given: Inputs, move: Move) -> Results:
    """Ask for one step."""
    arguments = {name: move(given[name]) for name in ("x_t", *kind.states, *WEIGHTS)}
    result = functions.call(f"{kind.cell}_step", *arguments.values())
    named = {"h_next": result}
    if kind.gates:
        names = (*(f"{name}_next" for name in kind.states), "gates")
        named = dict(zip(names, items(result, names), strict=True))
        gates = items(named.pop("gates"), kind.gates, "gates ")
        named |= dict(zip(kind.gates, gates, strict=True))
    results = {name: array(name, named[name]) for name in kind.computed}
    return results | _untouched({n: arguments[n] for n in ("x_t", *kind.states, "W_hh")})


def run_forward(kind: type[Equations], functions: Functions, given: Inputs, move: Move) -> Results:
    """Ask for all steps; then for those of another sequence, which must not disturb the first."""
    x, firsts, weights = _sequence(kind, given, move)
    output, last = forward(kind, functions, x, firsts, weights)[:2]
    kept = functions.kept()
    results = {"output": array("output", output)}
    results |= {f"{n}_n": array(f"{n}_n", a) for n, a in zip(kind.states, last, strict=True)}
    firsts_named = {f"{n}_0": state for n, state in zip(kind.states, firsts, strict=True)}
    results |= _untouched({"x": x, **firsts_named, "W_hh": weights[1]})
    forward(kind, functions, x / 2, [state / 2 for state in firsts], weights)
    return results | {"output" + AFTER_ANOTHER: array("output", functions.look(kept, 0))}


def forward(
    kind: type[Equations], functions: Functions, x: Any, firsts: Any, weights: Any
) -> tuple[Any, tuple[Any, ...], Any]:
    """Return output, the last states and the tape."""
    result = functions.call(f"{kind.cell}_forward", x, *firsts, *weights, keep=(2,))
    states = tuple(f"{name}_n" for name in kind.states)
    shown = states[0] if len(states) == 1 else f"({', '.join(states)})"
    output, last, tape = items(result, ("output", shown, "tape"))
    return output, (last,) if len(states) == 1 else items(last, states), tape


def run_step_backward(
    kind: type[Equations], functions: Functions, given: Inputs, move: Move
) -> Results:
    """Ask for one step's gradients."""
    d_nexts = tuple(f"d_{name}_next" for name in kind.states)
    arguments = {n: move(given[n]) for n in (*d_nexts, *kind.seen, "W_ih", "W_hh")}
    d_states = (f"d_{name}" for name in kind.states)
    names = ("d_x_t", *d_states, "d_W_ih", "d_W_hh", *kind.d_biases)
    result = items(functions.call(f"{kind.cell}_step_backward", *arguments.values()), names)
    named = {n: array(n, value) for n, value in zip(names, result, strict=True)}
    gates = dict(zip(kind.gates, arguments.pop("gates", ()), strict=True))
    return named | _untouched(arguments | gates)


def run_backward(kind: type[Equations], functions: Functions, given: Inputs, move: Move) -> Results:
    """Ask for all gradients, twice, after another sequence has been read."""
    x, firsts, weights = _sequence(kind, given, move)
    tape = forward(kind, functions, x, firsts, weights)[2]
    forward(kind, functions, x / 2, [state / 2 for state in firsts], weights)
    tape = move(tape)
    arguments = {n: move(given[n]) for n in ("d_output", *(f"d_{s}_n" for s in kind.states))}
    d_firsts = (f"d_{name}_0" for name in kind.states)
    names = ("d_x", *d_firsts, "d_W_ih", "d_W_hh", "d_b_ih", "d_b_hh")
    results: Results = {}
    for suffix in ("", SECOND):
        found = functions.call(f"{kind.cell}_backward", tape, *arguments.values())
        named = zip(names, items(found, names), strict=True)
        results |= {n + suffix: array(n, value) for n, value in named}
        results |= _untouched(arguments) if not suffix else {}
    return results


def _sequence(kind: type[Equations], given: Inputs, move: Move) -> tuple[Any, list[Any], list[Any]]:
    x, firsts = move(given["x"]), [move(given[f"{name}_0"]) for name in kind.states]
    return x, firsts, [move(given[name]) for name in WEIGHTS]


def run_cross_entropy(functions: Functions, given: Inputs, move: Move) -> Results:
    """Ask for the loss and its gradient."""
    logits = move(given["logits"])
    result = functions.call("cross_entropy", logits, given["targets"])
    loss, d_logits = items(result, ("loss", "d_logits"))
    results = {"loss": array("loss", loss), "d_logits": array("d_logits", d_logits)}
    return results | _untouched({"logits": logits})


def run_clip_grad_norm(functions: Functions, given: Inputs, move: Move) -> Results:
    """Ask for the norm, and look at what has become of the gradients."""
    gradients = [move(gradient) for gradient in given["gradients"]]
    norm = functions.call("clip_grad_norm", gradients, given["max_norm"])
    results = {f"gradients[{k}], clipped": np.asarray(g) for k, g in enumerate(gradients)}
    return {"norm": array("norm", norm)} | results


@dataclass(slots=True)
class PartResult:
    """What came of a part."""

    stage: Part
    verdict: str  # right, wrong, missing, error, timeout
    cases: int = 0  # tried
    case: Case | None = None  # that shows what is wrong
    comparisons: tuple[Any, ...] = ()  # all tensors of it
    wrong: Any = None  # the Comparison that is wrong first
    seen: list[Any] = field(default_factory=list)  # of a layer: cases, and all results of each
    expected: str = ""  # in words, where no numbers can be compared
    got: str = ""
    likely: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class StageResult(PartResult):
    """What came of a stage."""

    stage: Stage
    functions_of: Any = None  # of a Submission: the functions as they were tried
