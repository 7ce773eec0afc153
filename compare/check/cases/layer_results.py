"""Run a layer on a case: all its results by name, and their tolerances.

The layer may be ours or any class with the same methods. The tolerance is always measured on ours.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from compare.check.cases.choices import INITIAL_STATES
from compare.check.cases.expected import COUNTS, Expected, Tolerances
from compare.check.cases.floats import Floats
from compare.check.cases.layer_case import LayerCase
from compare.implementations import (
    BIASES,
    CELLS,
    INFERENCE,
    Array,
    Gradients,
    Layer,
    LayerClass,
    Results,
    Tape,
    load_parameters,
)
from compare.parity import (
    PERTURBATIONS,
    Comparison,
    Move,
    Unmoved,
    measure_tolerances,
)
from scratch_rnn.arrays import State, arrays_of

P = ParamSpec("P")
Value = TypeVar("Value")

CLASSES: dict[str, LayerClass] = {name: cell.scratch_layer for name, cell in CELLS.items()}
"""Our layer of each cell."""

STATES = ("h_n", "c_n")
SEQUENCES = ("output", "gradient of x")
OUTPUTS = ("output", *STATES)
OF_ARGUMENTS = ("gradient of x", *INITIAL_STATES)
"""Names of a layer's results; all others are gradients of its parameters."""


def build(layer_class: LayerClass, case: LayerCase, parameters: Results | None = None) -> Layer:
    """Build a layer with the case's options and parameters."""
    layer = layer_class(**case.options, dtype=case.dtype)
    load_parameters(layer, case.floats.parameters if parameters is None else parameters)
    return layer


def run(layer_class: LayerClass, case: LayerCase, move: Move = Unmoved.RESULTS) -> Results:
    """Run forward and backward; return output, h_n and the gradients by name."""
    floats = move(copy_floats(case))
    return run_both_passes(build(layer_class, case, floats.parameters), floats, move)


def run_forward(layer_class: LayerClass, case: LayerCase, move: Move = Unmoved.RESULTS) -> Results:
    """Run forward alone; return output and the last state by name."""
    floats = move(copy_floats(case))
    output, state, _ = forward_pass(build(layer_class, case, floats.parameters), floats)
    return name_outputs(output, state)


def run_both_passes(layer: Layer, floats: Floats, move: Move = Unmoved.RESULTS) -> Results:
    """Run a layer forward and backward on these floats themselves; return its results by name."""
    output, state, tape = forward_pass(layer, floats)
    results = name_outputs(output, state)
    return results | name_gradients(backward_pass(layer, move(tape), floats))


def forward(layer: Layer, case: LayerCase) -> tuple[Results, Tape]:
    """Run a layer forward on the case's arguments; return results and tape."""
    output, state, tape = forward_pass(layer, copy_floats(case))
    return name_outputs(output, state), tape


def backward(layer: Layer, case: LayerCase, tape: Tape) -> Results:
    """Run a layer backward on the case's upstream gradients; return copies of its gradients."""
    return copy_results(name_gradients(backward_pass(layer, tape, copy_floats(case))))


def run_layer(layer: Layer, case: LayerCase) -> Results:
    """Run a layer that is there forward and backward, with the parameters that it has."""
    results, tape = forward(layer, case)
    return results | backward(layer, case, tape)


def copy_floats(case: LayerCase) -> Floats:
    """Return a copy of the case's floats, for a layer that may change its arguments."""
    return copy.deepcopy(case.floats)


def forward_pass(layer: Layer, floats: Floats) -> tuple[Array, State | None, Tape]:
    """Call a layer's `forward` with these floats themselves."""
    return layer.forward(floats.x, join_states(floats.h0, floats.c0), **list_optional(floats))


def backward_pass(layer: Layer, tape: Tape, floats: Floats) -> Gradients:
    """Call a layer's `backward` with these upstream gradients themselves."""
    return layer.backward(tape, floats.d_output, join_states(floats.d_h_n, floats.d_c_n))


def list_optional(floats: Floats) -> dict[str, Any]:
    """Return the optional arguments of `forward` that a case has."""
    optional = {"lengths": floats.lengths, "dropout_masks": floats.dropout_masks}
    return {name: value for name, value in optional.items() if value is not None}


def keep_result(layer: Layer, result: Value) -> Callable[..., Value]:
    """Return a function that gives the last result as it is then; `double` doubles its arrays."""

    def now(double: bool = False) -> Value:
        untyped: Any = result  # of `forward`, a tuple, or of `backward`
        is_tuple = isinstance(untyped, tuple)
        arrays = (
            [untyped[0], *arrays_of(untyped[1])] if is_tuple else name_gradients(untyped).values()
        )
        for array in arrays if double else ():
            if array.flags.writeable:
                array *= 2
        return result

    return getattr(layer, "as_now", None) or now


def copy_results(results: Mapping[str, Array]) -> Results:
    """Return copies."""
    return {name: array.copy() for name, array in results.items()}


def copy_state(h: Array | None, c: Array | None) -> State | None:
    """Return copies of h, or of (h, c) if there is a c, as a layer takes them; None without h."""
    return join_states(*(None if array is None else array.copy() for array in (h, c)))


def join_states(h: Array | None, c: Array | None) -> State | None:
    """Return (h, c), or h alone if there is no c."""
    return h if h is None or c is None else (h, c)


