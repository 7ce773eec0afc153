"""Detect how a class lays out its arrays, by passes through a small layer.

The sizes are all different, so shapes decide most conventions. Numbers decide the rest: in its own
layout, the class gives results that are nearest to scratch_rnn's, even if it has a mistake.
Another order of the gates has to give the same numbers, because a mistake can look like one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import HOPELESS, CallFailed, UnexpectedResult, Verdict
from compare.implementations.core.guesses import guess_cell_of_class, guess_cell_of_shapes
from compare.implementations.core.interface import Array
from compare.implementations.layers.user_layer import UserLayer, UserLayerFactory, UserTape
from compare.implementations.layouts.conventions import OF_A_CALL, Conventions, list_conventions
from compare.implementations.layouts.parameters import BOTH
from compare.implementations.worker.client import Submission
from scratch_rnn.arrays import State, arrays_of, each

T, B, V, H = 3, 2, 4, 5
EQUAL = 1e-3  # no rounding is larger, and no other layout gives numbers as near
FARTHEST = float(np.finfo(np.float64).max)  # an infinite result is still a result


class Fit(NamedTuple):
    """How near a class comes to ours under some conventions; of two fits the smaller is better."""

    distance: float  # infinite if it has no results, or results of other shapes; 0 if it is ours
    broadcasts: bool  # a state of another shape gave the same numbers: its gradient has its own
    raises: bool  # an exception says less of a layout than results of other shapes
    conventions: Conventions


def detect_cell(submission: Submission) -> str:
    """Return the cell that the names of a class show, or else the shapes of its parameters.

    Empty if neither does; CallFailed if the class gives no layer in time.
    """
    if named := guess_cell_of_class(submission.kinds):
        return named
    try:
        found = UserLayerFactory(submission, next(iter(CELLS)))(V, H).own_parameters()
    except CallFailed as failure:
        if failure.verdict == Verdict.TIMEOUT:  # each layer would take as long
            raise
        return ""
    return guess_cell_of_shapes((array.shape for array in found.values()), V, H)


def detect_conventions(layers: UserLayerFactory) -> None:
    """Give layers the conventions under which they come nearest to ours.

    Those that flags state are tried first, and others only if none of these fits: UsageError says
    then what the class does. CallFailed if nothing fits; layers have the most telling conventions.
    """
    fits: list[Fit] = []
    failures: list[CallFailed] = []
    for conventions in _candidates(layers, fits):
        is_found = any(math.isfinite(fit.distance) for fit in fits)
        if is_found and not layers.flags.allow(conventions):
            break
        layers.conventions = conventions
        try:
            distance, broadcasts = _compare(layers)
            fit = Fit(distance, broadcasts, False, layers.conventions)
        except CallFailed as failure:
            failures.append(failure)
            fit = Fit(math.inf, False, failure.verdict != Verdict.WRONG, layers.conventions)
        is_other_order = conventions.order not in ((), layers.flags.order)
        if fit.distance == 0 or not is_other_order:
            fits.append(fit)
        is_hopeless = bool(failures) and failures[-1].verdict in HOPELESS
        if is_hopeless or (fit.distance == 0 and not fit.broadcasts):
            break
    best = min(fits, key=lambda fit: fit[:3])
    layers.conventions = best.conventions
    if math.isinf(best.distance):
        raise failures[0]
    for name in OF_A_CALL:
        layers.flags.check(name, getattr(layers.conventions, name))


def _candidates(layers: UserLayerFactory, fits: Sequence[Fit]) -> Iterator[Conventions]:
    """Yield the conventions that a class may have: first the flags', then ours.

    After those under which it has results, other orders of the gates follow.
    """
    for conventions in sorted(list_conventions(), key=layers.flags.allow, reverse=True):
        if conventions.columns and layers.submission.adapter:
            continue
        if conventions.state_first and BOTH not in layers.conventions.names:
            continue
        yield conventions
        learned, has_results = layers.conventions, math.isfinite(fits[-1].distance)
        # A class with PyTorch's names is expected to use PyTorch's gate order.
        if has_results and learned.has_own_names and not layers.flags.order:
            for order in list(permutations(CELLS[layers.cell].gates))[1:]:
                yield replace(learned, order=order)


def _compare(layers: UserLayerFactory) -> tuple[float, bool]:
    """Return how far a small layer is from ours, and whether its state is broadcast.

    CallFailed if its results have other shapes.
    """
    if not layers.conventions.names:
        layers.learn(V, H)
    rng, cell = np.random.default_rng(0), CELLS[layers.cell]
    dtype = np.dtype("float64" if layers.own_dtype == "float64" else "float32")
    ours = cell.scratch_layer(V, H, dtype=dtype, rng=rng)
    if layers.conventions.one_bias:
        ours.parameters["bias_hh_l0"][:] = 0
    x = rng.standard_normal((T, B, V)).astype(dtype)
    state = each(lambda zeros: rng.standard_normal(zeros.shape).astype(dtype), ours.begin_state(B))
    expected = _arrays(ours.forward(x, state))
    layer = layers(V, H)
    layer.load(ours.parameters)
    try:
        result = layer.forward(x, state)
    except CallFailed as failure:
        if failure.kinds and _learn_anew(layers):  # otherwise its process has ended
            return _compare(layers)
        raise
    if _learn_anew(layers):
        return _compare(layers)
    got, shapes = _arrays(result), [array.shape for array in expected]
    if [array.shape for array in got] != shapes:
        raise UnexpectedResult(f"results of shapes {shapes}", f"{[array.shape for array in got]}")
    differences = (np.abs(a - b).max() for a, b in zip(expected, got, strict=True))
    distance = max(float(np.nan_to_num(d, nan=FARTHEST, posinf=FARTHEST)) for d in differences)
    is_equal = distance < EQUAL
    return (0.0 if is_equal else distance), is_equal and _broadcasts(layer, *result)


def _broadcasts(layer: UserLayer, output: Array, state: State | None, tape: UserTape) -> bool:
    """Whether the gradient of the state has another shape than the state that was given."""
    if layer.forward_only or layer.submission.adapter:
        return False
    try:
        gradient = layer.backward(tape, output, state).state
    except CallFailed:
        return False
    shapes = ([np.asarray(h).shape for h in arrays_of(given)] for given in (gradient, state))
    return next(shapes) != next(shapes)


def _learn_anew(layers: UserLayerFactory) -> bool:
    """Learn the parameters again, without the arrays that a call assigns; return whether it could.

    Nothing is learned again if none of these arrays was taken for a parameter. If too few arrays
    are left, such an array is a parameter that a call changes, and what was learned before holds.
    """
    assigned = {*layers.look("set_by_calls")}
    before = replace(layers.conventions)
    if not assigned & {one for several in before.names.values() for one in several}:
        return False
    layers.set_by_calls, layers.conventions = assigned, replace(before, names={})
    try:
        layers.learn(V, H)
    except UnexpectedResult:
        layers.set_by_calls, layers.conventions = set(), before
        return False
    return True


def _arrays(result: tuple[Array, State | None, object]) -> list[Array]:
    """Return the output, and the arrays of the last state."""
    output, state, _ = result
    return [np.asarray(array, np.float64) for array in (output, *arrays_of(state))]
