"""Steps, epochs, runs: what is carried from batch to batch, and what is not."""

import functools
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import threadpoolctl

import scratch_rnn
from compare.check.cases.layer_case import LayerCase
from compare.implementations import CELLS
from compare.parity.rows import compare_results
from compare.parity.step import run_step
from compare.parity.tolerance import tolerances
from compare.parity.weights import name_state
from scratch_rnn import SGD, RNNModel, cross_entropy, set_num_threads, threads, train, train_step
from tests.model_cases import ModelCase, build_model
from tests.properties import demand, identical
from tests.strategies import property_of_models
from tests.test_both_packages import model_of, small_batches

small_model = functools.partial(model_of, scratch_rnn)


def results_of_step(package, case, state):
    model = build_model(case, package)
    optimizer = package.SGD(model.parameters, case.lr)
    result = package.train_step(model, case.batch, state, optimizer, max_norm=case.max_norm)
    dtype = case.layer.dtype
    return {
        "loss": np.asarray(result.loss, dtype),
        "gradient norm": np.asarray(result.grad_norm, dtype),
        **name_state("final state", result.state),
        **{f"updated {name}": array for name, array in model.parameters.items()},
    }


@property_of_models(dropout=0.0)
def test_a_step_is_forward_loss_backward_clip_update(package, case):
    """`train_step` takes the very step whose every tensor is compared with PyTorch's."""
    expected = run_step(build_model(case), case.batch, case.state, case.settings)
    results = results_of_step(package, case, case.state if case.layer.h0 else None)
    report = identical(results, {name: expected[name] for name in results})
    demand(report, "a step is forward, loss, backward, clip, update", case)


def test_dropout_needs_a_generator_and_follows_from_it():
    batch, model = small_batches(1)[0], small_model(num_layers=2, dropout=0.5)
    optimizer = SGD(model.parameters, 0.1)
    with pytest.raises(ValueError, match="expected an rng"):
        train_step(model, batch, None, optimizer)
    masks = model.rnn.draw_dropout_masks(4, 2, np.random.default_rng(3))
    logits, _, _ = model.forward(batch.inputs, model.begin_state(2), dropout_masks=masks)
    loss = train_step(model, batch, None, optimizer, rng=np.random.default_rng(3)).loss
    assert loss == cross_entropy(logits, batch.targets.T.reshape(-1))[0]


def test_epochs_hand_their_generator_on():
    """Masks of a whole training come from one generator, in the order of the batches."""
    one, other = (small_model(num_layers=2, dropout=0.5) for _ in range(2))
    train(one, small_batches(), 0.5, 2, rng=np.random.default_rng(3))
    optimizer, rng = SGD(other.parameters, 0.5), np.random.default_rng(3)
    for _ in range(2):
        for batch in small_batches():
            train_step(other, batch, None, optimizer, rng=rng)
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[name])


@contextmanager
def sharing(n):
    """Share the work among n threads, however little it is."""
    limits = threads.least_rows, threads.LARGE_FOR_BLAS
    threads.least_rows, threads.LARGE_FOR_BLAS = lambda *_: 1, 1
    set_num_threads(n)
    try:
        yield
    finally:
        threads.least_rows, threads.LARGE_FOR_BLAS = limits
        set_num_threads(1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("n", "B"), [(2, 1), (3, 2), (2, 5), (5, 6)])
