"""Properties of PyTorch modules: their modes, their copies, and the state that all code shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    OF_ARGUMENTS,
    OUTPUTS,
    build,
    copy_floats,
    copy_state,
    forward,
    join_states,
    list_optional,
    match_bits,
    match_results,
    name_outputs,
    run,
    run_layer,
)
from compare.check.properties.memory import scale_parameters
from compare.check.properties.property import (
    Compared,
    NotPromised,
    collect_properties,
    layer_property,
)
from compare.implementations import (
    STACKED,
    CallFailed,
    LayerClass,
    Results,
    UserLayer,
    load_parameters,
)

COPIES = {"deepcopy": "copy.deepcopy", "pickle": "pickle", "state_dict": "load_state_dict"}


def _build(layer_class: LayerClass, case: LayerCase) -> UserLayer:
    layer = build(layer_class, case)
    assert isinstance(layer, UserLayer)
    return layer


@contextmanager
def _use(layer: UserLayer, how: str) -> Iterator[None]:
    layer.ask("use", how, True)
    try:
        yield
    finally:
        layer.ask("use", how, False)


def _list_cases(case: LayerCase) -> Iterator[LayerCase]:
    """Yield a case, and one of a single step."""
    yield case
    if case.T > 1:
        yield replace(case, T=1)


@layer_property(
    long=True, gradients=True, again=True, dropout=0.0, likely="It differs in `eval()`."
)
def evaluation_as_training(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Evaluation mode gives the results and gradients of training mode, call after call."""
    for variant in _list_cases(case):
        layer = _build(layer_class, variant)
        layer.ask("set_mode", True)
        right = run(layer_class, variant)
        for _ in range(2):
            yield match_results(right, run_layer(layer, variant), variant)


def _call(layer: UserLayer, case: LayerCase) -> Results:
    """Return the results of a call without gradients."""
    floats = copy_floats(case)
    state = copy_state(floats.h0, floats.c0)
    return name_outputs(*layer(floats.x, state, **list_optional(floats)))


