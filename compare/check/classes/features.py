"""Try a submission's layer: part by part, feature by feature, law by law.

What is right comes from our own layer in float64; how far rounding may lead, from ours in the
layer's own dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from compare.check.cases.comparison import Comparison
from compare.check.cases.layer_case import SURFACE, LayerCase, make_case, random_case
from compare.check.cases.layer_results import (
    CLASSES,
    Results,
    as_state,
    backward,
    build,
    compared,
    forward,
    rounding,
    run,
    to_rounding,
)
from compare.check.cases.parts import Case, Malformed, Part, PartResult, in_float64
from compare.check.classes.conventions import OF_A_CALL, Conventions, all_conventions
from compare.check.classes.layers import Layers
from compare.check.diagnosis import kept_state, likely_in_layer
from compare.check.functions.signatures import equations, signatures_of
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_sequences as of_sequences
from compare.check.properties.layer_property import LayerProperty
from compare.check.worker.client import Trouble
from compare.terminal import UsageError

SIZES = ((3, 2, 4, 5), (4, 3, 5, 2), (1, 5, 3, 4), (5, 1, 2, 3), (7, 3, 6, 6))
"""T, B, V and H: first all different, so that no transposition can hide; then a single step, a
single sequence, and as many inputs as units."""

FEATURES: dict[str, dict[str, Any]] = {
    "relu": {"nonlinearity": "relu"},
    "no bias": {"bias": False},
    "two layers": {"L": 2},
    "three layers": {"L": 3},
    "bidirectional": {"bidirectional": True},
    "two bidirectional layers": {"L": 2, "bidirectional": True},
    "batch_first": {"batch_first": True},
    "projection": {"projected": True},
    "float64": {"dtype": "float64"},
    "float32": {"dtype": "float32"},
    "input without a batch": {"unbatched": True},
    "token numbers as input": {"one_hot": True},
    "no state handed in": {"h0": False},
    "no gradient of output": {"upstream": "h_n"},
    "no gradient of the last state": {"upstream": "output"},
    "lengths": {"lengths": True},
    "dropout masks": {"L": 2, "dropout": 0.5},
    "saturated units": {"saturated": True},
}
"""What a layer may have of PyTorch's surface: fields of a case."""

OPTIONS = {"nonlinearity", "bias", "L", "bidirectional", "batch_first", "projected", "dtype"}
"""The fields that are arguments of the constructor; the rest is handed in."""

PROPERTIES = tuple(law for law in (*of_layers.PROPERTIES, *of_sequences.PROPERTIES) if not law.near)
"""The properties that compare a layer with itself; its features are compared with PyTorch's layer."""


NOT_TO_THE_BIT = "not to the bit"


def surface_of(layers: Layers, features: Sequence[str]) -> dict[str, Any]:
    """Return what the fields of a case may be for a layer that does not have these features."""
    simplest = case_of(layers, SIZES[0], 0)
    surface = {name: tuple(values) for name, values in SURFACE.items()}
    for name in ("cell", "precision", "one_bias"):
        surface[name] = (getattr(simplest, name),)
    if layers.dtype:
        surface["dtype"] = (simplest.dtype,)
    for name in features:
        (field, value), *more = FEATURES[name].items()
        if "dropout" in FEATURES[name]:
            surface["dropout"] = (0.0,)
        elif not more:
            own = getattr(simplest, field)
            surface[field] = tuple(v for v in surface[field] if v != value or v == own)
    return surface


# The parts and the features ---------------------------------------------------------------------


@lru_cache(maxsize=1024)
def the_same(case: LayerCase) -> LayerCase:
    """Return the first case that was equal to this one, so that it is drawn and computed once."""
    return case


