"""Long sums, cut in pieces: the same sums, and fewer of their bits are lost."""

import numpy as np
import pytest

from compare.parity.build import build_models
from compare.parity.comparison import check_parity
from compare.parity.rows import Verdict, compare_results
from compare.parity.tolerance import tolerances
from scratch_rnn import load_time_machine
from scratch_rnn.sums import PRODUCT_ROWS, ROWS, sum_of_products, sum_of_rows
from scratch_rnn.text.corpus import sample_text

LENGTHS = [0, 1, ROWS - 1, ROWS, ROWS + 1, PRODUCT_ROWS, PRODUCT_ROWS + 1, 3 * PRODUCT_ROWS + ROWS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", LENGTHS)
def test_pieces_add_up_to_the_sum(N, dtype):
    rng = np.random.default_rng(N)
    d, x = rng.normal(size=(N, 5)).astype(dtype), rng.normal(size=(N, 3)).astype(dtype)

    def sums(move):
        moved = move(d)
        return {"rows": sum_of_rows(moved), "products": sum_of_products(moved, move(x))}

    results, allowed = tolerances(sums)
    wide = d.astype(np.float64)
    exact = {"rows": wide.sum(axis=0), "products": wide.T @ x.astype(np.float64)}
    report = compare_results(results, {n: a.astype(dtype) for n, a in exact.items()}, allowed)
    assert not report.failures
    gates = np.stack([d, -2 * d])
    both = {"rows": sum_of_rows(gates), "products": sum_of_products(gates, x)}
    assert not compare_results(results, {n: a[0] for n, a in both.items()}, allowed).failures
    assert not compare_results(results, {n: a[1] / -2 for n, a in both.items()}, allowed).failures


def test_small_terms_are_not_lost_beside_a_large_one():
    """2^24 + 1 is no float32: added one after the other, every 1 after 2^24 would be lost."""
    d = np.zeros((20 * ROWS, 2), np.float32)
    d[ROWS::ROWS] = 1
    d[0], d[-1] = 2.0**24, -(2.0**24)
    assert np.all(np.abs(sum_of_rows(d) - 19) <= 1)  # the last 1 is beside -2^24


def test_rows_that_fill_no_piece_are_added_up_in_float64():
    d = np.array([[1], [2.0**24], [-(2.0**24)]], np.float32)
    assert sum_of_rows(d) == 1  # in float32 the first sum is 2^24


def test_the_lectures_gradients_are_no_less_exact_than_pytorchs():
    batches, vocab = load_time_machine(32, 35, text=sample_text())
    scratch, concise = build_models(len(vocab), 256, seed=1)
    report = check_parity(scratch, concise, next(iter(batches.epoch(1))))
    less_exact = [row for row in report.rows if row.verdict is Verdict.LESS_EXACT]
    assert [row.name for row in less_exact if row.less_exact_side == "scratch"] == []