def test_threads_change_rounding_at_most(n, B, cell):
    layer = LayerCase(cell, T=4, B=B, V=5, H=8, L=2, one_hot=True, seed=3)
    case = ModelCase(layer, lr=1.0, max_norm=0.5)
    given = case.batch, case.state, case.settings
    expected, allowed = tolerances(lambda move: run_step(build_model(case), *given, move))
    runs = []
    for _ in range(3):
        with sharing(n):
            assert scratch_rnn.get_num_threads() == n
            runs.append(results_of_step(scratch_rnn, case, case.state))
    reference = {name: expected[name] for name in runs[0]}
    demand(compare_results(runs[0], reference, allowed), f"{n} threads are as good as one", case)
    for run in runs[1:]:
        demand(identical(runs[0], run), f"{n} threads give the same bits each time", case)


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_parts_cover_the_batch(n):
    for B in (1, 2, 3, 7):
        with sharing(n):
            slices = threads.slice_batch(B, 1, 1)
        assert [b for rows in slices for b in range(B)[rows]] == list(range(B))
        sizes = [len(range(B)[rows]) for rows in slices]
        assert len(slices) == min(n, B)
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("has_lock", "rows"),
    [(True, {64: 512, 256: 32, 362: 17, 512: 8, 1024: 8}), (False, {64: 128, 256: 16, 512: 16})],
)
def test_a_part_has_so_many_rows_that_its_products_outlast_the_lock(has_lock, rows, monkeypatch):
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


@pytest.fixture
def calls(monkeypatch):
    """The arguments of `slice_batch`, which returns one slice."""
    calls = []

    def keep_whole(B, steps, multiplications):
        calls.append((B, steps, multiplications))
        return [slice(0, B)]

    monkeypatch.setattr(threads, "slice_batch", keep_whole)
    return calls


def test_a_steps_work_is_that_of_its_recurrent_products(calls):
    """L·D = 6 recurrences, each with T = 7 products of B = 2 rows and H² = 16 weights.

    If the whole step is one slice, so is each recurrence: it has less work.
    """
    model = small_model(num_layers=3, bidirectional=True)
    train_step(model, small_batches(1, T=7)[0], None, SGD(model.parameters, 0.1))
    assert calls == [(2, 6 * 7, 16)] + 6 * [(2, 7, 16)]


def test_the_work_of_a_layer_with_gates_is_that_of_one_gate(calls):
    x = np.zeros((7, 2, 3), np.float32)
    for layer in (scratch_rnn.GRU(3, 5), scratch_rnn.LSTM(3, 5, proj_size=4)):
        layer.forward(x)
    model = RNNModel(scratch_rnn.LSTM(7, 4), 7)
    train_step(model, small_batches(1, T=7)[0], None, SGD(model.parameters, 0.1))
    of_layers, of_step = [(2, 7, 5 * 5), (2, 7, 4 * 4)], [(2, 7, 4 * 4)] * 2
    assert calls == of_layers + of_step


def test_parts_keep_their_order_and_their_exceptions():
    def slow_first(k):
        time.sleep(0.02 * (3 - k))
        return k

    def failing(k):
        if k == 2:
            raise RuntimeError("slice 2")
        return k

    with sharing(3):
        assert threads.map_slices(slow_first, [0, 1, 2]) == [0, 1, 2]
        with pytest.raises(RuntimeError, match="slice 2"):
            threads.map_slices(failing, [0, 1, 2])


@pytest.mark.parametrize("n", [2, 3])
def test_n_threads_are_the_caller_and_n_minus_one_named_ones(n):
    """A barrier of n lets nobody through unless n slices are under way at once."""
    barrier = threading.Barrier(n)

    def meet(_):
        barrier.wait(timeout=800)
        return threading.current_thread()

    with sharing(n):
        found = [threads.map_slices(meet, range(n)) for _ in range(3)]
        many = threads.map_slices(lambda _: threading.current_thread(), range(20))
    here = threading.current_thread()
    assert all(first is here for first, *_ in found)
    workers = {thread for _, *others in found for thread in others} | set(many[1:])
    assert len(workers) == n - 1  # the same ones call after call
    assert all(thread.name.startswith("scratch_rnn") for thread in workers)
    with sharing(1):
        assert threads.map_slices(lambda _: threading.current_thread(), range(2)) == [here] * 2


def test_blas_is_held_to_one_thread_and_nothing_else_is():
    before = threadpoolctl.ThreadpoolController()
    with before.limit(limits=2):
        set_num_threads(1)
        limits = threadpoolctl.threadpool_info()
    assert {pool["num_threads"] for pool in limits if pool["user_api"] == "blas"} == {1}
    assert {pool["num_threads"] for pool in limits if pool["user_api"] == "openmp"} <= {2}
