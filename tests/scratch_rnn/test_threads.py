"""A layer on several threads, each with some rows of the batch; and threads beside processes."""

import functools
import multiprocessing
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info

from compare.check import rounding
from compare.check.cases.layer_results import CLASSES, backward, build, forward
from compare.implementations import STACKED
from scratch_rnn import GRU, LSTM, RNN, SGD, RNNModel, set_num_threads, threads, train_step
from scratch_rnn.arrays import arrays_of
from tests.counts import number
from tests.properties import against, demand, identical
from tests.scratch_rnn.test_train import sharing
from tests.strategies import property_of_layers
from tests.test_both_packages import small_batches

V, H = 4, 3

# A layer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 2][: number(1, 2)])
@property_of_layers(B=(2, 3, 1, 4, 5))
def test_threads_change_a_layers_rounding_at_most_and_give_the_same_bits_each_time(n, case):
    """A tape can be used again, on any number of threads: the slices are those of `forward`."""
    layer = build(CLASSES[case.cell], case)
    with sharing(n):
        report = against(rounding(case)[0], CLASSES[case.cell], case)
        results, tape = forward(layer, case)
        gradients = backward(layer, case, tape)
        results_again, tape_again = forward(layer, case)
        gradients_again = backward(layer, case, tape_again)
        second = backward(layer, case, tape)
    on_one_thread = backward(layer, case, tape)
    demand(report, f"{n} threads are as good as one", case)
    demand(identical(results, results_again), "the same bits forward", case)
    for others in (gradients_again, second, on_one_thread):
        demand(identical(gradients, others), "the same bits backward", case)


def watch(layer, note):
    """Call `note` before each pass of the layer's cell, with its arguments."""
    for name in ("cell_forward", "cell_backward"):
        method = getattr(layer, name)
        noted = functools.partial(lambda method, *given: note(*given) or method(*given), method)
        setattr(layer, name, noted)


@pytest.mark.parametrize("cell", STACKED)
@pytest.mark.parametrize("B", [0, 1, 2, 5])
def test_each_thread_takes_a_slice(B, cell):
    layer, x = CLASSES[cell](V, H, bidirectional=True), np.zeros((4, B, V), np.float32)
    meeting, shapes = threading.Barrier(max(1, min(4, B)), timeout=100), []  # 4: more than above

    def note(given, *_):  # x, or a tape
        meeting.wait()  # nobody passes unless all slices are under way at once
        shapes.append(getattr(given, "x", given).shape)

    watch(layer, note)
    with sharing(4):
        output, state, tape = layer.forward(x)
        gradients = layer.backward(tape)
    each = {0: [0], 1: [1], 2: [1, 1], 5: [1, 1, 1, 2]}[B]
    both_ways = sorted(2 * [(4, rows, V) for rows in each])
    assert (sorted(shapes[: len(both_ways)]), sorted(shapes[len(both_ways) :])) == 2 * (both_ways,)
    assert output.shape == (4, B, 2 * H)
    assert {array.shape for array in arrays_of(state)} == {(2, B, H)}
    assert gradients.x.shape == (4, B, V)


def test_the_products_of_one_sequence_are_divided_by_blas():
    layer, seen = GRU(V, H), []

    def threads_of_blas():
        found = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
        return found or pytest.skip("the threads of NumPy's BLAS cannot be counted")

    def forward_and_backward(B):
        seen.clear()
        layer.backward(layer.forward(np.zeros((2, B, V), np.float32))[2])
        return list(seen)

    watch(layer, lambda *_: seen.append(max(threads_of_blas())))
    with sharing(2):
        threads.LARGE_FOR_BLAS = H * H
        assert forward_and_backward(1) == [2, 2]
        assert forward_and_backward(2) == [1, 1, 1, 1]  # a slice for each thread
        threads.least_rows = lambda *_: 2
        assert forward_and_backward(2) == [1, 1]
        with threads.keep_batch_whole():
            assert forward_and_backward(1) == [1, 1]
        # a setting of the process: only the thread that has set the number of threads changes it
        with ThreadPoolExecutor(1) as another:
            assert another.submit(forward_and_backward, 1).result() == [1, 1]
        threads.LARGE_FOR_BLAS = H * H + 1
        assert forward_and_backward(1) == [1, 1]
        assert set(threads_of_blas()) == {1}