def expected_of(case: LayerCase) -> Results:
    """Return our results of a case in float64."""
    kept = case.__dict__  # for as long as the case lives
    if "expected" not in kept:
        exact = replace(case, dtype="float64", precision="")
        exact = exact.with_floats(replace(case.floats, **in_float64(vars(case.floats))))
        with np.errstate(all="ignore"):
            kept["expected"] = run(CLASSES[case.cell], exact)
    expected: Results = kept["expected"]
    return expected


def beside_ours(case: LayerCase, got: Results) -> tuple[Comparison, ...]:
    """Compare a layer's results with ours in float64."""
    least = np.dtype("float16" if case.dtype == "float32" else "float64").itemsize
    expected, allowed = expected_of(case), rounding(case)[1]
    wide = {
        name: array.astype(np.float64)
        if array.dtype.kind in "fiu" and array.dtype.itemsize >= least
        else array
        for name, array in got.items()
    }
    return compared(expected, wide, case, allowed)


PARTS = ("forward", "gradients of the parameters", "gradients of x and the state")
"""What a layer has a point for."""


def parts_of(cell: str) -> tuple[Part, ...]:
    """Return the parts of a layer, with the cell's equations."""
    names = signatures_of(cell)
    forward, backward = equations(names.forward), equations(names.backward)
    return tuple(Part(name, backward if "gradient" in name else forward) for name in PARTS)


def try_feature(
    layers: Layers, name: str, seed: int, sizes_to_try: Any = SIZES
) -> list[PartResult]:
    """Try a feature on some sizes; return what came of the forward pass and of both gradients.

    With an empty name, try the simplest layer.
    """
    results = [PartResult(part, "right") for part in parts_of(layers.cell)]
    fields = FEATURES.get(name, {})
    for sizes in sizes_to_try:
        words = Case("T {}, B {}, V {}, H {}".format(*sizes), {})
        got: Results = {}
        trouble: Trouble | Malformed | None = None
        try:
            if not name and not layers.conventions.names:
                layers.learn(*sizes[2:])
            case = case_of(layers, sizes, seed, **fields)
            layer = build(layers, case)
            got, tape = forward(layer, case)
            got = got | backward(layer, case, tape)
        except (Trouble, Malformed) as error:
            trouble = error
        if layers.forward_only:
            results = results[:1]
        comparisons = beside_ours(case, got) if got else ()
        for result in results:
            is_there = bool(got) and (trouble is None or result.stage.name == PARTS[0])
            if is_there:
                result.seen.append((case, got))
            if result.verdict != "right":
                continue
            result.cases += 1
            if is_there:
                mine = tuple(c for c in comparisons if _part_of(c.tensor) == result.stage.name)
                wrong = next((c for c in mine if not c.ok), None)
                if wrong is not None:
                    result.verdict, result.case, result.wrong = "wrong", words, wrong
                    result.comparisons = mine
            elif trouble is not None:
                refused = name and trouble.kinds and not OPTIONS & fields.keys()  # in any words
                result.verdict, result.case = "missing" if refused else trouble.verdict, words
                result.expected, result.got = trouble.expected, trouble.got
        if trouble is not None:
            break
    return results


def case_of(layers: Layers, sizes: Sequence[int], seed: int, **fields: Any) -> LayerCase:
    """Return a case that a submission's layer can be tried on."""
    dtype = layers.dtype or layers.own_dtype
    is_wide = dtype in ("float32", "float64")
    precision = layers.precision if is_wide else dtype
    settled = {"dtype": dtype if is_wide else "float32", "precision": precision, "seed": seed}
    settled |= dict(zip("TBVH", sizes, strict=True), cell=layers.cell)
    settled["one_bias"] = layers.conventions.one_bias
    return the_same(make_case(**(settled | fields)))


def _part_of(tensor: str) -> str:
    if not tensor.startswith("gradient"):
        return PARTS[0]
    return PARTS[1] if "_l" in tensor else PARTS[2]


