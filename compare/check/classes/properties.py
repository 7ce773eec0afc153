"""Try the properties of a layer on a user's class, with the features that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.check.cases.layer_case import LayerCase, make_case, random_case
from compare.check.cases.layer_results import run, to_rounding
from compare.check.cases.parts import Malformed
from compare.check.classes.features import surface_of
from compare.check.classes.layers import Layers
from compare.check.classes.parts import SIZES, the_same
from compare.check.diagnosis import likely_in_property
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_sequences as of_sequences
from compare.check.properties.layer_property import LayerProperty
from compare.check.worker.client import Trouble
from compare.terminal import UsageError

PROPERTIES = tuple(p for p in (*of_layers.PROPERTIES, *of_sequences.PROPERTIES) if not p.near)
"""The properties that compare a layer with itself; its features are compared with PyTorch's."""

NOT_TO_THE_BIT = "not to the bit"
"""Verdict where a property requires the same bits, and the results are equal within rounding."""


def try_properties(
    layers: Layers, missing: Sequence[str], seed: int, deep: bool = False
) -> list[dict[str, str]]:
    """Try the properties that need none of the missing features.

    A property that the layer refuses is missing. One that needs a second pass and no other feature
    cannot be refused: an exception is an error.
    """
    surface, found = surface_of(layers, missing), []
    sizes = dict(zip("TBVH", SIZES[0], strict=True))
    for tried in PROPERTIES:
        fields = fields_of(tried, surface)
        if layers.cell not in tried.cells or fields is None:
            continue
        entry = {"name": tried.name, "verdict": "right"}
        if tried.gradients and layers.forward_only:
            entry["verdict"] = "missing"
        values = surface | fields
        rng = np.random.default_rng(seed)
        simplest = {name: several[0] for name, several in values.items()} | sizes
        cases = [make_case(**(simplest | {"seed": seed}))]
        cases += [random_case(rng, **values) for _ in range(20 if deep else 2)]
        for case in map(the_same, cases):
            if entry["verdict"] in ("right", NOT_TO_THE_BIT):
                entry |= _try_case(tried, layers, case)
        found.append(entry)
    return found


def fields_of(tried: LayerProperty, surface: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a property's fields within a surface; None if the property needs more."""
    fields: dict[str, Any] = {}
    for name, values in tried.fields.items():
        several = values if isinstance(values, tuple | range) else (values,)
        fields[name] = tuple(value for value in several if value in surface[name])
    has_needs = all(value in surface[name] for name, value in tried.needs.items())
    return fields if has_needs and all(fields.values()) else None


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
                entry = {"verdict": "wrong", "case": case.describe(), "found": found}
                if likely := likely_in_property(tried, case, comparisons):
                    entry["likely"] = likely
                return entry
    except (Trouble, Malformed) as error:
        has_ended = isinstance(error, Trouble) and not error.kinds
        verdict = error.verdict if has_ended else "missing"
        if tried.again and verdict == "missing" and _passes(layers, case):
            verdict = "error"  # only the second pass raises
        return {"verdict": verdict, "case": case.describe(), "found": str(error)}
    except UsageError:  # a flag that the class does not take
        raise
    except (ValueError, IndexError) as error:  # raised where a property combines results
        found = f"expected results whose shapes fit together, got: {error}"
        return {"verdict": "wrong", "case": case.describe(), "found": found}
    except KeyError as error:  # a result that the layer does not have
        return {"verdict": "missing", "case": case.describe(), "found": f"no {error.args[0]}"}
    return entry


def _passes(layers: Layers, case: LayerCase) -> bool:
    """Whether one pass of a new layer raises nothing."""
    try:
        run(layers, case)
    except (Trouble, Malformed):
        return False
    return True
