"""The three parts of a layer: forward, gradients of the parameters, gradients of x and the state.

What is right is computed by our own layer in float64, the tolerance by ours in the layer's dtype.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from compare.check.cases.boundaries import BOUNDARIES, VALUES, Sizes, Trial
from compare.check.cases.comparison import Comparison, Results, widened
from compare.check.cases.layer_case import GAPS, LayerCase, make_case
from compare.check.cases.layer_results import backward, build, compared, forward, rounding, run
from compare.check.cases.parts import Case, Part, PartResult, in_float64
from compare.check.subjects.diagnosis import gate_order_of, likely_in_layer
from compare.implementations import (
    CELLS,
    OF_A_CALL,
    Conventions,
    Layers,
    Trouble,
    equations,
    list_conventions,
    read_signatures,
)
from compare.parity import FEW, PERTURBATIONS

SIZES: tuple[Sizes, ...] = ((3, 2, 4, 5), (4, 3, 5, 2), (1, 5, 3, 4), (5, 1, 2, 3), *BOUNDARIES)
"""T, B, V and H: first all different, so that no transposition is hidden; then boundaries."""

TRIALS: tuple[Trial, ...] = (*((sizes, "") for sizes in SIZES), *((SIZES[0], v) for v in VALUES))
"""The cases of the simplest layer."""

MOST_SEEN = 8  # cases that a result keeps for the search of the mistake

PARTS = ("forward", "gradients of the parameters", "gradients of x and the state")
"""Each part is a point."""

OPTIONS = {"nonlinearity", "bias", "L", "bidirectional", "batch_first", "projected", "dtype"}
"""The fields of a case that are arguments of the constructor; the others are passed to calls."""


def parts_of(cell: str) -> tuple[Part, ...]:
    """Return the parts of a layer, with the cell's equations."""
    names = read_signatures(cell)
    forward, backward = equations(names.forward), equations(names.backward)
    return tuple(Part(name, backward if "gradient" in name else forward) for name in PARTS)


def part_of(tensor: str) -> str:
    """Return the part that a tensor belongs to."""
    if not tensor.startswith("gradient"):
        return PARTS[0]
    return PARTS[1] if "_l" in tensor else PARTS[2]


def case_of(layers: Layers, sizes: Sequence[int], seed: int, **fields: Any) -> LayerCase:
    """Return a case for a user's layer."""
    dtype = layers.dtype or layers.own_dtype
    is_wide = dtype in ("float32", "float64")
    choices = {
        "cell": layers.cell,
        "dtype": dtype if is_wide else "float32",
        "precision": layers.precision if is_wide else dtype,
        "one_bias": layers.conventions.one_bias,
        "seed": seed,
    }
    choices |= dict(zip("TBVH", sizes, strict=True))
    return the_same(make_case(**(choices | fields)))


@lru_cache(maxsize=1024)
def the_same(case: LayerCase) -> LayerCase:
    """Return the first case that was equal to this one, so that its results are computed once."""
    return case


def expected_of(case: LayerCase) -> Results:
    """Return our results of a case in float64."""
    kept = case.__dict__  # for as long as the case lives
    if "expected" not in kept:
        exact = replace(case, dtype="float64", precision="")
        exact = exact.with_floats(replace(case.floats, **in_float64(vars(case.floats))))
        with np.errstate(all="ignore"):
            kept["expected"] = run(CELLS[case.cell].scratch_layer, exact)
    return kept["expected"]


def compared_with_ours(case: LayerCase, got: Results) -> tuple[Comparison, ...]:
    """Compare with ours in float64: with few perturbations, and if need be with all."""
    least = "float16" if case.dtype == "float32" else "float64"
    wide = {name: widened(array, least) for name, array in got.items()}
    comparisons: tuple[Comparison, ...] = ()
    for perturbations in (FEW, PERTURBATIONS):
        allowed = rounding(case, perturbations)[1]
        comparisons = compared(expected_of(case), wide, case, allowed)
        if all(comparison.ok for comparison in comparisons):
            break
    return comparisons