def settle_conventions(layers: Layers, seed: int) -> list[PartResult]:
    """Try the simplest layer in each convention, keep the one that fits, return its results.

    Raises
    ------
    UsageError
        If one fits, but none that is said.
    """
    tried: list[tuple[float, Conventions, list[PartResult]]] = []
    for conventions in sorted(all_conventions(), key=layers.said.allows, reverse=True):
        if not layers.said.allows(conventions) and any(fits for fits, *_ in tried):
            break
        layers.conventions = conventions
        results = try_feature(layers, "", seed)
        score = sum(result.verdict == "right" for result in results)
        shapes = results[0].wrong is not None and not any(c.problem for c in results[0].comparisons)
        tried.append((score + 0.5 * shapes, conventions, results))
        if score == len(results) or results[0].verdict == "timeout":
            break
    # If none fits, the one that got farthest; and one that gave a result, not one that raised.
    fits, layers.conventions, results = max(
        tried, key=lambda t: (t[2][0].cases, t[0], t[2][0].verdict != "error")
    )
    if fits:
        for name in OF_A_CALL:
            layers.said.insist(name, getattr(layers.conventions, name))
    return results


def try_features(
    layers: Layers, seed: int, deep: bool = False, parts: Sequence[str] = PARTS
) -> list[dict[str, str]]:
    """Try what else there is; a feature is right, wrong, missing, error or timeout.

    Of its results only these parts count: what is wrong in the simplest layer is no other finding.
    """
    found = []
    simplest = case_of(layers, SIZES[0], seed)
    for name, fields in FEATURES.items():
        is_one = case_of(layers, SIZES[0], seed, **fields) != simplest  # of this cell's
        if layers.dtype if "dtype" in fields else not is_one:
            continue
        if "upstream" in fields and (layers.forward_only or len(parts) < len(PARTS)):
            continue
        tried = try_feature(layers, name, seed, SIZES if deep else SIZES[:2])
        results = [result for result in tried if result.stage.name in parts]
        worst = next((r for r in results if r.verdict != "right"), results[0])
        if "unbatched" in fields and worst.wrong is not None and worst.wrong.problem:
            worst.verdict, worst.wrong = "missing", None  # it computes with vectors by chance
        entry = {"name": name, "verdict": worst.verdict}
        if worst.wrong is not None:
            entry["tensor"] = worst.wrong.tensor
            transposed = layers.conventions.transposed
            likely = likely_in_layer(worst, layers.cell, transposed=transposed)
            entry |= {"likely": likely} if likely else {}
        elif worst.verdict == "error":
            entry["got"] = worst.got
        elif (
            worst.verdict == "missing" and name == "batch_first" and layers.conventions.batch_first
        ):
            entry["likely"] = "The batch always comes first."
        found.append(entry)
    return found


# The properties ---------------------------------------------------------------------------------------


