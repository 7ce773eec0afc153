"""Properties of modules of PyTorch: their modes, their copies, and what all code shares."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
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
from compare.check.properties.of_memory import scale_parameters
from compare.check.properties.property import Compared, collect_properties, layer_property
from compare.implementations import LayerClass, Results, Trouble, UserLayer, load_parameters

COPIES = {"deepcopy": "copy.deepcopy", "pickle": "pickle", "state_dict": "load_state_dict"}


def _build(layer_class: LayerClass, case: LayerCase) -> UserLayer:
    layer = build(layer_class, case)
    assert isinstance(layer, UserLayer)
    return layer


def _list_cases(case: LayerCase) -> Iterator[LayerCase]:
    """Yield a case, and one of a single step."""
    yield case
    if case.T > 1:
        yield replace(case, T=1)


@layer_property(gradients=True, again=True, dropout=0.0, likely="It differs in `eval()`.")
def evaluation_as_training(layer_class: LayerClass, case: LayerCase) -> Compared:
    """In the mode of evaluation results and gradients are those of training, call after call."""
    for each in _list_cases(case):
        layer = _build(layer_class, each)
        layer.set_mode(True)
        right = run(layer_class, each)
        for _ in range(2):
            yield match_results(right, run_layer(layer, each), each)


@layer_property(again=True, dropout=0.0, likely="In `eval()` some weights are those of earlier.")
def loaded_in_evaluation(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Parameters that are loaded between two calls without gradients are used from then on.

    The arguments stay as they are.
    """
    layer, other = _build(layer_class, case), scale_parameters(case, 0.5)
    for each in (case, other):
        load_parameters(layer, each.floats.parameters)
        floats = copy_floats(each)
        state = copy_state(floats.h0, floats.c0)
        found = name_outputs(*layer(floats.x, state, **list_optional(floats)))
        yield match_results(forward(_build(layer_class, each), each)[0], found, each)


@layer_property(again=True, likely="Without gradients an argument is overwritten.")
def arguments_in_evaluation(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A call without gradients does not change its arguments."""
    floats = copy_floats(case)
    given = {n: a for n in ("x", "h0", "c0") if (a := getattr(floats, n)) is not None}
    before = {name: array.copy() for name, array in given.items()}
    state = join_states(floats.h0, floats.c0)
    _build(layer_class, case)(floats.x, state, **list_optional(floats))
    yield match_bits(before, given, case)


@layer_property(again=True, likely="A copy shares something with the module that it was made from.")
def copies(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A deep copy, a pickled one and one that loads the state_dict have the same values, apart."""
    right, other = run(layer_class, case), scale_parameters(case, 0.5)
    for how in COPIES:
        layer = _build(layer_class, case)
        try:
            duplicate = layer.duplicate(how)
        except Trouble:  # not every module can be pickled
            continue
        load_parameters(layer, other.floats.parameters, "in place")
        yield match_results(right, run_layer(duplicate, case), case)


@layer_property(gradients=True, again=True, likely="The gradient of x depends on those of weights.")
def frozen_parameters(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Without gradients of the parameters, those of x and the state are the same."""
    layer = _build(layer_class, case)
    right = run_layer(layer, case)
    layer.freeze(False)
    found = run_layer(layer, case)
    layer.freeze(True)
    yield match_results(_leave_parameters(right), _leave_parameters(found), case)


def _leave_parameters(results: Results) -> Results:
    return {name: array for name, array in results.items() if "_l" not in name}


@layer_property(
    again=True,
    strict=True,
    likely="It draws or seeds the random numbers that all code of a program shares.",
)
def shared_random_numbers(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A pass leaves the global random state as it is, and the constructor seeds nothing."""
    layer = _build(layer_class, case)
    before = layer.read_random_state()
    run_layer(layer, case)
    yield match_bits({"state": before}, {"state": layer.read_random_state()}, case)
    drawn = [_build(layer_class, case).draw_random_number() for _ in range(2)]
    seeded = np.asarray(float(drawn[0] == drawn[1]), case.dtype)
    yield match_bits({"seeds": np.zeros_like(seeded)}, {"seeds": seeded}, case)


PROPERTIES = collect_properties(vars())
