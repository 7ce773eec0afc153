"""Features: what a layer has of the surface of nn.RNN, nn.GRU and nn.LSTM."""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.check.cases.boundaries import CASES, SIZES, choose_long_sizes
from compare.check.cases.layer_case import Surface, draw_choices, make_case
from compare.check.cases.levels import Trial, cover, list_trials, make_trials
from compare.check.core.likely_mistake import explain_results
from compare.check.core.results import Diagnosis, Result
from compare.check.core.subject import try_items
from compare.check.layers.layer import (
    NOT_SEARCHED,
    PARTS,
    LayerSubject,
    build_case,
    list_fixed,
    list_surface,
)
from compare.implementations import INITIAL, UserLayerFactory, Verdict

FROM_ZERO = "no state given"

UNPROMISED = {"unbatched", "one_hot"}
"""The fields of a call in which no argument says that the layer takes such an input."""

FEATURES: dict[str, dict[str, object]] = CASES["features"]  # fields of a case, by its name


def try_features(
    subject: LayerSubject, deep: bool = False, parts: Sequence[str] = PARTS
) -> Iterator[Result]:
    """Try each feature of the cell; only the results of the parts that are right are compared."""
    layers = subject.layers
    lacks = layers.conventions.lacks
    yield from (Result(name=n, verdict=Verdict.MISSING) for n in sorted(lacks - {INITIAL}))
    if INITIAL in lacks:  # wrong if it is passed, and not used
        yield try_feature(subject.vary(list_feature_trials(1), {"h0": True}), INITIAL, parts)
    simplest, begins_at_zero = build_case(layers, SIZES[0], subject.seed), False
    for name, fields in FEATURES.items():
        case = build_case(layers, SIZES[0], subject.seed, **fields)
        if layers.dtype if "dtype" in fields else case == simplest:
            continue
        if any(getattr(case, field) != value for field, value in fields.items()):
            continue  # the cell has no such layer
        if {*list_fixed(layers)} & {*fields}:
            continue
        if "upstream" in fields and (layers.forward_only or len(parts) < len(PARTS)):
            continue
        trials = list_trials() if deep else list_feature_trials(case.L * case.D)
        trials = (*trials, *(list_trials((), 1) if "dtype" in fields and not deep else ()))
        if case.L <= 2 and not layers.submission.source.interpreter:
            trials = (*trials, *make_trials([choose_long_sizes(fields)]))
        result = try_feature(subject.vary(trials, fields), name, parts)
        if "unbatched" in fields and begins_at_zero:
            alone = try_feature(subject.vary(trials, fields | FEATURES[FROM_ZERO]), name, parts)
            if result.verdict == Verdict.RIGHT:
                result = alone
            elif alone.verdict == Verdict.RIGHT:
                result = try_feature(subject.vary(trials, fields), name, parts, is_promised=True)
        begins_at_zero |= name == FROM_ZERO and result.verdict == Verdict.RIGHT
        yield result


def try_feature(
    subject: LayerSubject, name: str, parts: Sequence[str], *, is_promised: bool = False
) -> Result:
    """Try one feature, with the fields that the subject's cases have; return its result.

    If a call with the feature's argument raises, the feature is missing: a layer may refuse it. If
    only some cases raise, the result names one, because it may also be a mistake.
    """
    results = [result for result in try_items(subject) if result.name in parts]
    failed = next((r for r in results if r.verdict != Verdict.RIGHT), results[0])
    fields, feature = subject.changes, Result(name=name, verdict=failed.verdict)
    unpromised = UNPROMISED | {"dtype"} if subject.layers.is_cast else UNPROMISED
    is_promised = is_promised or len(fields) > 2 or not unpromised & {*fields}
    if failed.verdict != Verdict.RIGHT and not is_promised:
        feature.verdict = Verdict.MISSING  # by broadcasting a layer may take some
        failed.got = failed.got or "other results"
    elif failed.wrong is not None:
        explain_results(subject, [failed])
        feature.tensor, feature.diagnosis = failed.wrong.tensor, failed.diagnosis
        feature.finding = f"{failed.wrong.tensor}: {failed.wrong.describe()}"
        feature.case = failed.case
    elif failed.verdict == Verdict.ERROR:
        feature.got = failed.got
    elif failed.verdict == Verdict.WRONG:  # its results have another form
        feature.finding = f"expected {failed.expected}, got {failed.got}"
    is_first = "batch_first" in fields and subject.layers.conventions.batch_first
    if feature.verdict == Verdict.MISSING and failed.case is not None and failed.cases > 1:
        feature.why = f"not on {failed.case.description}: {failed.got}"
    if feature.verdict == Verdict.MISSING and is_first:
        feature.diagnosis = Diagnosis("The batch always comes first.")
    return feature


def find_wrong_combination(
    subject: LayerSubject, features: Sequence[Result], parts: Sequence[str]
) -> list[Result]:
    """Return the first combination of the right features that is wrong, if any.

    Each two features occur together in one of them, with several steps and sequences. A combination
    that the layer refuses counts as missing, and is not reported. Each has a batch: a layer may
    take sequences without one by broadcasting, and then not without a state.
    """
    if subject.layers.submission.source.interpreter:
        return []  # it takes long
    surface = {**find_surface(subject.layers, features), "unbatched": (False,)}
    surface |= {"T": range(3, 7), "B": range(2, 5)}
    several = {
        name: [*dict.fromkeys(surface[name])] for fields in FEATURES.values() for name in fields
    }
    rng = np.random.default_rng([subject.seed, len(several)])
    for row in cover(several):
        drawn = draw_choices(rng, surface) | row
        case = make_case(**drawn)
        changes = {name: value for name, value in drawn.items() if name not in NOT_SEARCHED}
        combined = subject.vary(make_trials([(case.T, case.B, case.V, case.H)]), changes)
        results = [result for result in try_items(combined) if result.name in parts]
        if any(r.verdict == Verdict.WRONG and r.wrong is not None for r in results):
            shown_case = next(combined.draw(combined.items[0]))
            description = combined.make_layer_case(shown_case).describe()
            return [try_feature(combined, f"features combined ({description})", parts)]
    return []


def list_feature_trials(rows: int) -> tuple[Trial, ...]:
    """Return the cases of a feature: sizes of one, B = L·D rows, large sizes."""
    return make_trials((SIZES[0], (2, 3, 1, 1), (3, rows, 2, 4), (10, 9, 18, 17)))


def find_surface(layers: UserLayerFactory, features: Sequence[Result]) -> Surface:
    """Return the values of a case's fields for a layer, without the features that are not right."""
    lacking = [feature.name for feature in features if feature.verdict != Verdict.RIGHT]
    return list_surface(layers, [FEATURES[name] for name in lacking if name in FEATURES])


def name_feature(field: str, value: object) -> str:
    """Return the name of the feature that is a value of a field."""
    several = value if isinstance(value, tuple | range) else (value,)
    names = (
        n for n, fields in FEATURES.items() if any(fields.get(field, ()) == v for v in several)
    )
    return next(names, f"{field} {value}")
