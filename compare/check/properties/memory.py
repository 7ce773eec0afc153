"""Properties of memory: parameters that are changed, and arrays that are returned."""

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    OUTPUTS,
    backward,
    backward_pass,
    build,
    copy_floats,
    copy_results,
    forward,
    forward_pass,
    keep_result,
    match_bits,
    match_results,
    name_gradients,
    name_outputs,
    run,
    run_layer,
)
from compare.check.properties.every_layer import draw_other_floats
from compare.check.properties.property import Compared, NotTried, collect_properties, layer_property
from compare.implementations import LayerClass, load_parameters


def scale_parameters(case: LayerCase, factor: float, kept: str = "") -> LayerCase:
    """Return the case with its parameters times a power of two, but for one that is kept."""
    parameters = case.floats.parameters
    scaled = {n: a if n == kept else a * a.dtype.type(factor) for n, a in parameters.items()}
    return case.replace_arrays(parameters=scaled)


CHANGES = (
    ("in place", 0.5, "weight_ih_l0"),
    ("loaded", -0.5, "weight_hh_l0"),
    ("in place", 2.0, "weight_hh_l0"),
)
"""Changes of the parameters, one after the other: how, the factor, and which has a factor of 1.

In the first W_ih stays as it is, in the third W_hh: a copy may depend on the values of one alone.
"""


@layer_property(
    long=True, again=True, likely="Its parameters are copied once: an optimizer changes nothing."
)
def changed_parameters(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Parameters that are changed in place, or loaded, are used from the next call on."""
    layer = build(layer_class, case)
    run_layer(layer, case)
    for how, factor, kept in CHANGES:
        other = scale_parameters(case, factor, kept)
        load_parameters(layer, other.floats.parameters, how)
        yield match_bits(run(layer_class, other), run_layer(layer, other), other)


@layer_property(again=True, likely="It still uses some parameters of an earlier call.")
def replaced_parameters(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Other arrays in the place of the parameters are used from the next call on."""
    layer, other = build(layer_class, case), scale_parameters(case, 0.5)
    before = run_layer(layer, case)
    load_parameters(layer, other.floats.parameters, "replaced")
    after = run_layer(layer, other)
    comparisons = match_results(run(layer_class, other), after, other)
    if not all(c.ok for c in comparisons) and all(c.ok for c in match_results(before, after, case)):
        raise NotTried("it keeps its own arrays: change parameters in place")
    yield comparisons


@layer_property(
    long=True, gradients=True, again=True, likely="It mixes two passes: their arrays or parameters."
)
def old_tape(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A tape gives the gradients of its own forward pass.

    In between, the layer computes with other parameters and another x. They are changed back before
    the backward pass, because a backward pass may read them.
    """
    x = (
        (case.floats.x + 1) % case.V
        if case.one_hot
        else draw_other_floats(case, case.floats.x.shape)
    )
    layer, other = build(layer_class, case), scale_parameters(case, 0.5).replace_arrays(x=x)
    _, tape = forward(layer, case)
    load_parameters(layer, other.floats.parameters, "in place")
    run_layer(layer, other)
    load_parameters(layer, case.floats.parameters, "in place")
    expected = run_layer(build(layer_class, case), case)
    gradients = {name: a for name, a in expected.items() if name not in OUTPUTS}
    yield match_bits(gradients, backward(layer, case, tape), case)


@layer_property(again=True, likely="Its instances share their parameters, or something else.")
def two_instances(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A second instance with other parameters changes nothing in the first."""
    expected, first = run(layer_class, case), build(layer_class, case)
    other = scale_parameters(case, 0.5)
    run_layer(build(layer_class, other), other)
    yield match_results(expected, run_layer(first, case), case)


@layer_property(long=True, again=True, likely="A later pass writes into the same memory.")
def returned_arrays(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Returned arrays keep their values while further passes run, of this layer or another."""
    layer, other = build(layer_class, case), scale_parameters(case, 0.5)
    output, state, tape = forward_pass(layer, copy_floats(case))
    outputs_now, before = keep_result(layer, (output, state)), name_outputs(output, state)
    gradients = backward_pass(layer, tape, copy_floats(case))
    gradients_now, before = (
        keep_result(layer, gradients),
        before | copy_results(name_gradients(gradients)),
    )
    if not case.one_hot:
        other = other.replace_arrays(x=draw_other_floats(case, case.floats.x.shape))
    back = {name: getattr(case.floats, name) for name in ("d_output", "d_h_n", "d_c_n")}
    twice = case.replace_arrays(**{name: None if a is None else 2 * a for name, a in back.items()})
    backward(layer, twice, tape)
    for later_layer in (layer, build(layer_class, other)):
        run_layer(later_layer, other)
    yield match_bits(before, name_outputs(*outputs_now()) | name_gradients(gradients_now()), case)


@layer_property(
    long=True,
    gradients=True,
    of_arrays=True,
    likely="Two gradients are one array: clipping, which scales each in place, scales it twice.",
)
def gradients_apart(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Each gradient has memory of its own: to scale one in place changes no other."""
    layer = build(layer_class, case)
    _, tape = forward(layer, case)
    gradients = name_gradients(backward_pass(layer, tape, copy_floats(case)))
    expected = {name: 2 * array for name, array in gradients.items()}
    for array in gradients.values():
        array *= 2
    yield match_bits(expected, gradients, case)


@layer_property(
    long=True,
    of_arrays=True,
    strict=True,
    likely="To write into a returned array changes the tape or the parameters: return a copy, or "
    "a view that is read-only.",
)
def own_memory(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Returned arrays share no memory with the tape or the parameters."""
    layer = build(layer_class, case)
    output, state, tape = forward_pass(layer, copy_floats(case))
    outputs_now, parameters = keep_result(layer, (output, state)), copy_results(layer.parameters)
    gradients = backward_pass(layer, tape, copy_floats(case))
    gradients_now, expected = keep_result(layer, gradients), copy_results(name_gradients(gradients))
    outputs_now(double=True)
    gradients_now(double=True)
    yield match_bits(expected, backward(layer, case, tape), case)
    yield match_bits(parameters, dict(layer.parameters), case)


PROPERTIES = collect_properties(vars())
