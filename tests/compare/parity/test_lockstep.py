"""Both models train on one stream of batches, and each update is recorded."""

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from compare import build_models, copy_weights, train_in_lockstep
from compare.parity.settings import OPTIMIZERS, StepSettings
from compare.parity.training import Trainee, updates
from compare.parity.weights import largest_parameter_difference, state_as_tensors
from scratch_rnn.arrays import arrays_of
from scratch_rnn.text import Batch

HALF = StepSettings(lr=0.5)


class Once:
    """Batches that count how often they are passed through, and keep what they gave."""

    def __init__(self, batches):
        self.batches, self.passes = batches, 0

    def __iter__(self):
        self.passes += 1
        yield from self.batches


def batches(count=3):
    ids = np.random.default_rng(1).integers(0, 5, (count, 2, 2, 4))
    return [Batch(inputs, targets) for inputs, targets in ids]


@pytest.mark.parametrize("carry_state", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_model_trains_as_it_would_alone(carry_state, name):
    """And each update is recorded."""
    scratch, concise = build_models(5, 4, dtype="float64")
    stream, heard = Once(batches()), []
    options = {"optimizer": name, "carry_state": carry_state, "max_norm": 0.3}
    found = train_in_lockstep(scratch, concise, stream, 0.5, 2, **options, on_update=heard.append)
    assert stream.passes == 2  # one pass feeds both
    assert heard == found
    assert [(u.epoch, u.update, u.num_tokens) for u in found] == [
        (0, 1, 8), (0, 2, 8), (0, 3, 8), (1, 4, 8), (1, 5, 8), (1, 6, 8),
    ]  # fmt: skip
    assert found[-1].largest_difference == largest_parameter_difference(scratch, concise)

    alone, other = build_models(5, 4, dtype="float64")
    ours, theirs = (
        getattr(package, OPTIMIZERS[name].name) for package in (scratch_rnn, torch.optim)
    )
    for package, side, model, trained, optimizer in (
        (scratch_rnn, "scratch", alone, scratch, ours(alone.parameters, 0.5)),
        (concise_rnn, "concise", other, concise, theirs(other.parameters(), 0.5)),
    ):
        state = None
        for update, batch in zip(found, batches() * 2, strict=True):
            state = state if carry_state and update.update != 4 else None
            result = package.train_step(model, batch, state, optimizer, max_norm=0.3)
            state = result.state
            recorded = getattr(update, f"{side}_loss"), getattr(update, f"{side}_grad_norm")
            assert recorded == (result.loss, result.grad_norm)
        assert largest_parameter_difference(model, trained) == 0


def test_by_default_the_state_is_reset_and_the_norm_is_at_most_one():
    def trained(how, **options):
        models = build_models(5, 4, dtype="float64")
        models[0].parameters["linear.weight"] *= 40  # so that gradients are clipped
        copy_weights(*models)
        if how == "train_in_lockstep":
            return train_in_lockstep(*models, batches(), 0.5, 2, **options)
        limit = {name: options.pop(name) for name in {"max_norm"} & options.keys()}
        trainees = [Trainee(model, StepSettings(lr=0.5, **limit), **options) for model in models]
        passes = [(epoch, batches()) for epoch in range(2)]
        return list(updates(trainees, passes))

    first = trained("updates")
    assert first[0].scratch_grad_norm > 2
    for how in ("train_in_lockstep", "updates"):
        assert trained(how) == trained(how, carry_state=False, max_norm=1.0) == first
        assert trained(how, max_norm=2.0) != first


def test_no_epochs_and_one_model_are_trained_too():
    assert train_in_lockstep(*build_models(5, 4), batches(), 0.5, 0) == []
    (done,) = updates([Trainee(build_models(5, 4)[0], HALF)], [(7, batches(1))], done=3)
    assert (done.epoch, done.update, done.num_tokens) == (7, 4, 8)
    numbers = {"epoch", "update", "num_tokens", "scratch_loss", "scratch_grad_norm"}
    assert done.to_json().keys() == numbers


# Stopping and going on ----------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_trainee_goes_on_with_the_weights_and_the_state_of_another(side, cell):
    """Of either side; what was taken from the other shares no memory with it."""
    first, second, third = batches()
    for other_side in (0, 1):
        trainees = [
            Trainee(
                build_models(5, 4, cell=cell, dtype="float64", seed=seed)[k], HALF, carry_state=True
            )
            for seed, k in ((0, other_side), (1, side))
        ]
        assert trainees[0].state_as_array() is None
        trainees[0].step(first)
        weights, state = trainees[0].weights(), trainees[0].state_as_array()
        trainees[1].restore(weights, state)
        arrays = [*weights.values(), *arrays_of(state)]
        copies = [array.copy() for array in arrays]
        results = [list(trainee.step(second).values()) for trainee in trainees]
        assert results[0] == pytest.approx(results[1], rel=1e-12)
        for array, copy in zip(arrays, copies, strict=True):
            np.testing.assert_array_equal(array, copy)
        trainees[1].restore(weights, None)
        assert trainees[1].state_as_array() is None
        assert list(trainees[1].step(third).values()) != pytest.approx(results[1], rel=1e-3)


def test_a_state_goes_where_the_model_is(monkeypatch):
    carried = []
    to = torch.Tensor.to

    def seen(tensor, device):
        carried.append(device)
        return to(tensor, device)

    trainee = Trainee(build_models(5, 4)[1], HALF, carry_state=True)
    monkeypatch.setattr(torch.Tensor, "to", seen)
    trainee.restore(trainee.weights(), np.ones((1, 2, 4), np.float32))
    state_as_tensors(np.ones(1))
    assert [isinstance(device, torch.device) for device in carried] == [True, False]
    assert carried[1] == "cpu"


def test_models_with_dropout_are_refused_before_anything_moves():
    scratch, concise = build_models(5, 4)
    scratch.rnn.dropout = 0.5
    refusal = "^expected models without dropout: each model would draw its own masks$"
    with pytest.raises(ValueError, match=refusal):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)
    scratch.rnn.dropout, concise.rnn.dropout = 0.0, 0.5
    with pytest.raises(ValueError, match=refusal):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)


# build_models -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"nonlinearity": "relu"}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_models_are_built_alike(options, dtype):
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
