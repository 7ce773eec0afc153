"""Products in the way that BLAS answers fastest, long sums in pieces, memory for large arrays."""

import numpy as np
import pytest

from compare.parity import Agreement, build_models, check_parity
from scratch_rnn import LSTM, load_time_machine
from scratch_rnn.cells import gated, lstm
from scratch_rnn.fast import memory
from scratch_rnn.fast import product as products
from scratch_rnn.fast.product import SMALL, Times, panels, size_of_tiles
from scratch_rnn.fast.sums import ROWS, sum_of_rows
from scratch_rnn.text.corpus import sample_text


@pytest.fixture(params=[True, False], ids=["small products", "none"])
def has_small_products(request, monkeypatch):
    """Run with and without the method for small products, with any BLAS."""
    monkeypatch.setattr(products, "blas_has_small_products", lambda: request.param)
    return request.param


TILES = [  # (K, N, B), and the rows and columns of the tiles of h M
    ((256, 256, 32), (16, 64)),  # the lecture's
    ((64, 96, 32), (32, 32)),  # 96 is no multiple of 64
    ((64, 48, 128), (64, 16)),  # 48 is none of 32 either
    ((64, 28, 64), (32, 28)),  # nor 28 of 16: all columns, and 28 · 36 < 1024 < 28 · 37
    ((64, 41, 25), (0, 0)),  # 25 · 41 = 1025, and 5 · 41 < 256
    ((64, 128, 17), (17, 32)),  # 17 rows can't be shared out, and 17 · 64 > 1024
    ((64, 64, 67), (0, 0)),  # 67 · 16 > 1024
    ((64, 64, 1), (0, 0)),  # one row
    ((64, 64, 2), (2, 64)),  # fewer than 256 numbers, but all there are
    ((64, 64, 0), (0, 0)),
    ((8, 250, 8), (4, 250)),  # 250 columns for four
    ((SMALL // (64 * 8), 64, 32), (8, 64)),  # just as large as a small product may be
    ((SMALL // (64 * 8) + 1, 64, 32), (4, 64)),
    ((SMALL // (64 * 4) + 1, 64, 32), (0, 0)),  # 2 · 64, 4 · 32, 8 · 16 are less than 256
    ((1, 1, 3), (3, 1)),
]


def test_tiles_have_256_to_1024_numbers(has_small_products):
    for shape, expected in TILES:
        assert size_of_tiles(*shape) == (expected if has_small_products else (0, 0)), shape


def whole_numbers(shape, dtype, most=None):
    """Return numbers of which sums of products are exact; those of float64 are no float32."""
    most = most or {"float32": 8, "float64": 2**25}[dtype]
    return np.random.default_rng(0).integers(-most, most, shape).astype(dtype)


SHAPES = [shape for shape, _ in TILES if shape[0] <= 256]
SHAPES += [(1024, 160, 64), (2048, 128, 8)]  # of which the cache holds two panels at a time, or one


@pytest.mark.parametrize(("K", "N", "B"), SHAPES)
@pytest.mark.usefixtures("has_small_products")
def test_times_is_the_product(K, N, B):
    for dtype, order in (("float32", "C"), ("float64", "C"), ("float32", "F"), ("float64", "F")):
        M, h = whole_numbers((K, N), dtype).copy(order), whole_numbers((B, K), dtype, 8)
        times_M = Times(M, B)
        for given in (h, h, np.asfortranarray(h), 2 * h):
            np.testing.assert_array_equal(times_M(given), given @ M, strict=True)


def test_what_a_recurrence_reads_again_and_again_begins_with_a_cache_line():
    """An array of NumPy's as large as these begins 16 bytes after one, on Linux."""
    rng = np.random.default_rng(0)
    weights = LSTM(8, 64, rng=rng).weights(0)
    state = [np.zeros((32, 64), np.float32)] * 2
    tape = lstm.forward(rng.normal(size=(5, 32, 8)).astype(np.float32), *state, weights)
    arrays = [tape.gates, tape.tanh_c, tape.c, tape.h, *lstm.slopes(tape)]
    for M in (weights.W_hh.reshape(4, 64, 64), rng.normal(size=(64, 64)), rng.random((64, 64)).T):
        arrays += [panels(M, 32), panels(M.swapaxes(-1, -2), 32)]
    assert {array.ctypes.data % memory.CACHE_LINE for array in arrays} == {0}


def test_a_bias_is_added_in_the_layers_own_dtype():
    """Bit for bit: a product in float64 would be another one, and slower."""
    rng = np.random.default_rng(0)
    x, W_ih, b = (
        rng.normal(size=shape).astype(np.float32) for shape in ((5, 3, 8), (2, 4, 8), (2, 4))
    )
    with_b = np.concatenate([W_ih, b[:, :, None]], axis=2).swapaxes(1, 2)
    ones = np.ones((15, 1), np.float32)
    expected = np.concatenate([x.reshape(15, 8), ones], axis=1) @ with_b
    np.testing.assert_array_equal(
        gated.input_products(x, W_ih, b).reshape(2, 15, 4), expected, strict=True
    )


def test_small_products_are_openblas_on_avx_512(monkeypatch):
    for architectures, expected in (
        (["SkylakeX"], True),
        (["Cooperlake"], True),
        (["Haswell", "SapphireRapids"], True),
        (["Haswell"], False),
        ([None], False),
        ([], False),
    ):
        libraries = [{"architecture": name} if name else {} for name in architectures]
        monkeypatch.setattr("threadpoolctl.threadpool_info", lambda found=libraries: found)
        assert products.blas_has_small_products.__wrapped__() is expected, architectures


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
