"""The order of the gates in a class that has its own names, and a mistake.

No order alone gives its numbers then. One order does together with a known mistake.
"""

from contextlib import suppress

import numpy as np

from compare.check.cases.layer_results import build, forward, run
from compare.check.core.likely_mistake import explain_results
from compare.check.core.results import ItemResult
from compare.check.core.subject import try_items
from compare.check.core.symptoms import are_near, find_coarse_tolerance
from compare.check.layers.layer import PARTS, LayerSubject, find_part
from compare.implementations import CallFailed, Conventions, Results, list_readings
from compare.parity import Unmoved


def explain_with_other_order(
    subject: LayerSubject, stages: list[ItemResult]
) -> tuple[LayerSubject, list[ItemResult]]:
    """Return the subject and its results in the order of the gates that a known mistake explains.

    Both stay as they are if there is no such order, or if nothing is to be explained.
    """
    layers, forward_part = subject.layers, stages[0]
    learned = layers.conventions
    if forward_part.wrong is None or forward_part.diagnosis or not learned.has_own_names:
        return subject, stages
    if reading := find_reading(subject, forward_part):
        layers.conventions = reading
        again = subject.vary(subject.trials, subject.changes)
        others = try_items(again)
        explain_results(again, others)
        if others[0].diagnosis and others[0].diagnosis.mistake:
            return again, others
    layers.conventions = learned
    return subject, stages


def find_reading(subject: LayerSubject, wrong_part: ItemResult) -> Conventions | None:
    """Return the reading of a class's names with which a known mistake gives its numbers.

    One small case is enough to find it; more of them confirm the mistake later.
    """
    layers = subject.layers
    assert wrong_part.case is not None
    assert wrong_part.wrong is not None
    case = subject.make_layer_case(wrong_part.case)
    explained: list[Results] = []
    with np.errstate(all="ignore"):
        for mistake in subject.list_mistakes(wrong_part.item, wrong_part.wrong):
            with suppress(Exception):  # a bug with which the case cannot be computed
                explained.append(run(mistake.layer, case, Unmoved.RESULTS))
    for reading in list_readings(layers.conventions, layers.cell, layers.order):
        layers.conventions = reading
        with suppress(CallFailed):
            got = forward(build(layers, case), case)[0]
            if any(_are_near(results, got) for results in explained):
                return reading
    return None


def _are_near(results: Results, got: Results) -> bool:
    """Return whether results of a forward pass are those of a class, up to rounding."""
    return all(
        name in got and are_near(array, got[name], find_coarse_tolerance(array))
        for name, array in results.items()
        if find_part(name) == PARTS[0]
    )
