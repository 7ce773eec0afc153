"""Long sums, cut in pieces: the same sums, and fewer of their bits are lost."""

import numpy as np
import pytest

from compare.parity import Agreement, build_models, check_parity
from scratch_rnn import load_time_machine
from scratch_rnn.fast.sums import PRODUCT_ROWS, ROWS, sum_of_products, sum_of_rows
from scratch_rnn.text.corpus import sample_text
from tests.scratch_rnn.test_product import whole_numbers

LENGTHS = [0, 1, ROWS - 1, ROWS, ROWS + 1, PRODUCT_ROWS, PRODUCT_ROWS + 1, 3 * PRODUCT_ROWS + ROWS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", LENGTHS)
def test_pieces_add_up_to_the_sum(N, dtype):
    d, x = whole_numbers((N, 5), dtype), whole_numbers((N, 3), dtype, 8)
    for array in (d, np.stack([d, -2 * d])):  # of one gate, and of two
        rows, products = array.sum(axis=-2), array.swapaxes(-1, -2) @ x
        np.testing.assert_array_equal(sum_of_rows(array), rows, strict=True)
        np.testing.assert_array_equal(sum_of_products(array, x), products, strict=True)


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
    scratch, concise = build_models(len(vocab), 64, seed=1)
    report = check_parity(scratch, concise, next(iter(batches.epoch(1))))
    less_exact = [row for row in report.rows if row.verdict is Agreement.LESS_EXACT]
    assert [row.name for row in less_exact if row.less_exact_side == "scratch"] == []
