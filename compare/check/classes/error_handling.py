"""Error handling: exceptions for wrong arguments, and bitwise reproducibility (`--strict`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import as_state, build, fresh
from compare.check.cases.parts import Malformed
from compare.check.classes.layers import Layers
from compare.check.classes.parts import SIZES, case_of
from compare.check.classes.properties import NOT_STRICT, NOT_TO_THE_BIT
from compare.check.worker.client import Trouble


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
    except Trouble as trouble:
        if {"ValueError", "TypeError"} & set(trouble.kinds):
            return {"name": name, "verdict": "right"}
        got = trouble.kinds[0] if trouble.kinds else str(trouble)
    except Malformed:
        pass
    return {
        "name": name,
        "verdict": "wrong",
        "found": f"expected ValueError or TypeError, got {got}",
    }
