"""Properties of a layer without PyTorch: each compares a layer's results with its own.

If both sides are the same operations on the same numbers, they have to be equal bit for bit. If the
operations differ, the difference has to be within the tolerance.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from compare.check.cases.choices import INITIAL_STATES
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    SEQUENCES,
    STATES,
    backward,
    backward_pass,
    build,
    copy_floats,
    copy_results,
    copy_state,
    forward,
    forward_pass,
    list_optional,
    match_bits,
    match_results,
    match_within,
    name_gradients,
    name_outputs,
    run,
    run_both_passes,
    run_layer,
)
from compare.check.cases.levels import LAYOUTS
from compare.check.properties.property import (
    Compared,
    NotPromised,
    collect_properties,
    layer_property,
)
from compare.implementations import INFERENCE, Array, Layer, LayerClass, Results
from compare.parity import Comparison

ARRAYS = ("x", "h0", "c0", "lengths", "d_output", "d_h_n", "d_c_n")


def draw_other_floats(case: LayerCase, shape: tuple[int, ...]) -> Array:
    """Return other floats of the case's dtype."""
    return np.random.default_rng([case.seed, 3]).normal(size=shape).astype(case.dtype)


# Arguments --------------------------------------------------------------------------------------


@layer_property(long=True)
def arguments_unchanged(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The layer does not change its arguments."""
    layer = build(layer_class, case)
    mine = case.attach_floats(copy_floats(case))
    before = copy_results(_list_arrays(case, layer))
    _, _, tape = forward_pass(layer, mine.floats)
    backward_pass(layer, tape, mine.floats)
    yield match_bits(before, _list_arrays(mine, layer), case)


def _list_arrays(case: LayerCase, layer: Layer) -> Results:
    """Return all arrays that a layer reads, by name: its arguments, masks and parameters."""
    masks = {f"dropout_masks[{k}]": mask for k, mask in enumerate(case.floats.dropout_masks or ())}
    return _pick_arrays(case) | masks | dict(layer.parameters)


def _pick_arrays(case: LayerCase, names: tuple[str, ...] = ARRAYS) -> Results:
    """Return the named arguments that a case has."""
    return {name: a for name in names if (a := getattr(case.floats, name)) is not None}


def _repeat_first_row(a: Array) -> Array:
    if a.ndim < 2:
        return a.copy()
    row = a[..., :1, :].copy()
    strides = (*row.strides[:-2], 0, row.strides[-1])
    return np.lib.stride_tricks.as_strided(row, a.shape, strides)


@layer_property(long=True)
def any_memory_layout(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Arrays may be in Fortran order, reversed, not contiguous or broadcast."""
    right = run(layer_class, case)
    for layout, lay_out in (LAYOUTS | {"one row in the place of all": _repeat_first_row}).items():
        is_exact = lay_out is not _repeat_first_row or case.nonlinearity == "tanh"
        arrays = _pick_arrays(case, ("x", "h0", "c0") * is_exact + ARRAYS[4:])  # ReLU has a kink
        laid_out = {name: lay_out(array) for name, array in arrays.items()}
        plain = case.replace_arrays(
            **{name: np.array(a, order="C") for name, a in laid_out.items()}
        )
        if lay_out is _repeat_first_row:
            right = run(layer_class, plain)
        comparisons = _match_layouts(layer_class, plain, laid_out, right)
        if not all(comparison.ok for comparison in comparisons):
            by_array = _match_each_layout(layer_class, plain, laid_out, right, layout)
            comparisons = next(by_array, comparisons)
        yield comparisons


def _match_layouts(
    layer_class: LayerClass, plain: LayerCase, laid_out: Results, right: Results
) -> tuple[Comparison, ...]:
    """Compare the results of a case with those after some of its arrays get another layout."""
    floats, layer = plain.replace_arrays(**laid_out).floats, build(layer_class, plain)
    return match_results(right, run_both_passes(layer, floats), plain)


def _match_each_layout(
    layer_class: LayerClass, plain: LayerCase, laid_out: Results, right: Results, layout: str
) -> Compared:
    """Yield the comparisons for each array whose layout alone changes results, and name it."""
    for name, array in laid_out.items():
        comparisons = _match_layouts(layer_class, plain, {name: array}, right)
        if not all(comparison.ok for comparison in comparisons):
            suffix = f"with {name} in another layout ({layout})"
            yield tuple(
                replace(comparison, tensor=f"{comparison.tensor}, {suffix}")
                for comparison in comparisons
            )


# The tape ---------------------------------------------------------------------------------------


@layer_property(long=True, gradients=True, again=True)
def second_backward(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A second backward pass on the same tape gives the same gradients."""
    layer = build(layer_class, case)
    _, tape = forward(layer, case)
    floats = copy_floats(case)  # the same arrays both times
    once = copy_results(name_gradients(backward_pass(layer, tape, floats)))
    yield match_bits(once, name_gradients(backward_pass(layer, tape, floats)), case)


@layer_property(long=True, dropout=0.0)
def call_as_forward(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A call gives the results of forward, in evaluation mode and without gradients."""
    layer: Any = build(layer_class, case)  # not every layer can be called
    for _ in range(2):
        floats = copy_floats(case)
        results = name_outputs(
            *layer(floats.x, copy_state(floats.h0, floats.c0), **list_optional(floats))
        )
        yield match_results(forward(layer, case)[0], results, case)


@layer_property(long=True, again=True, h0=(False, True))
def second_call(layer_class: LayerClass, case: LayerCase) -> Compared:
    """No state is kept between calls: each starts from the given state, or from zeros."""
    layer = build(layer_class, case)
    forward(layer, case)
    yield match_bits(run(layer_class, case), run_layer(layer, case), case)


# Arguments that are not given -------------------------------------------------------------------


@layer_property(unbatched=False, lengths=False, one_hot=(True, False))
def empty_batch(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A batch without rows gives empty results."""
    if INFERENCE in case.lacks:
        raise NotPromised("it may end its process")
    results, axis = run(layer_class, case), case.batch_axis
    nobody = np.empty(0, np.intp)
    of_x = {"x": axis, "d_output": axis}
    empty = {name: a.take(nobody, of_x.get(name, 1)) for name, a in _pick_arrays(case).items()}
    masks = case.floats.dropout_masks and tuple(mask[:, :0] for mask in case.floats.dropout_masks)
    axes = dict.fromkeys(SEQUENCES, axis) | dict.fromkeys((*STATES, *INITIAL_STATES), 1)
    expected = {
        n: a.take(nobody, axes[n]) if n in axes else np.zeros_like(a) for n, a in results.items()
    }
    yield match_bits(
        expected, run(layer_class, case.replace_arrays(**empty, dropout_masks=masks)), case
    )


# Backward is linear -----------------------------------------------------------------------------


@layer_property(long=True, gradients=True)
def backward_scales(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The gradients are proportional to the upstream gradients.

    A power of two and a change of sign lose no bit. But below the smallest normal float bits are
    lost, where units are saturated. Elsewhere the factor is so large that it changes a gradient
    that a layer clips in its backward pass. Gradients are divided by the factor again: so those of
    a kernel that adds in another order each time have the tolerance of the case.
    """
    smallest = 0.0 if case.cell == "rnn" else float(np.finfo(case.dtype).smallest_normal)
    layer = build(layer_class, case)
    _, tape = forward(layer, case)
    expected = backward(layer, case, tape)
    allowed = dict.fromkeys(expected, np.asarray(smallest))
    for factor in (2.0 if case.saturated else 256.0, -0.5, 0.0):
        back = {n: a * a.dtype.type(factor) for n, a in _pick_arrays(case, ARRAYS[4:]).items()}
        scaled = backward(layer, case.replace_arrays(**back), tape)
        if factor == 0:
            zeros = {name: np.zeros_like(array) for name, array in expected.items()}
            yield match_within(allowed, zeros, scaled, case)
        else:
            again = {name: array / array.dtype.type(factor) for name, array in scaled.items()}
            yield match_within(allowed, expected, again, case)


# Weights and inputs -----------------------------------------------------------------------------


@layer_property(one_hot=True)
def one_hot_as_dense(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Token numbers give the results of their one-hot rows."""
    results = run(layer_class, case)
    dense = run(layer_class, case.replace_arrays(x=np.eye(case.V, dtype=case.dtype)[case.floats.x]))
    dense.pop("gradient of x", None)  # token numbers have none
    yield match_results(dense, results, case)
    for dtype in (np.int32, np.uint8):
        others = run(layer_class, case.replace_arrays(x=case.floats.x.astype(dtype)))
        yield match_bits(results, others, case)


@layer_property(cells=("rnn",), gradients=True, nonlinearity="relu")
def relu_at_zero(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The derivative of ReLU at 0 is 0."""
    zeros = {name: np.zeros_like(array) for name, array in case.floats.parameters.items()}
    results = run(layer_class, case.replace_arrays(parameters=zeros))
    yield match_bits({name: np.zeros_like(array) for name, array in results.items()}, results, case)


@layer_property(cells=("rnn", "lstm"), bias=True)
def two_biases(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Only the sum of the two biases matters; b_hn of a GRU is an exception."""
    parameters, results = case.floats.parameters, run(layer_class, case)
    partner = {n: n.replace("ih", "hh") for n in parameters if n.startswith("bias_ih")}
    pairs = [(f"gradient of {n}", f"gradient of {other}") for n, other in partner.items()]
    ours = {gradient: results[gradient] for gradient, _ in pairs if gradient in results}
    theirs = {gradient: results[other] for gradient, other in pairs if other in results}
    if not case.one_bias:
        yield match_bits(ours, theirs, case)
    partner |= {other: name for name, other in partner.items()}
    exchanged = {name: parameters[partner.get(name, name)] for name in parameters}
    yield match_results(results, run(layer_class, case.replace_arrays(parameters=exchanged)), case)


PROPERTIES = collect_properties(vars())