def name_outputs(output: Array, state: State | None) -> Results:
    """Return copies of the results of `forward`, by name."""
    states = () if state is None else arrays_of(state)
    named_states = dict(zip(STATES, map(np.array, states), strict=False))
    return {"output": np.array(output)} | named_states


def name_gradients(gradients: Gradients) -> Results:
    """Return the results of `backward`, by name; token numbers have no gradient."""
    named = {f"gradient of {n}": getattr(gradients, n, None) for n in ("x", "h0", "c0")}
    named |= {f"gradient of {name}": g for name, g in gradients.parameters.items()}
    return {name: array for name, array in named.items() if array is not None}


class CachedResults(Generic[P, Value]):
    """A function of a case that is computed once, as long as the floats of the case live."""

    def __init__(self, compute: Callable[Concatenate[LayerCase, P], Value]) -> None:
        self._compute = compute
        update_wrapper(self, compute)
        self._values: WeakKeyDictionary[Floats, dict[object, Value]] = WeakKeyDictionary()

    def __call__(self, case: LayerCase, *more: P.args, **options: P.kwargs) -> Value:
        """Return the value of a case."""
        values = self._values.setdefault(case.floats, {})
        if (case, *more) not in values:
            with np.errstate(all="ignore"):
                values[case, *more] = self._compute(case, *more, **options)
        return values[case, *more]

    def has(self, case: LayerCase, *more: P.args, **_: P.kwargs) -> bool:
        """Return whether it was computed."""
        return (case, *more) in self._values.get(case.floats, {})


@CachedResults
def rounding(case: LayerCase) -> tuple[Results, Results]:
    """Return our results of the case and their tolerances."""
    return run(CLASSES[case.cell], case), tolerance(case)


def tolerance(case: LayerCase, perturbations: int = PERTURBATIONS) -> Results:
    """Return the tolerances of our results of the case, measured once.

    With several perturbations they cover two ways to compute σ; for `INFERENCE`, also of tanh.
    """
    return _measure(case, perturbations)


@CachedResults
def _measure(case: LayerCase, perturbations: int) -> Results:
    return measure_tolerances(
        lambda move: run(CLASSES[case.cell], case, move),
        perturbations,
        seed=case.seed,
        gaps=case.gaps,
        sums=("sigmoid", "tanh") if INFERENCE in case.lacks else ("sigmoid",),
    )


def is_measured(case: LayerCase) -> bool:
    """Return whether the tolerances of a case were measured with all perturbations."""
    return _measure.has(case, PERTURBATIONS)


@CachedResults
def _compute_expected(case: LayerCase) -> Results:
    return run(CLASSES[case.cell], case.convert_to_float64())


@CachedResults
def _add_tolerance(case: LayerCase, other: LayerClass, perturbations: int) -> Results:
    """Return the tolerance of another cell's layer and of ours, which covers both ways to σ."""
    moved, ours = partial(run, other, case), tolerance(case, perturbations)
    theirs = measure_tolerances(moved, perturbations, seed=case.seed, gaps=case.gaps)
    return {name: array + ours[name] for name, array in theirs.items()}


def expect(case: LayerCase, other: LayerClass | None = None) -> Expected:
    """Return our results of a case in float64, and the tolerance in the case's own arithmetic.

    With the layer of another cell they are that layer's.
    """
    if other is None:
        results, measure = _compute_expected(case), partial(tolerance, case)
    else:
        results, measure = (
            run(other, case.convert_to_float64()),
            partial(_add_tolerance, case, other),
        )
    coarsest = "float16" if case.dtype == "float32" else "float64"
    return Expected(results, measure, *_describe(case), coarsest, case.dtype)


def match_results(expected: Results, got: Results, case: LayerCase) -> tuple[Comparison, ...]:
    """Compare within the case's tolerance.

    A tolerance is measured with more perturbations only if the results differ by more.
    """
    counts = (PERTURBATIONS,) if is_measured(case) else COUNTS
    measured = Expected(expected, partial(tolerance, case), *_describe(case), counts=counts)
    return measured.compare(got)


def match_within(
    allowed: Tolerances, expected: Results, got: Results, case: LayerCase
) -> tuple[Comparison, ...]:
    """Compare within these tolerances."""
    return Expected.fix_tolerance(expected, allowed, *_describe(case)).compare(got)


match_bits = partial(match_within, {})
"""Compare bit for bit: the tolerance is zero."""


def _describe(case: LayerCase) -> tuple[Mapping[str, int], frozenset[str]]:
    """Return the axes of time, and the results that a layer need not have on a case.

    These are the gradients of a state that is not given, and of a bias that is not there.
    """
    optional = [*case.absent, *(INITIAL_STATES if case.floats.h0 is None else ())]
    bias = "bias" if BIASES in case.lacks else "bias_hh"
    if bias == "bias" or case.one_bias:
        optional += [f"gradient of {n}" for n in case.floats.parameters if n.startswith(bias)]
    return dict.fromkeys(SEQUENCES, case.time_axis), frozenset(optional)


def allow_rounding(comparison: Comparison, case: LayerCase) -> Comparison:
    """Return a comparison with the case's tolerance, if it has none and the bits differ.

    That below the smallest normal float bits may be lost is none.
    """
    allowed, least = tolerance(case).get(comparison.tensor), np.finfo(case.dtype).smallest_normal
    if comparison.ok or allowed is None or np.any(comparison.allowed > least):
        return comparison
    return replace(comparison, allowed=allowed)