def test_the_padding_of_a_slice_is_zero_too():
    """It overflows here. Where it is not zero, the gradients are infinity times zero."""
    rnn = RNN(1, 1, nonlinearity="relu", bias=False)
    for parameter in rnn.parameters.values():
        parameter[...] = 2**17  # and all sums here are exact
    x, h0 = np.zeros((9, 3, 1), np.float32), np.zeros((1, 3, 1), np.float32)
    h0[0, 1:] = 2.0**83

    def gradients():
        output, _, tape = rnn.forward(x, h0, lengths=[9, 1, 2])  # which warns of nothing
        return rnn.backward(tape, np.ones_like(output)).parameters

    with sharing(3):
        on_three = gradients()
    assert np.all(np.isfinite(on_three["weight_hh_l0"]))
    np.testing.assert_array_equal(on_three["weight_hh_l0"], gradients()["weight_hh_l0"])


# Errors -----------------------------------------------------------------------------------------


def message(call):
    with pytest.raises((ValueError, TypeError, FloatingPointError)) as caught:
        call()
    return repr(caught.value)


def test_an_error_in_a_slice_is_that_of_one_thread():
    """The caller's `np.errstate` is that of all threads. Here the last row overflows."""
    rnn = RNN(1, 1, nonlinearity="relu")
    for parameter in rnn.parameters.values():
        parameter[...] = 1
    rnn.parameters["bias_ih_l0"][...] = 3e38
    x = np.array([[[0], [0], [3e38]]], np.float32)
    with np.errstate(over="raise"):
        on_one = message(lambda: rnn(x))
        with sharing(2):
            assert message(lambda: rnn(x)) == on_one
    assert on_one == "FloatingPointError('overflow encountered in add')"
    with sharing(2), np.errstate(over="ignore"):
        assert np.isinf(rnn(x)[0][0, 2, 0])
        assert np.all(np.isfinite(rnn(x)[0][:, :2]))


# How the batch is cut ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has_lock", "rows"),
    [(True, {64: 512, 256: 32, 362: 17, 512: 8, 1024: 8}), (False, {64: 128, 256: 16, 512: 16})],
)
def test_a_slice_has_so_many_rows_that_its_products_outlast_the_lock(has_lock, rows, monkeypatch):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: has_lock, raising=False)
    assert {H: threads.least_rows(35, H * H) for H in rows} == rows
    assert threads.least_rows(1, 256**2) == 128  # a step alone ends before the threads have begun
    assert threads.least_rows(0, 256**2) == 128
    set_num_threads(4)
    try:
        counts = [len(threads.slice_batch(k * rows[64], 35, 64**2)) for k in (0, 1, 2, 3, 4, 9)]
    finally:
        set_num_threads(1)
    assert counts == [1, 1, 2, 3, 4, 4]


def test_the_work_of_a_step_is_that_of_its_recurrent_products(monkeypatch):
    """L·D = 6 recurrences, each with T = 7 products of B = 2 rows and the weights of one gate.

    If the whole step is one slice, so is each recurrence: it has less work.
    """
    calls = []

    def keep_whole(B, steps, multiplications):
        calls.append((B, steps, multiplications))
        return [slice(0, B)]

    monkeypatch.setattr(threads, "slice_batch", keep_whole)
    [batch] = small_batches(1, T=7)
    for layer, R in ((RNN(5, 4, 3, bidirectional=True), 4), (LSTM(5, 4, 6, proj_size=3), 3)):
        model = RNNModel(layer, 5)
        train_step(model, batch, None, SGD(model.parameters, 0.1))
        assert calls == [(2, 6 * 7, R * R)] + 6 * [(2, 7, R * R)]
        calls.clear()


# Threads, slices in slices, and processes --------------------------------------------------------


def test_blas_is_held_to_one_thread_and_nothing_else_is():
    with ThreadpoolController().limit(limits=2):
        set_num_threads(1)
        limits = threadpool_info()
    kinds = {
        kind: {p["num_threads"] for p in limits if p["user_api"] == kind}
        for kind in ("blas", "openmp")
    }
    assert kinds["blas"] == {1}
    assert kinds["openmp"] <= {2}


def step():
    layer = RNN(5, 4, rng=np.random.default_rng(0))
    output, _, tape = layer.forward(np.ones((3, 4, 5), np.float32))
    return output.tolist(), layer.backward(tape, output).x.tolist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="expected os.fork, which this system has not")
def test_a_forked_child_computes_on_threads_of_its_own():
    """A fork copies the pool of the parent, but not its threads."""
    with sharing(2), warnings.catch_warnings(action="ignore"):  # newer Pythons warn of every fork
        expected = step()
        with multiprocessing.get_context("fork").Pool(1) as child:
            assert child.apply_async(step).get(60) == expected  # else it waits for ever
            child.apply(set_num_threads, [3])
            child.apply_async(step).get(60)
        assert step() == expected
