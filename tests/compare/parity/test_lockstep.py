"""Both models are built alike, train on one stream of batches, and each update is recorded."""

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from compare import build_models, train_in_lockstep
from compare.cli import parse
from compare.parity import OPTIMIZERS, make_models, read_parameters
from scratch_rnn.text import Batch
from tests.properties import demand, identical


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
    theirs = read_parameters(concise)
    apart = [np.abs(a - theirs[name]).max() for name, a in scratch.parameters.items()]
    assert found[-1].largest_difference == max(apart) > 0

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
        both = read_parameters(model), read_parameters(trained)
        demand(identical(*both), "a model trains as it would alone", side)


def test_models_with_dropout_are_refused_before_anything_moves():
    scratch, concise = build_models(5, 4)
    scratch.rnn.dropout = 0.5
    refusal = "^expected models without dropout: each model would draw its own masks$"
    with pytest.raises(ValueError, match=refusal):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)
    scratch.rnn.dropout, concise.rnn.dropout = 0.0, 0.5
    with pytest.raises(ValueError, match=refusal):
        train_in_lockstep(scratch, concise, batches(), 0.1, 1)


def test_batches_that_have_ended_are_refused_in_the_next_epoch():
    with pytest.raises(ValueError, match=r"^expected at least one batch in each epoch, got none$"):
        train_in_lockstep(*build_models(5, 4), iter(batches()), 0.1, 2)


# build_models -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"nonlinearity": "relu"}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_models_are_built_alike(options, dtype):
    scratch, concise = build_models(5, 4, dtype=dtype, seed=3, **options)
    demand(identical(scratch.parameters, read_parameters(concise)), "equal weights", options)
    assert scratch.rnn.dtype == dtype
    assert scratch.rnn.num_layers == concise.rnn.num_layers == options.get("num_layers", 1)
    assert scratch.rnn.nonlinearity == concise.rnn.nonlinearity
    again, _ = build_models(5, 4, dtype=dtype, seed=3, **options)
    other, _ = build_models(5, 4, dtype=dtype, seed=4, **options)
    name = "rnn.weight_hh_l0"
    np.testing.assert_array_equal(again.parameters[name], scratch.parameters[name])
    assert not np.array_equal(other.parameters[name], scratch.parameters[name])


@pytest.mark.parametrize("value", [1.0, -2.5, 0.0])
def test_the_forget_bias_is_the_sum_of_both_biases_of_the_gate_in_each_layer(value):
    H = 4
    drawn, _ = build_models(7, H, 2, cell="lstm", seed=3)
    scratch, concise = build_models(7, H, 2, cell="lstm", seed=3, forget_bias=value)
    for model in (scratch, concise):
        for name, array in read_parameters(model).items():
            expected = drawn.parameters[name].copy()
            if "bias_ih" in name:
                expected[H : 2 * H] = value  # the gates are i, f, g, o
            if "bias_hh" in name:
                expected[H : 2 * H] = 0
            np.testing.assert_array_equal(array, expected, err_msg=name)


def test_the_option_reaches_both_models():
    config = parse(["run", "--cell", "lstm", "--forget-bias", "1.5", "--hidden-size", "3"])
    for model in make_models(config, 5):
        biases = read_parameters(model)["rnn.bias_ih_l0"]
        assert biases[3:6].tolist() == [1.5] * 3
