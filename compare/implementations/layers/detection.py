"""Detect how a class lays out its arrays, by passes through a small layer.

The sizes are all different, so shapes decide most conventions. Numbers decide the rest: in its own
layout, the class gives results that are nearest to scratch_rnn's, even if it has a mistake.
Another order of the gates has to give the same numbers, because a mistake can look like one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import (
    HOPELESS,
    CallFailed,
    UnexpectedResult,
    Verdict,
    is_refusal,
    is_slip,
)
from compare.implementations.core.guesses import guess_cell_of_class, guess_cell_of_shapes
from compare.implementations.core.interface import Array
from compare.implementations.layers.user_layer import UserLayer, UserLayerFactory, UserTape
from compare.implementations.layouts.conventions import (
    BIASES,
    INFERENCE,
    INITIAL,
    LAST,
    LAST_CELL,
    STATE_GRADIENT,
    Conventions,
    list_conventions,
    list_readings,
)
from compare.implementations.layouts.parameters import BOTH
from compare.implementations.worker.client import Handle, Submission
from scratch_rnn.arrays import State, arrays_of, each

T, B, V, H = 3, 2, 4, 5
EQUAL = 1e-3  # no rounding is larger, and no other layout gives numbers as near
FARTHEST = float(np.finfo(np.float64).max)  # an infinite result is still a result


class Fit(NamedTuple):
    """The distance of a class from ours under some conventions; the smaller fit is the better."""

    distance: float  # infinite if it has no results, or results of other shapes; 0 if it is ours
    broadcasts: bool  # a state of another shape gave the same numbers: its gradient has its own
    raises: bool  # an exception says less of a layout than results of other shapes
    conventions: Conventions
    failure: CallFailed | None = None

    @property
    def level(self) -> int:
        """0 if it is ours, 1 if it has all results, 2 if it has no last state, 3 without any."""
        lacks_last = LAST in self.conventions.lacks
        return 3 if math.isinf(self.distance) else (1 + lacks_last) * (self.distance > 0)


def detect_cell(submission: Submission) -> str:
    """Return the cell that the names of a class show, or else the shapes of its parameters.

    Empty if neither does; CallFailed if the class gives no layer in time.
    """
    if named := guess_cell_of_class(submission.kinds):
        return named
    try:
        parameters = UserLayerFactory(submission, next(iter(CELLS)))(V, H).own_parameters()
    except CallFailed as failure:
        if failure.verdict == Verdict.TIMEOUT:  # each layer would take as long
            raise
        return ""
    return guess_cell_of_shapes((array.shape for array in parameters.values()), V, H)


def detect_conventions(layers: UserLayerFactory) -> None:
    """Give layers the conventions under which they come nearest to ours.

    CallFailed if nothing fits; layers have the most telling conventions.
    """
    fits: list[Fit] = []
    for conventions, is_only_exact in _list_candidates(layers, fits):
        layers.conventions = conventions
        try:
            distance, broadcasts = _compare(layers)
            fit = Fit(distance, broadcasts, False, layers.conventions)
        except CallFailed as failure:
            raises = failure.verdict != Verdict.WRONG
            fit = Fit(math.inf, False, raises, layers.conventions, failure)
        if fit.distance == 0 or not is_only_exact:
            fits.append(fit)
        is_hopeless = fit.failure is not None and fit.failure.verdict in HOPELESS
        if is_hopeless or (fit.distance == 0 and not fit.broadcasts):
            break
    best = min(fits, key=lambda fit: (fit.level, *fit[:3]))
    layers.conventions = best.conventions
    if layers.submission.adapter == "torch_module" and layers.conventions.names:
        layers.conventions.evaluates = bool(layers(V, H).ask("is_used", "evaluation mode"))
    if layers.submission.infers_only:
        layers.conventions.lacks |= {INFERENCE}
    if best.failure is not None:
        is_promised = best.conventions.names and not best.conventions.has_own_names
        is_theirs = is_promised or is_slip(best.failure, layers.submission.kinds)
        if not best.raises or is_refusal(best.failure) or (best.failure.kinds and not is_theirs):
            best.failure.verdict = Verdict.NOT_TRIED  # its form is another one
        raise best.failure


def _list_candidates(
    layers: UserLayerFactory, fits: Sequence[Fit]
) -> Iterator[tuple[Conventions, bool]]:
    """Yield the conventions that a class may have, and whether only equal results show them.

    Ours come first. After those under which the class has results, the other
    readings of its names follow: other orders of the gates, and its biases in each other's place. A
    cell, or a class that begins at zero, is known by equal results if other kinds have some.
    """
    for conventions in list_conventions():
        is_steps = conventions.step and layers.submission.adapter not in ("", "torch_module")
        if is_steps or (conventions.state_first and BOTH not in layers.conventions.names):
            continue
        kind = INITIAL in conventions.lacks, conventions.step
        earlier = [f for f in fits if (INITIAL in f.conventions.lacks, f.conventions.step) < kind]
        most = 1 if conventions.step else 2  # a cell may have outputs of a sequence, too
        yield conventions, any(fit.level <= most for fit in earlier)
        learned = layers.conventions
        # A class with PyTorch's names is expected to use PyTorch's gate order.
        if fits[-1].conventions is learned and fits[-1].level < 3 and learned.has_own_names:
            for reading in [*list_readings(learned, layers.cell, layers.order)][1:]:
                yield reading, True


def _compare(layers: UserLayerFactory) -> tuple[float, bool]:
    """Return how far a small layer is from ours, and whether its state is broadcast.

    CallFailed if its results have other shapes.
    """
    if not layers.conventions.names:
        layers.learn(V, H)
    conventions = layers.conventions
    rng, cell = np.random.default_rng(0), CELLS[layers.cell]
    dtype = np.dtype("float64" if layers.own_dtype == "float64" else "float32")
    ours = cell.scratch_layer(V, H, dtype=dtype, rng=rng)
    absent = "bias" if BIASES in conventions.lacks else "bias_hh" if conventions.one_bias else "-"
    for name, array in ours.parameters.items():
        array *= not name.startswith(absent)
    x = rng.standard_normal((T, B, V)).astype(dtype)
    state = each(lambda zeros: rng.standard_normal(zeros.shape).astype(dtype), ours.begin_state(B))
    initial = None if INITIAL in conventions.lacks else state
    expected = _flatten_results(ours.forward(x, initial))
    layer = layers(V, H)
    layer.load(ours.parameters)
    try:
        result = layer.forward(x, initial)
    except CallFailed as failure:
        if failure.kinds and _learn_anew(layers):  # otherwise its process has ended
            return _compare(layers)
        raise
    if _learn_anew(layers):
        return _compare(layers)
    got = _flatten_results(result)
    lost = {1: {LAST}, 2: {LAST_CELL} if len(expected) > 2 else set()}.get(len(got), set())
    conventions.lacks |= lost
    shapes = [array.shape for array in expected[: len(got)]]
    if [array.shape for array in got] != shapes:
        raise UnexpectedResult(f"results of shapes {shapes}", f"{[array.shape for array in got]}")
    differences = (np.abs(a - b).max() for a, b in zip(expected, got, strict=False))
    distance = max(float(np.nan_to_num(d, nan=FARTHEST, posinf=FARTHEST)) for d in differences)
    is_equal = distance < EQUAL
    return (0.0 if is_equal else distance), _is_broadcast(layers, layer, *result) and is_equal


def _is_broadcast(
    layers: UserLayerFactory, layer: UserLayer, output: Array, state: State | None, tape: UserTape
) -> bool:
    """Return whether the gradient of the state has another shape than the state.

    Note whether there is such a gradient, and whether `backward` has another form.
    """
    if layer.forward_only or layer.submission.adapter:
        return False
    try:
        gradient = layer.backward(tape, output, state).state
    except CallFailed as failure:
        layers.other_backward = failure.verdict == Verdict.NOT_TRIED
        return False
    if not tape.has_state:
        return False
    shapes = [[np.asarray(h).shape for h in arrays_of(states)] for states in (gradient, state)]
    layers.conventions.lacks |= {STATE_GRADIENT} if gradient is None else set()
    return gradient is not None and shapes[0] != shapes[1]


def _learn_anew(layers: UserLayerFactory) -> bool:
    """Learn the parameters again, without the arrays that a call assigns; return whether it could.

    Nothing is learned again if none of these arrays was taken for a parameter. If too few arrays
    are left, such an array is a parameter that a call changes, and what was learned before holds.
    """
    is_numpy, look = not layers.submission.adapter, layers.submission.look
    assigned = {*look(Handle(0), "findings", "set_by_calls")} if is_numpy else set()
    before = replace(layers.conventions)
    if not assigned & before.used:
        return False
    layers.set_by_calls, layers.conventions = assigned, replace(before, names={})
    try:
        layers.learn(V, H)
    except UnexpectedResult:
        layers.set_by_calls, layers.conventions = set(), before
        return False
    return True


def _flatten_results(result: tuple[Array, State | None, object]) -> list[Array]:
    """Return the output, and the arrays of the last state."""
    output, state, _ = result
    states = () if state is None else arrays_of(state)
    return [np.asarray(array, np.float64) for array in (output, *states)]
