"""A training step: what it consists of, its dropout, and its threads."""

import functools
from contextlib import contextmanager

import numpy as np
import pytest

import scratch_rnn
from compare.check import LayerCase
from compare.parity import compare_results, name_state, run_step, tolerances
from scratch_rnn import SGD, cross_entropy, set_num_threads, threads, train, train_step
from tests.model_cases import ModelCase, build_model
from tests.properties import demand, identical
from tests.strategies import property_of_models
from tests.test_both_packages import assert_same_weights, model_of, recall_batch, small_batches

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


def test_dropout_follows_from_its_generator():
    batch, model = small_batches(1)[0], small_model(num_layers=2, dropout=0.5)
    masks = model.rnn.draw_dropout_masks(4, 2, np.random.default_rng(3))
    logits, _, _ = model.forward(batch.inputs, model.begin_state(2), dropout_masks=masks)
    optimizer = SGD(model.parameters, 0.1)
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
    assert_same_weights(one, other)


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


@pytest.mark.timeout(100)  # a slice that is cut again waits for its own threads for ever
@pytest.mark.parametrize(
    ("n", "B", "cell"), [(2, 1, "gru"), (3, 2, "lstm"), (2, 5, "rnn"), (5, 6, "gru")]
)
def test_threads_change_rounding_at_most(n, B, cell):
    layer = LayerCase(cell, T=4, B=B, V=5, H=8, L=2, one_hot=True, seed=3)
    case = ModelCase(layer, lr=1.0, max_norm=0.5)
    given = case.batch, case.state, case.settings
    expected, allowed = tolerances(lambda move: run_step(build_model(case), *given, move))
    runs = []
    for _ in range(3):
        with sharing(n):
            runs.append(results_of_step(scratch_rnn, case, case.state))
    reference = {name: expected[name] for name in runs[0]}
    demand(compare_results(runs[0], reference, allowed), f"{n} threads are as good as one", case)
    for run in runs[1:]:
        demand(identical(runs[0], run), f"{n} threads give the same bits each time", case)


def test_threads_that_share_a_batch_count_its_recalls_together():
    model = small_model()
    batch, optimizer = recall_batch(model, 7), SGD(model.parameters, 0.0)
    with sharing(2):
        assert train_step(model, batch, None, optimizer).right_recalls == 7