def missing_of(found: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the features that are not right: no law is tried on them."""
    return [entry["name"] for entry in found if entry["verdict"] != "right"]


def try_properties(
    layers: Layers, missing: Sequence[str], seed: int, deep: bool = False
) -> list[dict[str, str]]:
    """Try the properties that use only features which the layer has. One that it refuses is missing.

    One that asks for a second pass and no other feature cannot be refused: to raise is an error.

    If a law asks for the same bits, and rounding explains the difference, its verdict is
    "not to the bit".
    """
    surface, found = surface_of(layers, missing), []
    sizes = dict(zip("TBVH", SIZES[0], strict=True))
    for law in PROPERTIES:
        fields = fields_of(law, surface)
        if layers.cell not in law.cells or fields is None:
            continue
        entry = {"name": law.name, "verdict": "right"}
        if law.gradients and layers.forward_only:
            entry["verdict"] = "missing"
        settled = surface | fields
        rng = np.random.default_rng(seed)
        simplest = {name: values[0] for name, values in settled.items()} | sizes
        cases = [make_case(**(simplest | {"seed": seed}))]
        cases += [random_case(rng, **settled) for _ in range(20 if deep else 2)]
        for case in map(the_same, cases):
            if entry["verdict"] in ("right", NOT_TO_THE_BIT):
                entry |= _tried(law, layers, case)
        found.append(entry)
    return found


def fields_of(law: LayerProperty, surface: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a law's fields as far as the surface goes; None if the law asks for more."""
    fields: dict[str, Any] = {}
    for name, values in law.fields.items():
        several = values if isinstance(values, tuple | range) else (values,)
        fields[name] = tuple(value for value in several if value in surface[name])
    needed = all(value in surface[name] for name, value in law.needs.items())
    return fields if needed and all(fields.values()) else None


def _tried(law: LayerProperty, layers: Layers, case: LayerCase) -> dict[str, str]:
    """Return what came of a case, if it is not right."""
    entry: dict[str, str] = {}
    try:
        for comparisons in law.holds(layers, case):
            for comparison in comparisons:
                if comparison.ok:
                    continue
                if not to_rounding(comparison, case).ok:
                    told = f"{comparison.tensor}: {comparison.describe()}"
                    entry = {"verdict": "wrong", "case": case.describe(), "found": told}
                    if law is of_layers.second_call and (likely := kept_state(case, comparisons)):
                        entry["likely"] = likely
                    return entry
                entry = {"verdict": NOT_TO_THE_BIT}
    except (Trouble, Malformed) as error:
        has_ended = isinstance(error, Trouble) and not error.kinds  # and has refused nothing
        verdict = error.verdict if has_ended else "missing"
        if law.again and verdict == "missing" and _passes(layers, case):
            verdict = "error"  # it is there, and raises the second time alone
        return {"verdict": verdict, "case": case.describe(), "found": str(error)}
    except UsageError:  # a flag that its class does not take
        raise
    except (ValueError, IndexError) as error:  # raised where a law puts results together
        told = f"expected results whose shapes fit together, got: {error}"
        return {"verdict": "wrong", "case": case.describe(), "found": told}
    return entry


def _passes(layers: Layers, case: LayerCase) -> bool:
    """Whether one pass of a new layer raises nothing."""
    try:
        run(layers, case)
    except (Trouble, Malformed):
        return False
    return True


# ErrorHandling ----------------------------------------------------------------------------------------


def try_error_handling(
    layers: Layers, properties: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Check that properties hold to the bit, and that wrong arguments raise the right exceptions."""
    case = case_of(layers, SIZES[0], 0)
    x, h0, c0 = case.floats.x, case.floats.h0, case.floats.c0
    wide = np.concatenate([x, x], axis=2)
    mistakes = {
        "x with too many features": (wide, as_state(h0, c0)),
        "a state of another batch": (
            x,
            as_state(*(a if a is None else a[:, 1:] for a in (h0, c0))),
        ),
    }
    found = [_answered(layers, case, what, *given) for what, given in mistakes.items()]
    inexact = [law["name"] for law in properties if law["verdict"] == NOT_TO_THE_BIT]
    bits = {"name": "the same bits", "verdict": "wrong" if inexact else "right"}
    told = {"found": f"equal to within rounding only: {', '.join(inexact)}"} if inexact else {}
    return [*found, bits | told]


def _answered(
    layers: Layers, case: LayerCase, what: str, x: np.ndarray, state: Any
) -> dict[str, str]:
    """Say whether a mistake is refused with ValueError or TypeError."""
    try:
        build(layers, case).forward(x, state)
    except Trouble as trouble:
        if {"ValueError", "TypeError"} & set(trouble.kinds):
            return {"name": what, "verdict": "right"}
        got = trouble.kinds[0] if trouble.kinds else str(trouble)
    except Malformed:
        got = "a result"
    else:
        got = "a result"
    return {
        "name": what,
        "verdict": "wrong",
        "found": f"expected ValueError or TypeError, got {got}",
    }
