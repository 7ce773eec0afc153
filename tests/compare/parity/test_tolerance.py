"""Tolerances: which floats are moved, and the effect on the results."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import scratch_rnn
from compare import build_models
from compare.parity import (
    PERTURBATIONS,
    SAFETY,
    Agreement,
    StepSettings,
    Unmoved,
    compare_results,
    largest_difference,
    limited_threads,
    rms,
    run_step,
    tolerances,
    ulps,
)
from compare.parity.tolerance import measure_tolerances, neighbour
from scratch_rnn import threads
from scratch_rnn.cells import gated
from scratch_rnn.fast import product, sums
from scratch_rnn.text import Batch


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass(frozen=True)
class Box:
    floats: Any
    count: int


floats = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=2, max_side=4),
    elements=st.floats(-1e6, 1e6, width=32),
)


@given(floats, st.integers(0, 9))
def test_every_float_but_zero_moves_to_a_neighbour(array, seed):
    before = array.copy()
    moved = neighbour(array, np.random.default_rng(seed))
    assert (moved.shape, moved.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(array, before)
    gaps = np.where(array == 0, 0, np.spacing(np.abs(array)))
    downward = np.where(array == 0, 0, np.abs(array) - np.nextafter(np.abs(array), 0))
    distance = np.abs(moved - array)
    assert np.all((distance == gaps) | (distance == downward))
    assert np.all((moved == array) == (array == 0))


def test_containers_are_moved_all_through_and_integers_are_not():
    ones, numbers = np.ones(3), np.arange(3)
    value = Box(
        {"a": (ones, [ones]), "b": Pair(ones, numbers), "c": np.float32(1), "d": None, "e": 1.0},
        count=7,
    )
    moved = neighbour(value, np.random.default_rng(0), gaps=64)
    assert (type(moved), moved.count) == (Box, 7)
    a, b, c, d, e = moved.floats.values()
    assert [type(value) for value in (a, a[1], b, c)] == [tuple, list, Pair, np.float32]
    for array in (a[0], a[1][0], b.first):
        assert set((array - 1) / 2.0**-53) <= {-64, 128}
    assert (c - 1) / 2.0**-24 in {-64, 128}
    assert b.second is numbers
    assert (d, e) == (None, 1.0)  # Python's floats are settings: a rate, a limit


def test_the_tolerance_is_the_largest_move_and_two_ulps_times_8():
    """y = 2x moves by two gaps of x, which is one gap of y at x = 1: (1 + 2) gaps of 2."""
    calls = []

    def double(move):
        x = move(np.ones(8))
        calls.append(x)
        return {"y": 2 * x, "constant": np.full(3, 4.0), "none": np.zeros((0, 3))}

    results, allowed = tolerances(double)
    assert len(calls) == 2 + PERTURBATIONS  # as it is, the baseline, and moved
    assert np.all(calls[0] == 1)
    assert np.all(calls[1] == 1)
    np.testing.assert_array_equal(results["y"], np.full(8, 2.0))
    np.testing.assert_array_equal(allowed["y"], 8 * (2 + 4) * np.spacing(1.0))
    np.testing.assert_array_equal(allowed["constant"], np.full(3, 8 * 2 * np.spacing(4.0)))
    assert allowed["none"].shape == (0, 3)


def test_random_moves_are_made_on_one_thread():
    """Several would draw them in any order; the results are those of all threads."""
    parts = []

    def compute(move):
        parts.append(len(threads.slice_batch(24, 10**9, 10**9)))
        return {"y": move(np.ones(2))}

    scratch_rnn.set_num_threads(3)
    try:
        tolerances(compute, perturbations=2)
    finally:
        scratch_rnn.set_num_threads(1)
    assert parts == [3, 1, 1, 1]


def test_each_package_gets_its_own_number_of_threads_back():
    before = torch.get_num_threads()
    scratch_rnn.set_num_threads(3)
    torch.set_num_threads(2)
    try:
        with limited_threads(1):
            assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == (1, 1)
        assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == (3, 2)
    finally:
        scratch_rnn.set_num_threads(1)
        torch.set_num_threads(before)


@pytest.mark.parametrize("gaps", [1, 8])
def test_a_tolerance_depends_on_gaps_seed_and_number_of_perturbations(gaps):
    x = np.ones(6, np.float32)
    options = [{}, {"seed": 0}, {"seed": 1}]
    options += [{"perturbations": 16}, {"perturbations": 1}]
    found = [tolerances(lambda move: {"y": move(x)}, gaps=gaps, **o)[1]["y"] for o in options]
    least, most = (SAFETY * gaps * (move + 2 * 2**-23) for move in (2**-24, 2**-23))
    assert all(np.all((allowed > least) & (allowed <= most)) for allowed in found)
    plain, with_seed, with_another, with_all, with_one = found
    assert np.array_equal(plain, with_seed)
    assert np.array_equal(plain, with_all)
    assert len(set(with_one)) > 1  # up or down
    one = {"gaps": gaps, "perturbations": 1}
    first, other = (tolerances(lambda move: {"y": move(x)}, seed=s, **one)[1]["y"] for s in (0, 1))
    assert np.array_equal(first, with_one)
    assert not np.array_equal(first, other)
    assert not np.array_equal(with_another, with_one)


def test_each_entry_has_an_tolerance_of_its_own():
    """An entry is allowed its own move and its own ulps, and at least the RMS of all moves."""
    x = np.array([1024.0, 1.0, 1.0, 1.0])
    _, allowed = tolerances(lambda move: {"y": move(x)})
    moves = np.spacing(x)
    floor = np.sqrt(np.mean(moves**2))
    expected = SAFETY * (np.maximum(moves, floor) + 2 * np.spacing(x))
    np.testing.assert_allclose(allowed["y"], expected, rtol=1e-12)
    assert allowed["y"][1] < 0.2 * allowed["y"][0]
    wrong = x.copy()
    wrong[1] += 0.5 * allowed["y"][0]
    assert compare_results({"y": x}, {"y": wrong}, allowed).rows[0].at == (1,)
    assert not compare_results({"y": x}, {"y": wrong}, allowed).ok


def test_a_gate_is_moved_where_it_is_computed_and_not_only_on_the_tape():
    """z = 1 - 6e-6: a move of its input does not reach it, its own rounding is 1 % of 1 - z."""

    def passed_on(move):
        z = move(np.full(4, 12, np.float32))
        gated.sigmoid(z)
        return {"1 - z": 1 - z}

    sigmoid = gated.sigmoid
    results, allowed = tolerances(passed_on)
    ulp = np.spacing(np.float32(0.5))  # of z
    assert np.all(allowed["1 - z"] >= SAFETY * ulp)
    assert np.all(allowed["1 - z"] < 2 * SAFETY * ulp)
    assert np.array_equal(results["1 - z"], passed_on(Unmoved.RESULTS)["1 - z"])
    assert gated.sigmoid is sigmoid


def test_what_is_computed_as_a_sum_has_the_error_of_its_terms():
    def compute(move):
        gate, small = move(np.float32([-20])), move(np.float32([1e-9]))
        gated.sigmoid(gate)
        return {"sigmoid": gate, "tanh": np.tanh(small)}

    for own in ((), ("sigmoid",), ("sigmoid", "tanh")):
        for name, allowed in measure_tolerances(compute, sums=own).items():
            is_of_one = SAFETY * 2**-25 <= allowed <= 2 * SAFETY * 2**-23
            assert is_of_one if name in own else allowed < 1e-12


def test_an_error_in_the_results_does_not_widen_their_tolerance():
    """What moves are measured from is the run of the moved way, not the results."""

    def compute(move):
        return {"y": np.zeros(2) if move is Unmoved.RESULTS else move(np.ones(2))}

    results, allowed = tolerances(compute)
    assert np.all(results["y"] == 0)
    np.testing.assert_array_equal(allowed["y"], 8 * 3 * np.spacing(np.ones(2)))
    assert not compare_results(results, {"y": np.ones(2)}, allowed).ok


def test_tolerance_of_a_result_that_is_not_a_number_lets_nothing_pass():
    results, allowed = tolerances(lambda move: {"y": move(np.ones(2)) * np.nan})
    assert not compare_results(results, results, allowed).ok


def test_a_result_that_rounding_turns_into_no_number_is_undecidable():
    """Two right implementations may differ there by anything."""

    def compute(move):
        return {"y": np.ones(3) * (1 if isinstance(move, Unmoved) else np.nan)}

    results, allowed = tolerances(compute)
    assert np.isinf(allowed["y"]).all()
    report = compare_results(results, {"y": results["y"] / 2}, allowed)
    assert report.verdict is Agreement.UNDECIDABLE


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_same_infinities_agree_and_no_others(dtype):
    values = np.array([1.0, np.inf], dtype)
    results, allowed = tolerances(lambda move: {"y": move(values)})
    assert compare_results(results, results, allowed).ok
    for other in (-np.inf, np.finfo(dtype).max, np.nan):
        assert compare_results(results, {"y": np.array([1.0, other], dtype)}, allowed).failures


def test_distances_are_measured_in_float64():
    a = np.linspace(0.1, 1, 7, dtype=np.float32)
    b = a * np.float32(1e-9)
    assert largest_difference(a, b) == np.max(a.astype(np.float64) - b.astype(np.float64))
    assert largest_difference(a, b) != float(np.max(a - b))
    convert_to_float64 = np.sqrt(np.mean(a.astype(np.float64) ** 2))
    assert rms(a) == pytest.approx(convert_to_float64, rel=1e-14)
    assert rms(np.array([1.0, 0.5, 0.5, 0.5])) == pytest.approx(np.sqrt(1.75 / 4), rel=1e-14)
    assert rms(np.array([3e200, 4e200])) == pytest.approx(np.sqrt(12.5) * 1e200)
    assert (rms(np.zeros(3)), rms(np.zeros(0)), rms(np.array([1.0, -np.inf]))) == (0, 0, np.inf)
    assert ulps(a).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_ulp_is_the_smallest_normal_number_at_least(dtype):
    """Some libraries make 0 of what is smaller. What is allowed for that is no more than that."""
    least = np.finfo(dtype).smallest_normal
    assert ulps(np.array([0, least / 4, -least], dtype)).tolist() == [least] * 3
    assert ulps(np.array([1.0], dtype)) == np.spacing(dtype(1))


# Threads ----------------------------------------------------------------------------------------

LAYER = scratch_rnn.GRU(3, 4, rng=np.random.default_rng(0))
X = np.random.default_rng(1).standard_normal((5, 2, 3)).astype(np.float32)


def test_other_threads_compute_as_ever_while_one_moves_floats():
    expected = LAYER.forward(X)[0]

    def compute(move):
        of_another = another.submit(LAYER.forward, X).result()[0]
        np.testing.assert_array_equal(of_another, expected)
        return {"output": LAYER.forward(move(X))[0]}

    with ThreadPoolExecutor(1) as another:
        allowed = tolerances(compute)[1]["output"]
    assert np.all(allowed > 0)


def test_two_threads_can_measure_at_once():
    """Each gets what it gets alone, and leaves the layer's functions as they were."""
    meeting = threading.Barrier(2)

    def measure(*, meet):
        def compute(move):
            if meet and move is not Unmoved.RESULTS:
                with suppress(threading.BrokenBarrierError):  # one is held up until the other ends
                    meeting.wait(0.1)
            return {"output": LAYER.forward(move(X))[0]}

        return tolerances(compute)[1]["output"]

    def functions():
        return gated.sigmoid, gated.input_products, sums.sum_in_pieces, product.Times.__call__

    alone, before = measure(meet=False), functions()
    with ThreadPoolExecutor(2) as two:
        both = [two.submit(measure, meet=True) for _ in range(2)]
    for one in both:
        np.testing.assert_array_equal(one.result(), alone)
    assert functions() == before


