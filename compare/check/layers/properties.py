"""Try properties and error handling of a user's class, with the features that it has."""

from collections.abc import Mapping, Sequence

import numpy as np

from compare.check.cases.boundaries import SIZES, choose_long_sizes
from compare.check.cases.layer_case import LayerCase, Surface, draw_case, make_case
from compare.check.cases.layer_results import (
    CLASSES,
    OUTPUTS,
    allow_rounding,
    build,
    copy_floats,
    copy_state,
    rounding,
    run,
)
from compare.check.core.likely_mistake import Observation, gives
from compare.check.core.results import Case, Diagnosis, Result
from compare.check.core.symptoms import ADDED, is_added
from compare.check.layers.features import find_surface, name_feature
from compare.check.layers.layer import build_case
from compare.check.properties import every_layer, memory, modules, sequences
from compare.check.properties.property import LayerProperty, NotPromised, NotTried
from compare.implementations import (
    Array,
    CallFailed,
    Results,
    UnexpectedResult,
    UserLayerFactory,
    Verdict,
)
from compare.parity import Comparison, Move
from scratch_rnn.arrays import State

PROPERTIES = (
    *every_layer.PROPERTIES,
    *sequences.PROPERTIES,
    *memory.PROPERTIES,
    *modules.PROPERTIES,
)
"""The properties that compare a layer with itself; its features are compared with PyTorch's."""


def try_properties(
    layers: UserLayerFactory, features: Sequence[Result], seed: int, deep: bool = False
) -> list[Result]:
    """Try the properties with the features that are right; a second pass must not be refused."""
    surface = find_surface(layers, features)
    others = () if layers.submission.adapter == "torch_module" else modules.PROPERTIES
    results = [
        try_property(layer_property, layers, surface, seed, number=20 if deep else 1)
        for layer_property in PROPERTIES
        if layer_property not in others and layers.cell in layer_property.cells
    ]
    if any(result.diagnosis is ADDED for result in results):  # that explains the others, too
        for result in results:
            is_other = result.verdict == Verdict.WRONG and result.diagnosis is not ADDED
            if is_other and result.finding.startswith("gradient of "):
                result.diagnosis = None
    return results


def try_property(
    layer_property: LayerProperty,
    layers: UserLayerFactory,
    surface: Surface,
    seed: int,
    number: int,
) -> Result:
    """Try a property on the simplest case, on random ones and on a long one."""
    if why := find_lack(layer_property, layers, surface):
        return Result(name=layer_property.name, verdict=Verdict.NOT_TRIED, why=why)
    values = {**surface, **restrict_fields(layer_property, surface)}
    rng = np.random.default_rng([seed, *layer_property.name.encode()])  # each property has its own
    simplest = {name: choices[0] for name, choices in values.items()}
    simplest |= dict(zip("TBVH", SIZES[0], strict=True)) | {"seed": seed}
    cases = [make_case(**simplest)]
    cases += [draw_case(rng, **values) for _ in range(number)]
    if layer_property.long and not layers.submission.source.interpreter:
        cases.append(lengthen(simplest, values))
    result = Result(name=layer_property.name)
    for case in cases:
        if result.verdict not in (Verdict.RIGHT, Verdict.NOT_TO_THE_BIT):
            break
        result_of_case = _try_case(layer_property, layers, case)
        result = result_of_case if result_of_case.verdict != Verdict.RIGHT else result
    return result


def lengthen(simplest: Mapping[str, object], values: Surface) -> LayerCase:
    """Return the simplest case, but long, and without an initial state where it need not be given.

    So it shows what a layer keeps from call to call only if sequences are long.
    """
    T, B, V, H = choose_long_sizes(simplest)
    h0 = False if False in values["h0"] else simplest["h0"]
    return make_case(**{**simplest, "T": T, "B": B, "V": V, "H": H, "h0": h0})


def restrict_fields(
    layer_property: LayerProperty, surface: Surface
) -> dict[str, tuple[object, ...]]:
    """Return a property's fields within a surface; empty ones where it needs more."""
    fields: dict[str, tuple[object, ...]] = {}
    for name, values in layer_property.fields.items():
        several = values if isinstance(values, tuple | range) else (values,)
        fields[name] = tuple(value for value in several if value in surface[name])
    return fields


def find_lack(layer_property: LayerProperty, layers: UserLayerFactory, surface: Surface) -> str:
    """Return why a property cannot be tried on a layer; empty if it can."""
    if layer_property.gradients and layers.forward_only:
        return "forward only"
    if layer_property.of_arrays and layers.submission.adapter:
        return "missing: arrays of NumPy"
    lacks = [
        name for name, values in restrict_fields(layer_property, surface).items() if not values
    ]
    lacks += [name for name, value in layer_property.needs.items() if value not in surface[name]]
    values = dict(layer_property.fields) | dict(layer_property.needs)
    return ", ".join(f"missing: {name_feature(name, values[name])}" for name in lacks)


