"""Features: what a layer has of the surface of nn.RNN, nn.GRU and nn.LSTM."""

from collections.abc import Mapping, Sequence
from typing import Any

from compare.check.cases.boundaries import CASES, VALUES, Sizes, Trial
from compare.check.cases.layer_case import SURFACE
from compare.check.cases.parts import PartResult
from compare.check.cases.searching import EXAMPLES, search
from compare.check.subjects.diagnosis import likely_in_layer
from compare.check.subjects.layer import PARTS, SIZES, TRIALS, case_of, try_parts
from compare.implementations import Layers

FEATURES: dict[str, dict[str, Any]] = CASES["features"]  # fields of a case, by its name


def try_features(
    layers: Layers, seed: int, deep: bool = False, parts: Sequence[str] = PARTS
) -> list[dict[str, str]]:
    """Try each feature of the cell; only the results of the parts that are right are compared."""
    found = []
    simplest = case_of(layers, SIZES[0], seed)
    for name, fields in FEATURES.items():
        is_of_cell = case_of(layers, SIZES[0], seed, **fields) != simplest
        if layers.dtype if "dtype" in fields else not is_of_cell:
            continue
        if "upstream" in fields and (layers.forward_only or len(parts) < len(PARTS)):
            continue
        if layers.needs(fields.get("upstream", "")):
            found.append({"name": name, "verdict": "missing"})  # it has no default
            continue
        results = try_parts(layers, seed, TRIALS if deep else trials_of(fields), **fields)
        results = [result for result in results if result.stage.name in parts]
        worst = next((r for r in results if r.verdict != "right"), results[0])
        if "unbatched" in fields and worst.wrong is not None and worst.wrong.problem:
            worst.verdict, worst.wrong = "missing", None  # accepts vectors by broadcasting
        found.append({"name": name, "verdict": worst.verdict} | _details(layers, fields, worst))
    return found


def trials_of(fields: Mapping[str, Any]) -> tuple[Trial, ...]:
    """Return the cases of a feature: sizes of one, B = L·D, large sizes; of a dtype all values."""
    rows = fields.get("L", 1) * (2 if fields.get("bidirectional") else 1)
    sizes: tuple[Sizes, ...] = (*SIZES[:2], (2, 3, 1, 1), (3, rows, 2, 4), (10, 9, 18, 17))
    values = VALUES if "dtype" in fields else ()
    return (*((s, "") for s in sizes), *((SIZES[0], v) for v in values))


def _details(layers: Layers, fields: Mapping[str, Any], result: PartResult) -> dict[str, str]:
    """Return what else the report says of a feature."""
    if result.wrong is not None:
        transposed = layers.conventions.is_transposed
        likely = likely_in_layer(result, layers.cell, transposed=transposed)
        return {"tensor": result.wrong.tensor} | ({"likely": likely} if likely else {})
    if result.verdict == "error":
        return {"got": result.got}
    if result.verdict == "missing" and "batch_first" in fields and layers.conventions.batch_first:
        return {"likely": "The batch always comes first."}
    return {}


def missing_of(found: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the names of the features that are not right: no property is tried with them."""
    return [entry["name"] for entry in found if entry["verdict"] != "right"]


def surface_of(layers: Layers, features: Sequence[str]) -> dict[str, Any]:
    """Return the values of a case's fields for a layer without these features."""
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


def search_layer(
    layers: Layers,
    results: list[PartResult],
    missing: Sequence[str],
    seed: int,
    examples: int = EXAMPLES,
) -> list[PartResult]:
    """Return the results of right parts after a search with the features that are not missing."""
    surface = surface_of(layers, missing)
    own = ("T", "B", "V", "H", "seed", "cell", "precision", "one_bias")  # not of the search
    fields = {name: tuple(several) for name, several in surface.items() if name not in own}

    def try_it(drawn: dict[str, Any], *more: Any) -> list[PartResult]:
        chosen = {name: drawn[name] for name in fields}
        trials = ((drawn["sizes"], drawn["values"]), *more)
        return try_parts(layers, drawn["seed"], trials, **chosen)

    def is_wrong(drawn: dict[str, Any]) -> bool:
        verdicts = {result.verdict for result in try_it(drawn)}
        if verdicts & {"error", "missing"}:  # or does it refuse this combination of features?
            small = try_it(drawn | {"sizes": SIZES[0], "values": ""})
            return all(result.verdict == "right" for result in small)
        return verdicts != {"right"}

    found, tried = search(fields, is_wrong, seed, examples)
    if found is not None:
        again = try_it(found, *TRIALS[:4])
        if any(result.verdict != "right" for result in again):
            for first, later in zip(results, again, strict=True):
                later.cases, later.tried = later.cases + first.cases, later.tried + first.tried
            results = again
    for result in results:
        result.cases += len(tried)
        result.tried += tried
    return results
