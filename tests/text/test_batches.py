"""Minibatches: where they begin, how they go on, and that an epoch is a pure function."""

import os
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.text import (
    Batch,
    Batches,
    DataError,
    load_corpus,
    load_text,
    random_batches,
    sequential_batches,
)

SAMPLINGS = ("sequential", "random")


def most_dropped(sampling, num_steps):
    return num_steps if sampling == "sequential" else num_steps - 1


@st.composite
def settings(draw):
    """Arguments for Batches; the corpus counts 0, 1, 2, …, so that a token is its own place."""
    batch_size = draw(st.integers(1, 5))
    num_steps = draw(st.integers(1, 6))
    sampling = draw(st.sampled_from(SAMPLINGS))
    shortest = batch_size * num_steps + most_dropped(sampling, num_steps) + 1
    return {
        "corpus": np.arange(shortest + draw(st.integers(0, 60))),
        "batch_size": batch_size,
        "num_steps": num_steps,
        "sampling": sampling,
        "seed": draw(st.integers(0, 2**64)),
    }


epochs = st.integers(0, 2**40)


def test_sequential_batches_worked_by_hand():
    # 0 1 [2 3 4 5 6 7 | 8 9 10 11 12 13] 14 15     13 inputs after offset 2: two rows of 6
    batches = list(sequential_batches(range(16), 2, 3, offset=2))
    assert [b.inputs.tolist() for b in batches] == [
        [[2, 3, 4], [8, 9, 10]],
        [[5, 6, 7], [11, 12, 13]],
    ]
    assert [b.targets.tolist() for b in batches] == [
        [[3, 4, 5], [9, 10, 11]],
        [[6, 7, 8], [12, 13, 14]],
    ]


@pytest.mark.skipif(
    not os.environ.get("RNN_PARITY_DATA"), reason="RNN_PARITY_DATA names no copy of the real text"
)
def test_the_time_machine_gives_the_lecture_s_first_batch():
    corpus, vocab = load_corpus(load_text())
    batches = list(sequential_batches(corpus, 32, 35, offset=8))
    assert len(batches) == 8
    row = [9, 2, 1, 21, 14, 21, 21, 12, 2, 8, 1, 3, 9, 4, 3, 1, 16, 12]
    row += [4, 8, 9, 2, 11, 1, 4, 6, 11, 20, 4, 8, 8, 2, 11, 1, 5]
    inputs, targets = batches[0]
    assert inputs[1].tolist() == row
    assert targets[1].tolist() == [*row[1:], 6]
    assert "".join(vocab.to_tokens(row)) == "he bubbles that flashed andpassed i"
    for sampling in SAMPLINGS:
        assert len(Batches(corpus, 32, 35, sampling=sampling)) == 8


@given(settings(), epochs)
def test_the_batches_of_an_epoch(arguments, k):
    """Each is an array of its own; rows are consecutive, and no token is read twice."""
    batches = Batches(**arguments)
    epoch = list(batches.epoch(k))
    assert len(epoch) == len(batches) >= 1
    for batch in epoch:
        assert isinstance(batch, Batch)
        inputs, targets = batch
        for array in (inputs, targets):
            assert array.shape == (batches.batch_size, batches.num_steps)
            assert array.dtype == np.int64
            assert array.flags.c_contiguous
            assert array.flags.writeable
            assert not np.shares_memory(array, batches.corpus)
        assert not np.shares_memory(inputs, targets)
        assert (np.diff(inputs, axis=1) == 1).all()
        assert (targets == inputs + 1).all()  # also in the last column, across the batch's edge
    read = np.concatenate([batch.inputs.ravel() for batch in epoch])
    assert len(np.unique(read)) == len(read)
    if batches.sampling == "sequential":
        assert 0 <= read.min() <= batches.num_steps
        for before, after in pairwise(epoch):  # each row goes on
            assert (after.inputs[:, 0] == before.targets[:, -1]).all()
    else:  # which pieces are left over is drawn too, but all begin at offset + a multiple of T
        assert len({int(x) % batches.num_steps for b in epoch for x in b.inputs[:, 0]}) == 1


