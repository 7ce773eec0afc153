"""The stages of the exercise: what each function is asked, and in which cases.

A stage runs any six functions on a case and names all results: a stranger's, ours, or ours with a
mistake. What is right, and how far rounding may lead from it, is computed from ours.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

import scratch_rnn
from compare.check.drawing import (
    WEIGHTS,
    Case,
    draw_backward,
    draw_clip_grad_norm,
    draw_cross_entropy,
    draw_forward,
    draw_step,
    draw_step_backward,
)
from compare.check.equations import OfPackage
from compare.check.rounding import Wobbled
from compare.parity import Move, allowances

Results = dict[str, np.ndarray]


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
        self._result: Any = None

    def call(self, name: str, *args: Any, keep: Sequence[int] = ()) -> Any:
        """Call one."""
        self._result = getattr(self.equations, name)(*args)
        return self._result

    def kept(self) -> Any:
        """Return the last result."""
        return self._result

    def look(self, kept: Any, k: int) -> Any:
        """Return an item of it."""
        return kept[k]


class Malformed(Exception):
    """A function gave something else than it was asked for."""

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
class Stage:
    """One function of the six."""

    name: str
    equation: str
    run: Callable[[Functions, dict[str, Any], Move], Results]
    draw: Callable[[int], Iterator[Case]]  # of a seed, the simplest and smallest case first
    helped_by: tuple[str, ...] = ()  # the stages that it may call
    wrap: Callable[[Any], Any] = lambda equations: equations  # gives ours its names and layout
    like: str = ""  # which of the six it is, where it is called otherwise

    def answer(self, case: Case) -> Answer:
        """Compute what is right, in float64, and what rounding may do in the case's dtype."""
        expected = run_quietly(
            self, OurFunctions(self.wrap(OfPackage(scratch_rnn))), in_float64(case.inputs)
        )
        return Answer(expected, self.allowed(case, Wobbled), case.dtype)

    def allowed(self, case: Case, wobbled: Callable[[Move], Any]) -> dict[str, np.ndarray]:
        """Measure what rounding may do to functions that are made with a wobble."""

        def compute(move: Move) -> Results:
            functions = OurFunctions(self.wrap(wobbled(move)))
            results = self.run(functions, copy.deepcopy(case.inputs), move)
            return {name: value.astype(case.dtype) for name, value in results.items()}

        with np.errstate(all="ignore"):
            return allowances(compute)[1]


def run_quietly(stage: Stage, functions: Functions, inputs: dict[str, Any]) -> Results:
    """Run functions on a copy of what a case gives them; infinities and NaN are no matter."""
    with np.errstate(all="ignore"):
        return stage.run(functions, copy.deepcopy(inputs), lambda value: value)