def _try_case(layer_property: LayerProperty, layers: UserLayerFactory, case: LayerCase) -> Result:
    """Try a property on one case."""
    described, name = Case(case.describe()), layer_property.name

    def make_result(verdict: Verdict, problem: str = "", why: str = "") -> Result:
        return Result(name=name, verdict=verdict, case=described, finding=problem, why=why)

    exact = Result(name=name)
    try:
        for comparisons in layer_property.holds(layers, case):
            for comparison in comparisons:
                if comparison.ok:
                    continue
                if allow_rounding(comparison, case).ok:
                    exact.verdict = Verdict.NOT_TO_THE_BIT
                    continue
                verdict = Verdict.NOT_STRICT if layer_property.strict else Verdict.WRONG
                wrong = make_result(verdict, f"{comparison.tensor}: {comparison.describe()}")
                likely = Diagnosis(layer_property.likely) if layer_property.likely else None
                wrong.diagnosis = explain_property(layer_property, case, comparisons) or likely
                return wrong
    except NotTried as error:
        if layers.submission.adapter and not isinstance(error, NotPromised):
            return make_result(Verdict.WRONG, problem=str(error))
        return make_result(Verdict.NOT_TRIED, why=str(error))
    except CallFailed as failure:
        has_ended = not failure.kinds and failure.verdict in (Verdict.ERROR, Verdict.TIMEOUT)
        if has_ended:
            return make_result(failure.verdict, problem=str(failure))
        if layer_property.again and _passes(layers, case):
            return make_result(Verdict.ERROR, problem=str(failure))  # only the second pass raises
        return make_result(Verdict.NOT_TRIED, why=str(failure))
    except (ValueError, IndexError) as error:  # raised where a property combines results
        problem = f"expected results whose shapes fit together, got: {error}"
        return make_result(Verdict.WRONG, problem)
    except KeyError as error:  # a result that the layer does not have
        return make_result(Verdict.NOT_TRIED, why=f"no {error.args[0]}")
    return exact


def _passes(layers: UserLayerFactory, case: LayerCase) -> bool:
    """Return whether one pass of a new layer raises nothing."""
    try:
        run(layers, case)
    except CallFailed:
        return False
    return True


def try_error_handling(layers: UserLayerFactory, properties: Sequence[Result]) -> list[Result]:
    """Check that wrong arguments raise, and that properties hold to the bit."""
    case = build_case(layers, SIZES[0], 0)
    floats = copy_floats(case)  # a layer may write to its arguments
    x, h0, c0 = floats.x, floats.h0, floats.c0
    wide = np.concatenate([x, x], axis=2)
    other = copy_state(*(array if array is None else array[:, 1:] for array in (h0, c0)))
    results = [_try_arguments(layers, case, "x with too many features", wide, copy_state(h0, c0))]
    if h0 is not None:
        results.append(_try_arguments(layers, case, "a state of another batch", x, other))
    inexact = [result.name for result in properties if result.verdict == Verdict.NOT_TO_THE_BIT]
    bits = Result(name="bitwise reproducibility")
    if inexact:
        bits.verdict = Verdict.WRONG
        bits.finding = f"equal only within rounding: {', '.join(inexact)}"
    strict = [
        Result(name=result.name, verdict=Verdict.WRONG, finding=result.likely.rstrip("."))
        for result in properties
        if result.verdict == Verdict.NOT_STRICT
    ]
    return [*results, bits, *strict]


def _try_arguments(
    layers: UserLayerFactory, case: LayerCase, name: str, x: Array, state: State | None
) -> Result:
    """Return whether wrong arguments raise ValueError or TypeError."""
    got = "a result"
    try:
        build(layers, case).forward(x, state)
    except UnexpectedResult:
        pass
    except CallFailed as failure:
        if {"ValueError", "TypeError"} & set(failure.kinds):
            return Result(name=name)
        got = failure.kinds[0] if failure.kinds else str(failure)
    problem = f"expected ValueError or TypeError, got {got}"
    return Result(name=name, verdict=Verdict.WRONG, finding=problem)


def explain_property(
    tried: LayerProperty, case: LayerCase, comparisons: Sequence[Comparison]
) -> Diagnosis | None:
    """Return the likely reason why a property of a layer is violated; None if unknown."""
    if tried.name == "second call":
        return explain_kept_state(case, comparisons)
    wrong = [allow_rounding(c, case) for c in comparisons if not c.ok]
    if tried.name == "second backward" and all(is_added(c.expected, c) for c in wrong):
        return ADDED
    return None


def explain_kept_state(case: LayerCase, comparisons: Sequence[Comparison]) -> Diagnosis | None:
    """Diagnose a state that is kept between calls; None if a second call gives other outputs."""

    def second_call(move: Move) -> Results:
        first = run(CLASSES[case.cell], case, move)
        return run(
            CLASSES[case.cell], case.replace_arrays(h0=first["h_n"], c0=first.get("c_n")), move
        )

    got = {c.tensor: c.got for c in comparisons if c.tensor in OUTPUTS}
    if not gives(second_call, Observation(Case(case.describe()), *rounding(case), got)):
        return None
    if case.floats.h0 is None:
        mistake = (
            "A second call without a state begins with the last state of the first, not with 0."
        )
        return Diagnosis(mistake)
    mistake = "A second call begins with the last state of the first, not with the given one."
    return Diagnosis(mistake)