@given(settings(), epochs)
def test_an_epoch_can_begin_at_any_batch(arguments, k):
    batches = Batches(**arguments)
    whole = as_lists(batches.epoch(k))
    for start in {0, 1, len(whole) - 1, len(whole), len(whole) + 1}:
        assert as_lists(batches.epoch(k, start)) == whole[start:]


@given(settings(), epochs)
def test_an_epoch_is_a_pure_function_of_seed_and_number(arguments, k):
    batches = Batches(**arguments)
    random.seed(1)
    numpy_state = str(np.random.get_state())  # noqa: NPY002
    first = as_lists(batches.epoch(k))
    for batch in batches.epoch(k):  # a caller who scribbles on a batch harms nobody else
        batch.inputs[:] = -1
        batch.targets[:] = -1
    random.seed(2)
    again = Batches(**arguments)
    list(again), list(again.epoch(k + 1))
    assert as_lists(batches.epoch(k)) == first == as_lists(again.epoch(k))
    assert numpy_state == str(np.random.get_state())  # noqa: NPY002


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_passes_are_the_epochs_in_turn_also_at_once(sampling):
    batches = Batches(range(500), 4, 7, sampling=sampling, seed=5)
    one, other = iter(batches), iter(batches)
    mixed = list(zip(one, other, strict=True))
    passes = [as_lists(b for b, _ in mixed), as_lists(b for _, b in mixed), as_lists(batches)]
    assert passes == [as_lists(batches.epoch(k)) for k in range(3)]
    assert len({str(p) for p in passes}) > 1
    others = Batches(range(500), 4, 7, sampling=sampling, seed=6)
    assert as_lists(others.epoch(0)) != passes[0]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_offset_occurs_and_no_other(sampling):
    batches = Batches(range(400), 1, 4, sampling=sampling)
    seen = set()
    for k in range(100):
        starts = [int(batch.inputs[0, 0]) for batch in batches.epoch(k)]
        assert (starts == sorted(starts)) == (sampling == "sequential")
        seen.add(starts[0] if sampling == "sequential" else starts[0] % 4)
    assert seen == set(range(most_dropped(sampling, 4) + 1))


def test_the_corpus_is_copied():
    corpus = np.arange(100)
    batches = Batches(corpus, 2, 3)
    before = as_lists(batches.epoch(0))
    corpus[:] = 0
    assert as_lists(batches.epoch(0)) == before
    with pytest.raises(ValueError, match="read-only"):
        batches.corpus[0] = 1


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_ids_on_disk_stay_there(sampling, tmp_path):
    ids = np.arange(200, dtype=np.uint8)
    ids.tofile(tmp_path / "ids")
    on_disk = np.memmap(tmp_path / "ids", np.uint8, mode="r")
    batches = Batches(on_disk, 3, 5, sampling=sampling)
    assert batches.corpus is on_disk
    for batch, right in zip(batches, Batches(ids, 3, 5, sampling=sampling), strict=True):
        for array, expected in zip(batch, right, strict=True):
            assert type(array) is np.ndarray
            np.testing.assert_array_equal(array, expected, strict=True)


def as_lists(batches):
    return [(inputs.tolist(), targets.tolist()) for inputs, targets in batches]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@given(batch_size=st.integers(1, 6), num_steps=st.integers(1, 6))
def test_a_text_too_short_for_every_epoch_is_refused(sampling, batch_size, num_steps):
    needed = batch_size * num_steps + most_dropped(sampling, num_steps) + 1
    enough = Batches(range(needed), batch_size, num_steps, sampling=sampling)
    assert all(len(list(enough.epoch(k))) == len(enough) == 1 for k in range(10))
    with pytest.raises(DataError, match=f"at least {needed:,} tokens .* got {needed - 1:,}$"):
        Batches(range(needed - 1), batch_size, num_steps, sampling=sampling)


def test_a_text_too_short_for_an_offset_is_refused_at_once():
    assert len(list(sequential_batches(range(9), 2, 3, 2))) == 1
    with pytest.raises(DataError, match=r"at least 10 tokens .* got 9"):
        sequential_batches(range(9), 2, 3, 3)
    with pytest.raises(DataError, match=r"at least 10 tokens .* got 9"):
        random_batches(range(9), 2, 3, 3, np.random.default_rng(0))
    with pytest.raises(DataError, match="got 0"):
        Batches([], 1, 1)
