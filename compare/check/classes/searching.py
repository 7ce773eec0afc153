"""Search further for a case in which a layer is wrong (`--deep`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compare.check.cases.parts import PartResult
from compare.check.cases.searching import EXAMPLES, search
from compare.check.classes.features import surface_of
from compare.check.classes.layers import Layers
from compare.check.classes.parts import SIZES, TRIALS, try_parts

OWN = ("T", "B", "V", "H", "seed", "cell", "precision", "one_bias")
"""Fields of a case that do not belong to the search."""


def search_layer(
    layers: Layers,
    results: list[PartResult],
    missing: Sequence[str],
    seed: int,
    examples: int = EXAMPLES,
) -> list[PartResult]:
    """Return the results of right parts after a search with the features that are not missing."""
    surface = surface_of(layers, missing)
    fields = {name: tuple(several) for name, several in surface.items() if name not in OWN}

    def tried(drawn: dict[str, Any], *more: Any) -> list[PartResult]:
        chosen = {name: drawn[name] for name in fields}
        trials = ((drawn["sizes"], drawn["values"]), *more)
        return try_parts(layers, drawn["seed"], trials, **chosen)

    def is_wrong(drawn: dict[str, Any]) -> bool:
        verdicts = {result.verdict for result in tried(drawn)}
        if verdicts & {"error", "missing"}:  # or does it refuse this combination of features?
            small = tried(drawn | {"sizes": SIZES[0], "values": ""})
            return all(result.verdict == "right" for result in small)
        return verdicts != {"right"}

    found = search(fields, is_wrong, seed, examples)
    if found.found is not None:
        again = tried(found.found, *TRIALS[:4])
        if any(result.verdict != "right" for result in again):
            for first, later in zip(results, again, strict=True):
                later.cases, later.tried = later.cases + first.cases, later.tried + first.tried
            results = again
    for result in results:
        result.cases += len(found.tried)
        result.tried += found.tried
    return results
