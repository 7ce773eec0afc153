"""Rows of `test_tolerances`: a likely mistake is named within a tolerance, and not beyond it."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np

from compare.check import Expected, expect, name_mistake, rounding
from compare.check.core import symptoms
from compare.check.core.likely_mistake import (
    Observation,
    explain_cancellation,
    explain_in_all,
    gives,
    observe,
)
from compare.check.core.results import Case, Item, ItemResult
from compare.check.layers.layer import PARTS, _observe
from compare.mistakes.mistake import describe_gates
from compare.parity import Comparison
from tests.planted import CASE, EPS, FIRST, TOLERANCE, X, plant, row


@row
def hint_from_a_tensor(share):
    error = share * TOLERANCE * FIRST
    for got, words in (
        (X.T + error.T, "It is transposed."),
        (X.ravel() + error.ravel(), "The numbers are right"),
        (np.stack([X, error]), "The sum over its axis 0 is missing."),
        (error - X, "Its sign is flipped."),
        (X[::-1] + error, "Its first axis is reversed."),
        (np.clip(X, -2.5, 2.5) + error, "It is clipped at 2.5"),
        (3 * (X + error), "Every entry is 3 times too large."),
    ):
        diagnosis = symptoms.explain_tensor(X, got, TOLERANCE)
        yield diagnosis is not None and diagnosis.words.startswith(words)
    rounded = np.float64(np.float32(X / 7))
    allowed = abs(rounded - X / 7).max() / share / 2**29
    yield symptoms.explain_tensor(X / 7, rounded, allowed) == symptoms.COARSE


@row
def hint_from_two_tensors(share):
    error, compared = share * TOLERANCE * FIRST, partial(Comparison, allowed=TOLERANCE)
    one, other = compared("one", X, X**2 + error), compared("other", X**2, X)
    yield symptoms.explain_order([one, other]) is not None
    yield symptoms.explain_order([other, one]) is not None
    yield symptoms.is_added(X, compared("second", X**2, X + X**2 + 2 * error))
    rows = np.arange(12.0).reshape(6, 2)  # of the gates r, z and n
    swapped = rows[[2, 3, 0, 1, 4, 5]] + 2 * share * TOLERANCE * np.eye(6, 2)
    yield "swapped" in describe_gates("gru", compared("weight_ih_l0", rows, swapped))


@row
def hint_from_a_mistake(share):
    """Its numbers have a tolerance of their own, beside that of the right ones."""
    right, mistaken = {"y": X, "z": X}, {"y": 2 * X, "z": 2 * X}
    for error, others, is_given in ((2, 2 * X, True), (0, X + share * TOLERANCE * FIRST, False)):
        got = {"y": 2 * X + error * share * TOLERANCE * FIRST, "z": others}
        allowed = dict.fromkeys(right, np.full(X.shape, TOLERANCE))
        observed = Observation(Case("one"), right, allowed, got)
        yield gives(lambda _: mistaken, observed, ["y"]) is is_given
    yield symptoms.is_nearer(X + share * TOLERANCE * FIRST, X + 9, X, TOLERANCE)
    yield symptoms.is_nearer(X + 1, X + 1 + share / 2, X, TOLERANCE)
    yield symptoms.are_near(X, X + share * 6e-3 * FIRST, symptoms.find_coarse_tolerance(X))


@row
def hint_from_all_cases(share):
    def make(right, got, allowed=TOLERANCE):
        return Observation(Case("one"), {"y": right}, {"y": allowed}, {"y": got})

    error = share * TOLERANCE * FIRST
    for first, others in ((error - X, -X), (-X, X + error), (-X, error - X)):
        compared = Comparison("y", X, first, TOLERANCE)
        yield explain_in_all(compared, [make(X, others)]) is not None
    tiny = 1e-9 * X
    for one, other in ((4 * EPS * FIRST, error), (share * 8 * EPS * FIRST, 0)):
        observed = [make(tiny, tiny + one, EPS), make(X, X + other)]
        yield explain_cancellation("y", observed) is not None


@row
def hint_for_a_pair(share):
    right = expect(CASE).results
    moved = right | {"output": plant({"": -right["output"]}, share * TOLERANCE)[""]}
    yield name_mistake([(CASE, moved)]) == "Its sign is flipped."
    for allowed in (_observe(CASE, right, PARTS[0]).allowed, rounding(CASE)[1]):
        yield from (share * TOLERANCE <= array.max() for array in allowed.values())


@row
def hint_for_an_item(share):
    expected = Expected.fix_tolerance({"y": X}, {"y": TOLERANCE})
    case, item = Case("one"), Item("step", "")
    subject = SimpleNamespace(
        is_slow=True,
        open=lambda attempt: nullcontext(None),
        draw=lambda item: [case],
        confirms=lambda *_: True,
        gather=lambda *_: ({"y": X}, expected),
    )
    wrong_item = ItemResult(item=item, case=case, cases=1, wrong=Comparison("y", X, X, 0.0))
    [observed] = observe(subject, wrong_item).near
    yield share * TOLERANCE <= observed.allowed["y"]
