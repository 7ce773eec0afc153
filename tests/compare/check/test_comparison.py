"""A comparison of two tensors: equal to the bit or within the tolerance, and where it differs."""

from dataclasses import replace

import numpy as np
import pytest

from compare.check import Expected
from compare.check.core.result_text import explain, show_side_by_side, summarize
from compare.check.core.results import Case, Diagnosis, Item, ItemResult
from compare.implementations import Verdict
from compare.parity import FEW, PERTURBATIONS, Comparison
from tests.tables import lines_of

EXPLAINED = """
forward on T 3, B 2, H 2: output is wrong
  at step 2 of 3
  expected  got
   4 5       4  9*
   6 7       6  7
  2 of 12 entries wrong, marked *; off by up to 4; tolerance 1e-09
  a note

  z = x W
  h = tanh(z)

  Likely mistake: It is so.
  In the code of scratch_rnn/plain:
    wrong  line 1
    wrong  line 2
    wrong  line 3
"""


@pytest.mark.parametrize("wrong", [1e6, np.nan])
def test_a_comparison_names_the_first_step_and_its_worst_entry(wrong):
    """It is the first step that is computed: going back, that is the last in time."""
    right = np.zeros((5, 3))
    got = right.copy()
    got[1, :2], got[3, 1:], got[2, 0] = (1.0, 2.0), (4.0, 3.0), wrong
    forth = Comparison("output", right, got, 0.5, time_axis=0)
    assert (forth.ok, forth.step, forth.element) == (False, 2, (1, 1))
    assert forth.describe() == "[1, 1]: expected 0, got 2; 2.0e+00 apart, 5.0e-01 allowed"
    back = replace(forth, backward=True)
    assert (back.ok, back.step, back.element) == (False, 4, (3, 1))
    without_steps = replace(forth, time_axis=None)
    assert (without_steps.step, without_steps.element) == (None, (2, 0))
    assert (replace(forth, got=right).step, replace(forth, got=right).element) == (None, None)
    assert replace(forth, got=right).describe() == "no difference"
    one = Comparison("loss", np.array(1.0), np.array(2.0), 0.5)
    assert one.describe() == "expected 1, got 2; 1.0e+00 apart, 5.0e-01 allowed"
    other = replace(forth, got=right.T)
    assert (other.step, other.element) == (None, None)
    assert other.describe() == "expected (5, 3) float64, got (3, 5) float64"
    got[[1, 3]] = 0.5  # just what is allowed
    forth = replace(forth)
    assert (forth.step, forth.element) == (3, (2, 0))
    transposed = replace(forth, expected=right.T, got=got.T, time_axis=1)
    assert (transposed.step, transposed.element) == (3, (0, 2))


@pytest.mark.parametrize(
    ("apart", "ok", "measured"),
    [(0.05, True, [FEW]), (0.5, True, [FEW, PERTURBATIONS]), (2.0, False, [FEW, PERTURBATIONS])],
)
def test_a_tolerance_is_measured_with_all_perturbations_if_need_be(apart, ok, measured):
    list_numbers = []

    def tolerance(number):
        list_numbers.append(number)
        return {"a": np.array([1.0 if number == PERTURBATIONS else 0.1])}

    expected, got = Expected({"a": np.zeros(1)}, tolerance), {"a": np.array([apart])}
    (found,) = expected.compare(got)
    assert (found.ok, list_numbers) == (ok, measured)
    (whole,) = expected.compare_within(PERTURBATIONS, got)
    assert (whole.ok, whole.row.share) == (ok, apart)


def test_a_wrong_tensor_is_shown_beside_the_right_one():
    right = np.arange(12.0).reshape(3, 2, 2)
    got, allowed = right.copy(), np.full(right.shape, 1e-9)
    got[1, 0, 1], got[2, 1, 0], allowed[0] = 9, 7.25, 1e-12
    item, case = Item("forward", "z = x W\nh = tanh(z)"), Case("T 3, B 2, H 2")
    result = ItemResult(item=item, verdict=Verdict.WRONG, cases=3, case=case, notes=["a note"])
    result.wrong = Comparison("output", right, got, allowed)
    result.diagnosis = Diagnosis("It is so.", tuple(f"line {k}" for k in (1, 2, 3, 4)))
    assert [line.plain.rstrip() for line in explain(result)] == lines_of(EXPLAINED)
    result.comparisons = (result.wrong, replace(result.wrong, tensor="h_n"))
    assert "  wrong results: output, h_n" in [line.plain for line in explain(result)]
    assert summarize(result) == "output: expected 5, got 9 at [1, 0, 1]"
    result.wrong = Comparison("d_W", np.zeros((9, 9)), np.full((9, 9), np.inf), 0.5)
    *table, words = (line.plain for line in show_side_by_side(result.wrong))
    assert [(row.count(" 0"), row.count(" inf*")) for row in table[1:]] == [(7, 7)] * 7
    whole = show_side_by_side(Comparison("d_W", np.zeros((7, 7)), np.ones((7, 7)), 0.5))
    assert whole[-1].plain == "  49 of 49 entries wrong, marked *; off by up to 1; tolerance 0.5"
    result.wrong = Comparison("d_W", np.zeros((9, 9)), np.full((9, 9), 12345.6), 0.5)
    table = [line.plain.strip() for line in show_side_by_side(result.wrong)]
    assert (table[0], table[8]) == ("expected", "got")  # both are wider than 80 columns
    assert "marked * (rows 1 to 7 of 9, columns 1 to 7 of 9); some are not finite" in words
    last = np.zeros((1, 12, 15))
    last[0, 7, 13] = last[0, 10, 14] = 7
    *table, words = show_side_by_side(Comparison("d_W", 0 * last, last, 0.5))
    assert [row.plain.count("7*") for row in table[-7:]] == [0, 0, 0, 1, 0, 0, 1]
    assert "marked * (rows 5 to 11 of 12, columns 9 to 15 of 15); off by" in words.plain
