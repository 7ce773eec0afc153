"""Both models on one stream of batches: who sees what, and what is written down."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from compare import build_models, train_in_lockstep
from compare.parity.comparison import largest_parameter_difference
from compare.parity.lock_step import lockstep
from scratch_rnn.text import Batch


class Once:
    """Batches that count how often they are passed through, and keep what they gave."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches, self.passes = batches, 0

    def __iter__(self) -> Iterator[Batch]:
        self.passes += 1
        yield from self.batches


def batches(count: int = 3) -> list[Batch]:
    ids = np.random.default_rng(1).integers(0, 5, (count, 2, 2, 4))
    return [Batch(inputs, targets) for inputs, targets in ids]


@pytest.mark.parametrize("carry_state", [False, True])
def test_each_model_trains_as_it_would_alone(carry_state: bool) -> None:
    scratch, concise = build_models(5, 4, dtype="float64")
    alone_scratch, alone_concise = build_models(5, 4, dtype="float64")
    stream = Once(batches())
    options: dict[str, Any] = {"carry_state": carry_state, "max_norm": 0.3}
    updates = train_in_lockstep(scratch, concise, stream, 0.5, 2, **options)
    assert stream.passes == 2  # one pass feeds both
    alone = scratch_rnn.train(alone_scratch, batches(), 0.5, 2, **options)
    concise_rnn.train(alone_concise, batches(), 0.5, 2, **options)
    for name, parameter in scratch.parameters.items():
        np.testing.assert_array_equal(parameter, alone_scratch.parameters[name])
    for a, b in zip(concise.parameters(), alone_concise.parameters(), strict=True):
        assert a.equal(b)
    losses = [update.scratch_loss for update in updates]
    for epoch, result in enumerate(alone):
        mean = np.mean(losses[3 * epoch : 3 * epoch + 3])
        assert abs(mean - result.loss) <= 4 * np.spacing(mean)


def test_what_is_written_down() -> None:
    scratch, concise = build_models(5, 4)
    heard: list[Any] = []
    updates = train_in_lockstep(scratch, concise, batches(), 0.5, 2, on_update=heard.append)
    assert heard == updates
    assert [(u.epoch, u.update) for u in updates] == [
        (0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (1, 6),
    ]  # fmt: skip
    assert all(u.num_tokens == 8 for u in updates)
    assert updates[-1].largest_difference == largest_parameter_difference(scratch, concise)

    alone_scratch, alone_concise = build_models(5, 4)
    scratch_optimizer = scratch_rnn.SGD(alone_scratch.parameters, 0.5)
    concise_optimizer = torch.optim.SGD(alone_concise.parameters(), 0.5)
    for update, batch in zip(updates, batches() * 2, strict=True):
        ours = scratch_rnn.train_step(alone_scratch, batch, None, scratch_optimizer)
        theirs = concise_rnn.train_step(alone_concise, batch, None, concise_optimizer)
        assert (update.scratch_loss, update.scratch_grad_norm) == (ours.loss, ours.grad_norm)
        assert (update.concise_loss, update.concise_grad_norm) == (theirs.loss, theirs.grad_norm)


def test_updates_are_taken_when_they_are_asked_for() -> None:
    scratch, concise = build_models(5, 4)
    before = {name: array.copy() for name, array in scratch.parameters.items()}
    updates = lockstep(scratch, concise, batches(), 0.5, 1)
    assert all(np.array_equal(before[name], array) for name, array in scratch.parameters.items())
    next(updates)
    assert any(not np.array_equal(before[name], p) for name, p in scratch.parameters.items())


def test_a_difference_between_the_models_shows() -> None:
    scratch, concise = build_models(5, 4)
    scratch.parameters["linear.bias"][0] += 0.5
    updates = train_in_lockstep(scratch, concise, batches(), 0.1, 1)
    assert all(update.largest_difference > 0.3 for update in updates)
    assert updates[0].scratch_loss != updates[0].concise_loss


def test_models_with_dropout_are_refused_before_anything_moves() -> None:
    scratch, concise = build_models(5, 4)
    scratch.rnn.dropout = 0.5
    with pytest.raises(ValueError, match="without dropout"):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)
    scratch.rnn.dropout, concise.rnn.dropout = 0.0, 0.5
    with pytest.raises(ValueError, match="without dropout"):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)


@pytest.mark.parametrize("wrong", [{"carry_state": 1}, {"num_epochs": -1}, {"lr": -0.1}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    scratch, concise = build_models(5, 4)
    arguments = {"lr": 0.1, "num_epochs": 1} | wrong
    with pytest.raises((TypeError, ValueError)):
        train_in_lockstep(scratch, concise, batches(), **arguments)


# build_models -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"nonlinearity": "relu"}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_models_are_built_alike(options: dict[str, Any], dtype: str) -> None:
    scratch, concise = build_models(5, 4, dtype=dtype, seed=3, **options)
    assert largest_parameter_difference(scratch, concise) == 0
    assert scratch.rnn.dtype == dtype
    assert scratch.rnn.num_layers == concise.rnn.num_layers == options.get("num_layers", 1)
    assert scratch.rnn.nonlinearity == concise.rnn.nonlinearity
    again, _ = build_models(5, 4, dtype=dtype, seed=3, **options)
    other, _ = build_models(5, 4, dtype=dtype, seed=4, **options)
    name = "rnn.weight_hh_l0"
    np.testing.assert_array_equal(again.parameters[name], scratch.parameters[name])
    assert not np.array_equal(other.parameters[name], scratch.parameters[name])


def test_another_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="expected dtype"):
        build_models(5, 4, dtype="float16")