@pytest.mark.parametrize(
    ("cell", "logits", "loss", "weight"),
    [("rnn", 6.2e-7, 7.6e-6, 2.0e-7), ("gru", 3.9e-7, 3.8e-6, 1.95e-7)],
)
def test_half_of_these_errors_is_rounding_and_twice_is_a_mistake(cell, logits, loss, weight):
    """In numbers, whatever factors they are made of: a third or three times would be too many."""
    model, _ = build_models(28, 32, cell=cell, seed=1)
    ids = np.random.default_rng(1).integers(0, 28, (4, 11))
    batch, state = Batch(ids[:, :-1].copy(), ids[:, 1:].copy()), model.begin_state(4)
    settings = StepSettings(lr=0.5)
    results, allowed = tolerances(lambda move: run_step(model, batch, state, settings, move))
    typed = {"logits": logits, "loss": loss, "updated rnn.weight_hh_l0": weight}
    for factor, verdict in ((0.5, Agreement.AGREES), (2.0, Agreement.DIFFERS)):
        for name, size in typed.items():
            middle = np.argsort(allowed[name], axis=None)[allowed[name].size // 2]
            entry = np.unravel_index(middle, allowed[name].shape)
            wrong = results[name].copy()
            wrong[entry] += np.float32(factor * size)
            [row] = compare_results({name: results[name]}, {name: wrong}, allowed).rows
            assert row.verdict is verdict, (name, factor, row.share)