def in_float64(value: Any) -> Any:
    """Return a value with all arrays of floats in it in float64."""
    if isinstance(value, dict):
        return {name: in_float64(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_float64(item) for item in value)
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value


# Running a stage --------------------------------------------------------------------------------


def items(result: Any, names: Sequence[str]) -> tuple[Any, ...]:
    """Return the items of a result that should be a tuple of so many."""
    if not isinstance(result, tuple | list):
        raise Malformed(f"({', '.join(names)})", _kind_of(result))
    if len(result) != len(names):
        raise Malformed(f"({', '.join(names)})", f"a tuple of {len(result)}")
    return tuple(result)


def array(name: str, value: Any) -> np.ndarray:
    """Return a copy of what should be an array of numbers."""
    found = np.asarray(value) if isinstance(value, np.ndarray | np.generic | float | int) else None
    if found is None:
        raise Malformed(f"{name}, an array", _kind_of(value))
    return found.copy()


def _kind_of(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a {getattr(value, '__type__', type(value).__name__)}"


HANDED_IN = ", which was handed in"
AFTER_ANOTHER = ", after another call"
SECOND = " of a second call"
"""What follows the name of a tensor that must not have changed, or must come again."""


def _untouched(**arguments: np.ndarray) -> Results:
    return {name + HANDED_IN: value.copy() for name, value in arguments.items()}


def run_step(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for one step."""
    x_t, h, *weights = (move(given[name]) for name in ("x_t", "h", *WEIGHTS))
    h_next = array("h_next", functions.call("rnn_step", x_t, h, *weights))
    return {"h_next": h_next} | _untouched(x_t=x_t, h=h, W_hh=weights[1])


def run_forward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for all steps; then for those of another sequence, which must not disturb the first."""
    x, h_0, *weights = (move(given[name]) for name in ("x", "h_0", *WEIGHTS))
    names = ("output", "h_n", "tape")
    output, h_n, _ = items(functions.call("rnn_forward", x, h_0, *weights, keep=(2,)), names)
    kept = functions.kept()
    results = {"output": array("output", output), "h_n": array("h_n", h_n)}
    results |= _untouched(x=x, h_0=h_0, W_hh=weights[1])
    functions.call("rnn_forward", x / 2, h_0 / 2, *weights, keep=(2,))
    return results | {"output" + AFTER_ANOTHER: array("output", functions.look(kept, 0))}


def run_step_backward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for one step's gradients."""
    arguments = {n: move(given[n]) for n in ("d_h_next", "x_t", "h", "h_next", "W_ih", "W_hh")}
    names = ("d_x_t", "d_h", "d_W_ih", "d_W_hh", "d_b")
    result = items(functions.call("rnn_step_backward", *arguments.values()), names)
    named = {n: array(n, value) for n, value in zip(names, result, strict=True)}
    return named | _untouched(**arguments)


def run_backward(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for all gradients, twice, after another sequence has been read."""
    x, h_0, *weights = (move(given[name]) for name in ("x", "h_0", *WEIGHTS))
    forward = functions.call("rnn_forward", x, h_0, *weights, keep=(2,))
    _, _, tape = items(forward, ("output", "h_n", "tape"))
    functions.call("rnn_forward", x / 2, h_0 / 2, *weights, keep=(2,))
    tape, d_output, d_h_n = move(tape), move(given["d_output"]), move(given["d_h_n"])
    names = ("d_x", "d_h_0", "d_W_ih", "d_W_hh", "d_b_ih", "d_b_hh")
    results: Results = {}
    for suffix in ("", SECOND):
        result = items(functions.call("rnn_backward", tape, d_output, d_h_n), names)
        results |= {n + suffix: array(n, value) for n, value in zip(names, result, strict=True)}
        results |= _untouched(d_output=d_output, d_h_n=d_h_n) if not suffix else {}
    return results


def run_cross_entropy(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for the loss and its gradient."""
    logits = move(given["logits"])
    result = functions.call("cross_entropy", logits, given["targets"])
    loss, d_logits = items(result, ("loss", "d_logits"))
    results = {"loss": array("loss", loss), "d_logits": array("d_logits", d_logits)}
    return results | _untouched(logits=logits)


def run_clip_grad_norm(functions: Functions, given: dict[str, Any], move: Move) -> Results:
    """Ask for the norm, and look at what has become of the gradients."""
    gradients = [move(gradient) for gradient in given["gradients"]]
    norm = functions.call("clip_grad_norm", gradients, given["max_norm"])
    results = {f"gradients[{k}], clipped": np.asarray(g) for k, g in enumerate(gradients)}
    return {"norm": array("norm", norm)} | results


# The stages --------------------------------------------------------------------------------------

STAGES = (
    Stage(
        "rnn_step",
        "h_next = tanh(W_ih x_t + b_ih + W_hh h + b_hh)",
        run_step,
        draw_step,
    ),
    Stage(
        "rnn_forward",
        "h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)   for t = 1 … T, from the given h_0\n"
        "output = h_1 … h_T,   h_n = h_T",
        run_forward,
        draw_forward,
        helped_by=("rnn_step",),
    ),
    Stage(
        "rnn_step_backward",
        "δz = δh_next ⊙ (1 - h_next²)\n"
        "δx_t = W_ihᵀ δz,   δh = W_hhᵀ δz,   δW_ih = δz x_tᵀ,   δW_hh = δz hᵀ,   δb = δz\n"
        "the last three summed over the batch",
        run_step_backward,
        draw_step_backward,
    ),
    Stage(
        "rnn_backward",
        "δh_t = δoutput_t + W_hhᵀ δz_{t+1}   (at t = T the second term is the given δh_n)\n"
        "δz_t = δh_t ⊙ (1 - h_t²)\n"
        "δW_ih = Σ_t δz_t x_tᵀ,   δW_hh = Σ_t δz_t h_{t-1}ᵀ,   δb_ih = δb_hh = Σ_t δz_t\n"
        "δx_t = W_ihᵀ δz_t,   δh_0 = W_hhᵀ δz_1",
        run_backward,
        draw_backward,
        helped_by=("rnn_forward", "rnn_step_backward", "rnn_step"),
    ),
    Stage(
        "cross_entropy",
        "p = softmax(logits),   loss = mean over the N rows of -log p[target]\n"
        "δlogits = (p - onehot(target)) / N",
        run_cross_entropy,
        draw_cross_entropy,
    ),
    Stage(
        "clip_grad_norm",
        "norm = √(Σ over all entries of all gradients of g²)\n"
        "g ← g · min(1, max_norm / (norm + 1e-6))   for each gradient, in place",
        run_clip_grad_norm,
        draw_clip_grad_norm,
    ),
)
"""The six, in the order in which one writes them."""


@dataclass(slots=True)
class StageResult:
    """What came of a stage."""

    stage: Stage
    verdict: str  # right, wrong, missing, error, timeout
    cases: int = 0  # tried
    case: Case | None = None  # that shows what is wrong
    comparisons: tuple[Any, ...] = ()  # all tensors of it
    wrong: Any = None  # the Comparison that is wrong first
    expected: str = ""  # in words, where no numbers can be compared
    got: str = ""
    likely: str = ""
    notes: list[str] = field(default_factory=list)
    functions_of: Any = None  # of a Stranger: the functions as they were tried
