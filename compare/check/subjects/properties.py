"""Try properties and error handling of a user's class, with the features that it has."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.check.cases.layer_case import LayerCase, make_case, random_case
from compare.check.cases.layer_results import as_state, build, fresh, run, to_rounding
from compare.check.properties import of_layers, of_memory, of_sequences
from compare.check.properties.property import LayerProperty, NotTried
from compare.check.subjects.diagnosis import likely_in_property
from compare.check.subjects.features import FEATURES, surface_of
from compare.check.subjects.layer import SIZES, case_of, the_same
from compare.check.subjects.symptoms import ADDED
from compare.implementations import Layers, Malformed, Trouble
from compare.terminal import UsageError

PROPERTIES = (*of_layers.PROPERTIES, *of_sequences.PROPERTIES, *of_memory.PROPERTIES)
"""The properties that compare a layer with itself; its features are compared with PyTorch's."""

NOT_TO_THE_BIT = "not to the bit"  # the same bits are required, and equal only within rounding
NOT_STRICT = "wrong with --strict"  # violated, but counts with --strict alone
NOT_TRIED = "not tried"  # `why` says what it lacks


def try_properties(
    layers: Layers, missing: Sequence[str], seed: int, deep: bool = False
) -> list[dict[str, str]]:
    """Try the properties with the features that are there; a second pass must not be refused."""
    surface, found = surface_of(layers, missing), []
    sizes = dict(zip("TBVH", SIZES[0], strict=True))
    for tried in PROPERTIES:
        if layers.cell not in tried.cells:
            continue
        fields = fields_of(tried, surface)
        if why := lacking(tried, layers, surface):
            found.append({"name": tried.name, "verdict": NOT_TRIED, "why": why})
            continue
        entry = {"name": tried.name, "verdict": "right"}
        values = surface | fields
        rng = np.random.default_rng(seed)
        simplest = {name: several[0] for name, several in values.items()} | sizes
        cases = [make_case(**(simplest | {"seed": seed}))]
        cases += [random_case(rng, **values) for _ in range(20 if deep else 2)]
        for case in map(the_same, cases):
            if entry["verdict"] in ("right", NOT_TO_THE_BIT):
                entry |= _try_case(tried, layers, case)
        found.append(entry)
    if any(entry.get("likely") == ADDED for entry in found):  # that explains the others, too
        for entry in found:
            is_other = entry["verdict"] == "wrong" and entry.get("likely") != ADDED
            if is_other and entry.get("found", "").startswith("gradient of "):
                entry.pop("likely", None)
    return found


def fields_of(tried: LayerProperty, surface: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property's fields within a surface; empty ones where it needs more."""
    fields: dict[str, Any] = {}
    for name, values in tried.fields.items():
        several = values if isinstance(values, tuple | range) else (values,)
        fields[name] = tuple(value for value in several if value in surface[name])
    return fields


def lacking(tried: LayerProperty, layers: Layers, surface: Mapping[str, Any]) -> str:
    """Return why a property cannot be tried on a layer; empty if it can."""
    if tried.gradients and layers.forward_only:
        return "forward only"
    if tried.of_arrays and layers.submission.adapter:
        return "its arrays are not NumPy's"
    lacks = [name for name, values in fields_of(tried, surface).items() if not values]
    lacks += [name for name, value in tried.needs.items() if value not in surface[name]]
    values = dict(tried.fields) | dict(tried.needs)
    return ", ".join(f"missing: {_feature(name, values[name])}" for name in lacks)


def _feature(field: str, value: Any) -> str:
    """Return the name of the feature that is a value of a field."""
    several = value if isinstance(value, tuple | range) else (value,)
    names = (n for n, own in FEATURES.items() if any(own.get(field, ()) == v for v in several))
    return next(names, f"{field} {value}")


def _try_case(tried: LayerProperty, layers: Layers, case: LayerCase) -> dict[str, str]:
    """Return what the report says of a case; empty if the property holds."""
    entry: dict[str, str] = {}
    try:
        for comparisons in tried.holds(layers, case):
            for comparison in comparisons:
                if comparison.ok:
                    continue
                if to_rounding(comparison, case).ok:
                    entry = {"verdict": NOT_TO_THE_BIT}
                    continue
                found = f"{comparison.tensor}: {comparison.describe()}"
                verdict = NOT_STRICT if tried.strict else "wrong"
                entry = {"verdict": verdict, "case": case.describe(), "found": found}
                likely = likely_in_property(tried, case, comparisons) or tried.likely
                return entry | ({"likely": likely} if likely else {})
    except NotTried as error:
        if layers.submission.adapter:
            return {"verdict": "wrong", "case": case.describe(), "found": str(error)}
        return {"verdict": NOT_TRIED, "case": case.describe(), "why": str(error)}
    except Trouble as error:
        has_ended = not error.kinds and error.verdict in ("error", "timeout")
        verdict = error.verdict if has_ended else NOT_TRIED
        if tried.again and verdict == NOT_TRIED and _passes(layers, case):
            verdict = "error"  # only the second pass raises
        words = "why" if verdict == NOT_TRIED else "found"
        return {"verdict": verdict, "case": case.describe(), words: str(error)}
    except UsageError:  # a flag that the class does not take
        raise
    except (ValueError, IndexError) as error:  # raised where a property combines results
        found = f"expected results whose shapes fit together, got: {error}"
        return {"verdict": "wrong", "case": case.describe(), "found": found}
    except KeyError as error:  # a result that the layer does not have
        return {"verdict": NOT_TRIED, "case": case.describe(), "why": f"no {error.args[0]}"}
    return entry


def _passes(layers: Layers, case: LayerCase) -> bool:
    """Whether one pass of a new layer raises nothing."""
    try:
        run(layers, case)
    except Trouble:
        return False
    return True


def try_error_handling(
    layers: Layers, properties: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Check that wrong arguments raise, and that properties hold to the bit."""
    case = case_of(layers, SIZES[0], 0)
    floats = fresh(case)  # a layer may write to its arguments
    x, h0, c0 = floats.x, floats.h0, floats.c0
    wide = np.concatenate([x, x], axis=2)
    other = as_state(*(array if array is None else array[:, 1:] for array in (h0, c0)))
    found = [
        _try_arguments(layers, case, "x with too many features", wide, as_state(h0, c0)),
        _try_arguments(layers, case, "a state of another batch", x, other),
    ]
    inexact = [entry["name"] for entry in properties if entry["verdict"] == NOT_TO_THE_BIT]
    bits = {"name": "bitwise reproducibility", "verdict": "wrong" if inexact else "right"}
    if inexact:
        bits["found"] = f"equal only within rounding: {', '.join(inexact)}"
    strict = [
        {"name": e["name"], "verdict": "wrong", "found": e["likely"].rstrip(".")}
        for e in properties
        if e["verdict"] == NOT_STRICT
    ]
    return [*found, bits, *strict]


def _try_arguments(
    layers: Layers, case: LayerCase, name: str, x: np.ndarray, state: Any
) -> dict[str, str]:
    """Return whether wrong arguments raise ValueError or TypeError."""
    got = "a result"
    try:
        build(layers, case).forward(x, state)
    except Malformed:
        pass
    except Trouble as trouble:
        if {"ValueError", "TypeError"} & set(trouble.kinds):
            return {"name": name, "verdict": "right"}
        got = trouble.kinds[0] if trouble.kinds else str(trouble)
    found = f"expected ValueError or TypeError, got {got}"
    return {"name": name, "verdict": "wrong", "found": found}
