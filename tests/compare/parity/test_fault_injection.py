"""Faults are injected into the comparison, one at a time, and it has to detect each.

A comparison that cannot fail proves nothing. So a right result is changed by a little more than its
tolerance, in each row in turn, and the two sides get different settings.
"""

import numpy as np
import pytest

from compare.parity import (
    Agreement,
    StepSettings,
    build_models,
    check_parity,
    compare_results,
    copy_weights,
    run_step,
    tolerances,
)
from scratch_rnn.text import Batch

LR, MAX_NORM = 0.1, 0.05  # so small a norm that every gradient is clipped
SETTINGS = StepSettings(lr=LR, max_norm=MAX_NORM)


def case(dtype="float32"):
    scratch, concise = build_models(6, 5, dtype=dtype, seed=3)
    return scratch, concise, Batch(*np.random.default_rng(1).integers(0, 6, (2, 3, 7)))


def parity(scratch, concise, batch, **options):
    return check_parity(scratch, concise, batch, **({"lr": LR, "max_norm": MAX_NORM} | options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_beyond_its_tolerance_differs_and_no_other(dtype):
    scratch, concise, batch = case(dtype)
    state = scratch.begin_state(3)
    ours, allowed = tolerances(lambda move: run_step(scratch, batch, state, SETTINGS, move))
    theirs = run_step(concise, batch, state, SETTINGS)
    names = [row.name for row in parity(scratch, concise, batch).rows]
    for name in names[dtype == "float64" :: 2]:
        entry = tuple(size // 2 for size in ours[name].shape)
        shares = {}
        for share in (0.9, 1.5):
            spoilt = theirs[name].copy()
            spoilt[entry] = ours[name][entry] + share * allowed[name][entry]
            shares[share] = compare_results(ours, theirs | {name: spoilt}, allowed)
        assert shares[0.9].ok, name
        (wrong,) = shares[1.5].failures
        assert (wrong.name, wrong.at) == (name, entry)
        assert wrong.allowed == allowed[name][entry]
        assert wrong.share == pytest.approx(1.5, abs=0.2)  # the spoilt entry is rounded


def test_a_chaotic_recurrence_is_undecidable():
    """At a gain of 3, two states a rounding apart are nothing alike after 120 steps."""
    scratch, concise = build_models(4, 32, dtype="float32", seed=0)
    rng = np.random.default_rng(0)
    scratch.parameters["rnn.weight_hh_l0"][:] = 3 * np.linalg.qr(rng.normal(size=(32, 32)))[0]
    copy_weights(scratch, concise)
    for steps, expected in ((3, True), (120, False)):  # by then half of all states are unrelated
        report = check_parity(scratch, concise, Batch(*rng.integers(0, 4, (2, 2, steps))))
        assert report.ok is expected
        verdicts = {row.name: row.verdict for row in report.rows}
        assert verdicts["final state"] is (Agreement.AGREES if expected else Agreement.UNDECIDABLE)
        assert not report.failures


# The float64 reference ----------------------------------------------------------------------------


def test_each_side_is_compared_with_the_same_step_in_float64():
    scratch, concise, batch = case("float32")
    convert_to_float64, _ = build_models(6, 5, dtype="float64", seed=0)
    for name, array in scratch.parameters.items():
        convert_to_float64.parameters[name][...] = array
    reference = run_step(convert_to_float64, batch, convert_to_float64.begin_state(3), SETTINGS)
    sides = {
        "scratch": run_step(scratch, batch, scratch.begin_state(3), SETTINGS),
        "concise": run_step(concise, batch, scratch.begin_state(3), SETTINGS),
    }
    rows = parity(scratch, concise, batch).rows
    assert {row.name for row in rows} == reference.keys() - {"gradient of logits"}
    for row in rows:
        for side, results in sides.items():
            error = np.sqrt(np.mean((results[row.name] - reference[row.name]) ** 2))
            assert getattr(row, f"{side}_error") == pytest.approx(error, rel=1e-6, abs=1e-14)
    assert sum(row.scratch_error > 0 for row in rows if row.scratch_error) > len(rows) / 2


def test_a_step_in_float64_has_no_reference():
    rows = parity(*case("float64")).rows
    assert {(row.scratch_error, row.concise_error) for row in rows} == {(None, None)}
