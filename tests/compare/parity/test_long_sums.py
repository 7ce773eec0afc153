"""What long sums may lose: sums of rows, and recurrent products of many terms."""

import numpy as np
import pytest

from compare.parity import (
    SAFETY,
    Unmoved,
    absolute_difference,
    compare_results,
    rms,
    tolerance,
    tolerances,
    ulps,
)
from compare.parity.tolerance import LONG
from scratch_rnn.cells import gated
from scratch_rnn.fast import sums
from scratch_rnn.fast.product import Times


def test_a_sum_of_rows_may_lose_what_one_chain_loses():
    """One after the other, 100,000 terms lose more than moves of terms and two ulps show."""
    d = np.random.default_rng(0).random((100_000, 4), np.float32)
    in_pieces = sums.sum_in_pieces
    results, allowed = tolerances(lambda move: {"sum": sums.sum_of_rows(move(d))}, perturbations=4)
    assert np.array_equal(results["sum"], sums.sum_of_rows(d))
    assert sums.sum_in_pieces is in_pieces
    chain = np.add.accumulate(d)[-1]
    assert compare_results(results, {"sum": chain}, allowed).ok
    lost = absolute_difference(chain, results["sum"])
    assert np.any(lost > SAFETY * 2 * ulps(chain))
    assert np.all(allowed["sum"] < 100 * lost.max())


def product_of(h, M):
    """Return the computation h M, for `tolerances`; each column, or each gate, by itself."""
    B = h.shape[-2]

    def compute(move):
        product = Times(move(M), B)(move(h)).copy()
        return dict(zip("abcdef", product if M.ndim == 3 else product.T, strict=False))

    return compute


def random_product(B, K, N, far=1.0):
    """Return the computation of a random product in which one factor is small, one large."""
    rng = np.random.default_rng(0)
    h, M = rng.normal(size=(B, K)).astype(np.float32), rng.normal(size=(K, N)).astype(np.float32)
    return product_of(h / np.float32(far), M * np.float32(far))


def chain_of(h, M):
    """Return h M with the terms added one after the other."""
    chain = np.zeros((len(h), M.shape[1]), np.float32)
    for k in range(len(M)):
        chain += h[:, k, None] * M[k]
    return chain


def test_what_is_added_is_as_large_as_what_one_chain_loses():
    rng = np.random.default_rng(0)
    h = rng.normal(size=(32, 2**12)).astype(np.float32)
    M = rng.normal(size=(2**12, 32)).astype(np.float32)
    times_M = Times(M, 32)
    product = times_M(h).copy()
    with tolerance.lose_in_long_products(rng):
        added = times_M(h) - product
    lost = chain_of(h, M) - h.astype(np.float64) @ M
    assert 0.7 < rms(added) / rms(lost) < 1.4


def beginning(H):
    """Return the computation of an input product alone, for `tolerances`, of one input of 1."""
    W_ih = 10 * np.random.default_rng(0).normal(size=(2, H, 1)).astype(np.float32)

    def compute(move):
        a = gated.input_products(np.ones((1, 2, 1), np.float32), move(W_ih), None)
        return {"a": a[0], "b": a[1]}

    return compute


def test_what_a_chain_loses_that_begins_with_the_input_product():
    """So oneDNN computes an LSTM: the recurrent terms are added to the input product."""
    H = 2**10
    compute = beginning(H)
    input_products, begins = gated.input_products, compute(Unmoved.RESULTS)["a"]  # (1, 2, H)
    rng = np.random.default_rng(1)
    terms = 1e-3 * rng.normal(size=(H, *begins.shape)).astype(np.float32)
    chain = begins.copy()
    for term in terms:
        chain += term
    lost = chain - (begins.astype(np.float64) + terms.sum(axis=0, dtype=np.float64))
    with tolerance.lose_in_long_products(rng):
        added = compute(Unmoved.RESULTS)["a"] - begins
    assert 0.7 < rms(added) / rms(lost) < 1.4
    assert gated.input_products is input_products


@pytest.mark.parametrize("make", [beginning, lambda K: random_product(2, K, 2)])
def test_what_is_not_long_is_allowed_what_moves_show(make, monkeypatch):
    """And what is long more: a product, and an input product with which a chain begins."""
    short, long = (tolerances(make(K))[1] for K in (LONG - 1, LONG))
    monkeypatch.setattr(tolerance, "LONG", LONG + 1)
    short_by_moves, long_by_moves = (tolerances(make(K))[1] for K in (LONG - 1, LONG))
    for name in "ab":
        np.testing.assert_array_equal(short[name], short_by_moves[name])
        assert np.mean(long[name]) > 1.2 * np.mean(long_by_moves[name])


@pytest.mark.parametrize("has_each_its_own", [False, True])
def test_each_gate_loses_by_itself(*, has_each_its_own):
    """Nothing where W is zero, and twice as much where it is twice as large."""
    rng = np.random.default_rng(0)
    h, M = rng.normal(size=(5, LONG)), rng.normal(size=(LONG, 3))
    h = np.stack([h, h, h]) if has_each_its_own else h
    _, allowed = tolerances(product_of(h, np.stack([M, 0 * M, 2 * M])), perturbations=100)
    assert allowed["b"].max() < 1e-300
    np.testing.assert_allclose(allowed["c"], 2 * allowed["a"], rtol=0.5)


@pytest.mark.parametrize("compute", [beginning(LONG), random_product(4, 2**12, 4)])
def test_what_is_lost_is_that_of_its_gaps(compute):
    _, once = tolerances(compute)
    _, eight_times = tolerances(compute, gaps=8)
    for name, array in once.items():
        assert 7 < np.mean(eight_times[name]) / np.mean(array) < 9


def test_what_a_long_product_loses_is_known_where_squares_overflow():
    _, allowed = tolerances(random_product(4, LONG, 4))
    _, allowed_far_apart = tolerances(random_product(4, LONG, 4, far=2.0**80))
    assert all(np.array_equal(allowed[name], allowed_far_apart[name]) for name in "abcd")


def test_an_error_in_a_sum_of_rows_does_not_widen_its_tolerance(monkeypatch):
    d = np.ones((3 * sums.ROWS, 2), np.float32)
    right = tolerances(lambda move: {"sum": sums.sum_of_rows(move(d))})[1]["sum"]
    monkeypatch.setattr(sums, "sum_in_pieces", lambda d: 2 * d.sum(axis=-2))
    results, allowed = tolerances(lambda move: {"sum": sums.sum_of_rows(move(d))})
    assert np.array_equal(results["sum"], np.full(2, 6 * sums.ROWS))
    assert np.array_equal(allowed["sum"], right)