@layer_property(
    long=True, again=True, dropout=0.0, likely="In `eval()` some weights are out of date."
)
def changed_in_evaluation(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The next call in evaluation mode uses changed parameters, however they were changed.

    They are loaded, copied (with and without PyTorch's count of versions) or replaced, without a
    change of the mode in between. The arguments stay the same.
    """
    layer = _build(layer_class, case)
    layer.ask("set_mode", True)  # from now on it may keep what it computes from its parameters
    _call(layer, case)
    run_layer(layer, case)
    for how, factor in (("in place", -0.5), ("copied", 0.5), ("replaced", -1.0), ("loaded", 0.5)):
        other = scale_parameters(case, factor)
        load_parameters(layer, other.floats.parameters, how)
        right = run(layer_class, other)
        outputs = _call(layer, other)
        yield match_results({name: right[name] for name in outputs}, outputs, other)
        yield match_results(right, run_layer(layer, other), other)


@layer_property(again=True, dropout=0.0, likely="In `eval()` some weights are out of date.")
def new_parameters(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A new Parameter has the same effect in evaluation as in training.

    A module may keep its old Parameters, in a list for example, but then in both modes.
    """
    other, outputs = scale_parameters(case, 0.5), []
    for evaluates in (False, True):
        layer = _build(layer_class, case)
        layer.ask("set_mode", evaluates)
        run_layer(layer, case)
        try:
            load_parameters(layer, other.floats.parameters, "new")
        except CallFailed:
            raise NotPromised("its parameters cannot be replaced") from None
        outputs.append(forward(layer, other)[0])
    yield match_results(outputs[0], outputs[1], other)


@layer_property(long=True, again=True, likely="Without gradients an argument is overwritten.")
def arguments_in_evaluation(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A call without gradients does not change its arguments."""
    floats = copy_floats(case)
    arguments = {n: a for n in ("x", "h0", "c0") if (a := getattr(floats, n)) is not None}
    before = {name: array.copy() for name, array in arguments.items()}
    state = join_states(floats.h0, floats.c0)
    _build(layer_class, case)(floats.x, state, **list_optional(floats))
    yield match_bits(before, arguments, case)


@layer_property(again=True, likely="A copy shares something with the module that it was made from.")
def copies(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A deep copy, a pickled one and one that loads the state_dict have the same values, apart."""
    right, other = run(layer_class, case), scale_parameters(case, 0.5)
    for how in COPIES:
        layer = _build(layer_class, case)
        try:
            duplicate = layer.duplicate(how)
        except CallFailed:  # not every module can be pickled
            continue
        load_parameters(layer, other.floats.parameters, "in place")
        try:
            copied = run_layer(duplicate, case)
        except CallFailed as failure:
            raise NotPromised(f"a copy of it cannot be called: {failure}") from None
        yield match_results(right, copied, case)


P = 0.5
"""The probability of dropout; what is left is divided by 1 - P."""


@layer_property(cells=STACKED, L=2, dropout=0.0, likely="Dropout is applied in `eval()`, too.")
def dropout_in_evaluation(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Dropout changes nothing in evaluation mode."""
    layer = _build(layer_class, replace(case, dropout=P).attach_floats(case.floats))
    layer.ask("set_mode", True)
    yield match_results(run(layer_class, case), run_layer(layer, case), case)


@layer_property(
    cells=STACKED,
    L=2,
    bidirectional=False,
    unbatched=False,
    lengths=False,
    projected=False,
    one_hot=False,
    dropout=0.0,
    nonlinearity="tanh",
    likely="Dropout zeroes some outputs of each layer but the last, divides the others by 1 - p.",
)
def dropout_in_training(layer_class: LayerClass, case: LayerCase) -> Compared:
    """An entry between two layers is 0 or divided by 1 - p in training mode.

    The second layer's weights are tiny, and each of its units reads one input: so it is linear.
    """
    case = replace(case, T=1, B=8, H=8, h0=True, rounded=False)
    floats = case.floats
    parameters = {n: a * 0 if n.endswith("_l1") else a for n, a in floats.parameters.items()}
    eye = np.eye(case.H, dtype=case.dtype) / 1024
    parameters["weight_ih_l1"] = np.concatenate([eye] * case.G)
    zeros = {n: None if (a := getattr(floats, n)) is None else a * 0 for n in ("h0", "c0")}
    case = case.replace_arrays(parameters=parameters, **zeros)
    layer = _build(layer_class, replace(case, dropout=P).attach_floats(case.floats))
    expected = forward(build(layer_class, case), case)[0]["output"]
    is_there = expected != 0
    layer.ask("set_mode", False)
    with _use(layer, "random numbers"):
        ratios = forward(layer, case)[0]["output"][is_there] / expected[is_there]
    kept = ratios[np.abs(ratios) > (1 - P) / 2]
    other = kept[~(np.abs(kept * (1 - P) - 1) < P / 8)]  # NaN, too
    factor = other[0] if other.size else 1 / (1 - P) if kept.size else np.nan
    zeroed, scaled = "1 if dropout zeroes some outputs", "factor of the outputs that it keeps"
    right = {zeroed: np.ones((), case.dtype), scaled: np.array(1 / (1 - P), case.dtype)}
    got = {zeroed: np.array(kept.size < ratios.size, case.dtype)}
    yield match_bits(right, got | {scaled: np.array(factor, case.dtype)}, case)


@layer_property(gradients=True, again=True, likely="Frozen weights change the gradient of x.")
def frozen_parameters(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Frozen parameters do not change the gradients of x and the state."""
    layer = _build(layer_class, case)
    right = run_layer(layer, case)
    layer.ask("freeze", False)
    frozen = run_layer(layer, case)
    layer.ask("freeze", True)
    yield match_results(_leave_parameters(right), _leave_parameters(frozen), case)


def _leave_parameters(results: Results) -> Results:
    return {n: array for n, array in results.items() if n in (*OUTPUTS, *OF_ARGUMENTS)}


@layer_property(gradients=True, likely="A gradient is left out if x needs none.")
def input_without_gradient(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The gradients of the parameters and the state are the same if x needs no gradient."""
    layer = _build(layer_class, case)
    right = run_layer(layer, case)
    with _use(layer, "x without a gradient"):
        results = run_layer(layer, case)
    yield match_results(right | {"gradient of x": results["gradient of x"]}, results, case)


@layer_property(one_hot=False, dropout=0.0, saturated=False, likely="It differs under autocast.")
def autocast(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Under autocast the outputs are the same, but for the rounding of bfloat16."""
    case = replace(case, precision="bfloat16").attach_floats(case.floats)
    layer = _build(layer_class, case)
    right = forward(layer, case)[0]
    with _use(layer, "autocast"):
        try:
            outputs = forward(layer, case)[0]
        except CallFailed as failure:
            raise NotPromised(f"it cannot be called under autocast: {failure}") from None
    yield match_results(right, outputs, case)


PROPERTIES = collect_properties(vars())