def try_parts(
    layers: Layers, seed: int, trials: Sequence[Trial] = TRIALS, **fields: Any
) -> list[PartResult]:
    """Try a layer on some cases; return a result for each part. `fields` are those of a feature."""
    results = [PartResult(part, "right") for part in parts_of(layers.cell)]
    if layers.precision or layers.dtype in GAPS:
        trials = [(sizes, v) for sizes, v in trials if not v]  # made for the range of float32
    for sizes, values in trials:
        got: Results = {}
        trouble: Trouble | None = None
        try:
            if not layers.conventions.names:
                layers.learn(*sizes[2:])
            case = case_of(layers, sizes, seed, values=values, **fields)
            layer = build(layers, case)
            got, tape = forward(layer, case)
            got = got | backward(layer, case, tape)
        except Trouble as error:
            trouble = error
        if layers.forward_only:
            results = results[:1]
        comparisons = compared_with_ours(case, got) if got else ()
        for result in results:
            is_there = bool(got) and (trouble is None or result.stage.name == PARTS[0])
            if is_there:
                if result.verdict == "right":
                    del result.seen[: -MOST_SEEN // 2]
                if len(result.seen) < MOST_SEEN:
                    result.seen.append((case, got))
            if result.verdict != "right":
                continue
            result.cases += 1
            result.tried.append(dict(zip("TBVHL", (*sizes, fields.get("L", 1)), strict=True)))
            words = Case("T {}, B {}, V {}, H {}".format(*sizes) + f", {values}" * bool(values))
            if is_there:
                mine = tuple(c for c in comparisons if part_of(c.tensor) == result.stage.name)
                wrong = next((c for c in mine if not c.ok), None)
                if wrong is not None:
                    result.verdict, result.case, result.wrong = "wrong", words, wrong
                    result.comparisons = mine
            elif trouble is not None:
                refused = fields and trouble.kinds and not OPTIONS & fields.keys()  # in any words
                result.verdict, result.case = "missing" if refused else trouble.verdict, words
                result.expected, result.got = trouble.expected, trouble.got
        is_seen = [r.verdict != "right" and len(r.seen) == MOST_SEEN for r in results]
        if trouble is not None or all(is_seen):
            break
    return results


def find_conventions(
    layers: Layers, seed: int, trials: Sequence[Trial] = TRIALS
) -> list[PartResult]:
    """Try the simplest layer in each convention, keep what fits; UsageError if a flag differs."""
    tried: list[tuple[float, Conventions, list[PartResult]]] = []
    for conventions in sorted(list_conventions(), key=layers.flags.allow, reverse=True):
        if not layers.flags.allow(conventions) and any(fits for fits, *_ in tried):
            break
        if conventions.state_first and not (tried and tried[0][1].has_weight_of_both):
            continue
        if conventions.columns and layers.submission.adapter:
            continue
        layers.conventions = conventions
        results = try_parts(layers, seed, trials)
        score = sum(result.verdict == "right" for result in results)
        shapes = results[0].wrong is not None and not any(c.problem for c in results[0].comparisons)
        tried.append((score + 0.5 * shapes, conventions, results))
        if score == len(results) or results[0].verdict == "timeout":
            break
    # If none fits, keep the one with most cases; prefer a result to an exception.
    tried.sort(key=lambda t: (t[2][0].cases, t[0], t[2][0].verdict != "error"), reverse=True)
    fits, layers.conventions, results = tried[0]
    if fits == 0.5 and layers.conventions.has_weight_of_both:  # both orders, [x, h] and [h, x]
        equal = [t for t in tried if t[0] == fits]
        named = (t for t in equal if likely_in_layer(t[2][0], layers.cell))
        fits, layers.conventions, results = next(named, tried[0])
    conventions, [forward, *_] = layers.conventions, results
    may_differ = conventions.has_own_names and not layers.flags.order
    if may_differ and (order := gate_order_of(forward, layers.cell)):
        conventions.order = order
        results = try_parts(layers, seed, trials)
    if fits:
        for name in OF_A_CALL:
            layers.flags.check(name, getattr(layers.conventions, name))
    return results
