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
from compare.check.equations import OfPackage
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
class Case:
    """What a function is asked."""

    words: str
    inputs: dict[str, Any]
    dtype: str = "float64"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right, and how far from it rounding may lead."""

    expected: Results
    allowed: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Stage:
    """One function of the six."""

    name: str
    equation: str
    run: Callable[[Functions, dict[str, Any], Move], Results]
    draw: Callable[[int], Iterator[Case]]  # of a seed, the simplest and smallest case first
    helped_by: tuple[str, ...] = ()  # the stages that it may call

    def answer(self, case: Case, equations: Any = None) -> Answer:
        """Compute what is right, in float64, and what rounding may do in the case's dtype."""
        functions = OurFunctions(equations or OfPackage(scratch_rnn))

        def compute(move: Move) -> Results:
            results = self.run(functions, copy.deepcopy(case.inputs), move)
            return {name: value.astype(case.dtype) for name, value in results.items()}

        with np.errstate(all="ignore"):
            results, allowed = allowances(compute)
            if case.dtype != "float64":
                wide = _in_float64(case.inputs)
                results = self.run(functions, copy.deepcopy(wide), lambda value: value)
        return Answer(results, allowed)


def _in_float64(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_float64(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_float64(item) for item in value]
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


WEIGHTS = ("W_ih", "W_hh", "b_ih", "b_hh")


def _untouched(**arguments: np.ndarray) -> Results:
    return {f"{name}, which was handed in": value for name, value in arguments.items()}


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
    return results | {"output, after another call": array("output", functions.look(kept, 0))}


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
    for suffix in ("", " of a second call"):
        result = items(functions.call("rnn_backward", tape, d_output, d_h_n), names)
        results |= {n + suffix: array(n, value) for n, value in zip(names, result, strict=True)}
    return results | _untouched(d_output=d_output, d_h_n=d_h_n)


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


# Drawing cases ----------------------------------------------------------------------------------

LETTERS = ["T", "B", "V", "H"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a case is drawn."""

    sizes: tuple[int, int, int, int]
    word: str = ""
    dtype: str = "float64"
    scale: float = 1.0  # of the input
    order: str = "C"


def _kinds(rng: np.random.Generator) -> list[Kind]:
    """Return sizes all different, the smallest first; then what is special."""

    def sizes(least: int = 2) -> tuple[int, int, int, int]:
        T, B, V, H = (int(n) for n in rng.permutation(4) + least)
        return T, B, V, H

    plain = sorted((sizes() for _ in range(8)), key=lambda s: (s[0] * s[1], s))
    special = [Kind(sizes(), "float32", dtype="float32") for _ in range(3)]
    special += [Kind(sizes(), "large inputs", scale=3e3) for _ in range(2)]
    special += [Kind(sizes(), "arrays in Fortran order", order="F") for _ in range(2)]
    ones = [Kind(s) for s in ((1, 1, 1, 1), (1, 3, 2, 4), (4, 1, 2, 3), (5, 2, 1, 3), (3, 2, 4, 1))]
    return [Kind(s) for s in plain] + special + ones + [Kind((12, 7, 9, 11))]


def _recurrence(seed: int, name: str, of: Sequence[str], letters: str) -> Iterator[Case]:
    """Draw what the recurrent stages are asked."""
    rng = np.random.default_rng([seed, len(name), ord(name[-1])])
    for kind in _kinds(rng):
        T, B, V, H = kind.sizes
        h, h_next = np.tanh(rng.normal(size=(2, B, H)))
        drawn = {
            "x": kind.scale * rng.normal(size=(T, B, V)),
            "x_t": kind.scale * rng.normal(size=(B, V)),
            "h": h,
            "h_0": h,
            "h_next": h_next,
            "W_ih": rng.normal(size=(H, V)) / np.sqrt(V),
            "W_hh": rng.normal(size=(H, H)) / np.sqrt(H),
            "b_ih": rng.normal(size=H) / 2,
            "b_hh": rng.normal(size=H) / 2,
            "d_h_next": rng.normal(size=(B, H)),
            "d_output": rng.normal(size=(T, B, H)),
            "d_h_n": rng.normal(size=(B, H)),
        }
        inputs = {n: np.array(drawn[n], kind.dtype, order=kind.order) for n in of}  # type: ignore[call-overload]
        shown = [f"{w} {n}" for w, n in zip(LETTERS, kind.sizes, strict=True) if w in letters]
        yield Case(", ".join(filter(None, [*shown, kind.word])), inputs, kind.dtype)


def draw_step(seed: int) -> Iterator[Case]:
    """Draw single steps."""
    return _recurrence(seed, "step", ("x_t", "h", *WEIGHTS), "BVH")


def draw_forward(seed: int) -> Iterator[Case]:
    """Draw sequences."""
    return _recurrence(seed, "forward", ("x", "h_0", *WEIGHTS), "TBVH")


def draw_step_backward(seed: int) -> Iterator[Case]:
    """Draw single steps, and the gradient that comes back to each."""
    names = ("d_h_next", "x_t", "h", "h_next", "W_ih", "W_hh")
    return _recurrence(seed, "step_backward", names, "BVH")


def draw_backward(seed: int) -> Iterator[Case]:
    """Draw sequences, and the gradients that come back to them."""
    names = ("x", "h_0", *WEIGHTS, "d_output", "d_h_n")
    return _recurrence(seed, "backward", names, "TBVH")


def draw_cross_entropy(seed: int) -> Iterator[Case]:
    """Draw logits and targets."""
    rng = np.random.default_rng([seed, 5])
    sizes = [(2, 3), (3, 2), (2, 5), (4, 3), (5, 7), (6, 4), (3, 8), (9, 5)]
    kinds: list[tuple[tuple[int, int], str, float, Any]] = [(n, "", 1.0, 0.0) for n in sizes]
    kinds += [((4, 3), "float32", 1.0, 0.0), ((7, 5), "float32", 4.0, 0.0)]
    kinds += [((3, 4), "logits around 1000", 1.0, 1000.0)]
    kinds += [((4, 5), "logits around 1000, float32", 1.0, 1000.0)]
    kinds += [((5, 3), "logits around -1000", 1.0, -1000.0)]
    kinds += [((3, 5), "rows that are far apart", 1.0, np.array([[0.0], [900.0], [-900.0]]))]
    kinds += [((5, 6), "large logits", 8.0, 0.0), ((4, 3), "equal logits", 0.0, 0.0)]
    kinds += [(n, "", 1.0, 0.0) for n in ((1, 4), (4, 1), (1, 1), (70, 28))]
    for (N, V), word, scale, offset in kinds:
        dtype = "float32" if "float32" in word else "float64"
        logits = (scale * rng.normal(size=(N, V)) + offset).astype(dtype)
        inputs = {"logits": logits, "targets": rng.integers(0, V, N)}
        yield Case(", ".join(filter(None, [f"N {N}, V {V}", word])), inputs, dtype)


def draw_clip_grad_norm(seed: int) -> Iterator[Case]:
    """Draw gradients of a given norm."""
    rng = np.random.default_rng([seed, 6])
    shapes: tuple[tuple[int, ...], ...] = ((2, 3), (4,))
    more = (*shapes, (5, 2), (3,))
    for of, norm, max_norm, dtype in (
        (shapes, 2.0, 1.0, "float64"),
        (shapes, 0.5, 1.0, "float64"),
        (shapes, 30.0, 5.0, "float64"),
        (shapes, 0.2, 0.1, "float64"),
        (shapes, 3.0, 5.0, "float64"),
        (shapes, 1e3, 1.0, "float64"),
        (more, 1.1, 1.0, "float64"),
        (more, 0.9, 1.0, "float64"),
        (more, 7.0, 0.25, "float64"),
        (((3, 2),), 4.0, 1.0, "float64"),
        (shapes, 2.0, 1.0, "float32"),
        (more, 0.5, 1.0, "float32"),
        (shapes, 0.0, 1.0, "float64"),
    ):
        drawn = [rng.normal(size=shape) for shape in of]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        gradients = [(g * (norm / total)).astype(dtype) for g in drawn]
        many = f"{len(of)} gradients" if len(of) > 1 else "1 gradient"
        words = [f"{many} of norm {norm:g}, max_norm {max_norm:g}"]
        words += ["float32"] if dtype == "float32" else []
        yield Case(", ".join(words), {"gradients": gradients, "max_norm": max_norm}, dtype)


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
