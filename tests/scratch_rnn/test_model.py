"""The whole model: a training step and PyTorch's, for any configuration; and a token at a time."""

import numpy as np
import pytest

from compare.check import LayerCase
from compare.check.cases.layer_case import draw_case
from compare.parity import check_parity, compare_results, name_state, tolerances
from scratch_rnn import RNN, RNNModel, linear
from scratch_rnn.arrays import arrays_of, each
from scratch_rnn.predict import token_by_token
from tests.model_cases import ModelCase, build_model, random_model_case
from tests.properties import demand, identical
from tests.reference import torch_model
from tests.strategies import property_of_models


@property_of_models(dropout=0.0)
def test_every_tensor_of_a_training_step_is_pytorchs(package, case):
    """States, logits, loss, gradients, norm, clipped gradients, updated parameters."""
    options = {"lr": case.lr, "max_norm": case.max_norm, "seed": case.layer.seed}
    model = build_model(case, package)
    report = check_parity(model, torch_model(case), case.batch, case.state, **options)
    demand(report, "every tensor of a training step is PyTorch's", case)


@property_of_models(dropout=(0.0, 0.5, 0.25), L=(1, 2, 3))
def test_a_model_is_its_layer_and_an_output_layer(package, case):
    """Bit for bit, with the same dropout masks, and with a gradient of the final state."""

    def time_major(array):
        return array.swapaxes(0, 1) if case.layer.batch_first else array

    model, state, masks = build_model(case, package), case.state, case.layer.floats.dropout_masks
    logits, final, tape = model.forward(case.batch.inputs, state, dropout_masks=masks)
    d_logits, d_final = np.cos(logits), each(lambda array: array + 1, state)
    gradients, d_state = model.backward_to_state(tape, d_logits, d_final)
    results = {"logits": logits, **name_state("final state", final)}
    results |= name_state("gradient of state", d_state) | gradients

    output, final, tape = model.rnn.forward(case.layer.floats.x, state, dropout_masks=masks)
    h = time_major(output)
    rows, W = h.reshape(-1, h.shape[-1]), model.parameters["linear.weight"]
    d_linear = linear.backward(d_logits, rows, W)
    layer = model.rnn.backward(tape, time_major(d_linear.h.reshape(h.shape)), d_final)
    expected = {"logits": linear.forward(rows, W, model.parameters["linear.bias"])}
    expected |= name_state("final state", final)
    expected |= name_state("gradient of state", layer.state)
    expected |= {f"rnn.{name}": gradient for name, gradient in layer.parameters.items()}
    expected |= {"linear.weight": d_linear.W, "linear.bias": d_linear.b}
    demand(identical(results, expected), "a model is its layer and an output layer", case)


@property_of_models(dropout=0.0)
def test_backward_twice_on_one_tape_gives_the_same_bits(package, case):
    model, batch, state = build_model(case, package), case.batch, case.state
    kept = {"inputs": batch.inputs.copy(), **case.parameters}
    kept |= name_state("state", each(np.copy, state))
    logits, final, tape = model.forward(batch.inputs, state)
    _, d_logits = package.cross_entropy(logits, batch.targets.T.reshape(-1))
    kept["d_logits"] = d_logits.copy()
    first = {name: g.copy() for name, g in model.backward(tape, d_logits).items()}
    for array in arrays_of(final):
        array[...] = 9  # the caller's own
    model.forward(batch.inputs[:, ::-1].copy(), state)
    second = model.backward(tape, d_logits)
    demand(identical(first, second), "backward twice on one tape gives the same", case)
    now = {"inputs": batch.inputs, **model.parameters, "d_logits": d_logits}
    now |= name_state("state", state)
    demand(identical(kept, now), "no argument of the model is changed", case)
    batch.inputs[...] = 0
    third = model.backward(tape, d_logits)
    demand(identical(first, third), "the tape holds its own copy of the inputs", case)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_first_weights_of_the_output_layer_are_uniform_in_one_over_root_dh(bidirectional):
    rnn = RNN(6, 9, 2, bidirectional=bidirectional, rng=np.random.default_rng(0))
    model, again, other = (RNNModel(rnn, 6, rng=np.random.default_rng(k)) for k in (1, 1, 2))
    DH = 18 if bidirectional else 9
    assert all(model.parameters[f"rnn.{name}"] is array for name, array in rnn.parameters.items())
    for name, shape in (("linear.weight", (6, DH)), ("linear.bias", (6,))):
        array = model.parameters[name]
        assert (array.shape, array.dtype) == (shape, np.float32)
        assert np.abs(array).max() <= np.nextafter(np.float32(1 / np.sqrt(DH)), np.float32(1))
        assert len(np.unique(array)) == array.size
        np.testing.assert_array_equal(array, again.parameters[name])
        assert not np.array_equal(array, other.parameters[name])


def test_the_repr_of_a_case_is_the_case():
    rng = np.random.default_rng(0)
    for _ in range(20):
        for case in (draw_case(rng), random_model_case(rng)):
            names = {"LayerCase": LayerCase, "ModelCase": ModelCase, "inf": float("inf")}
            assert eval(repr(case), names) == case  # what a report prints can be pasted


def by_the_model(model, tokens, state, move):
    """Return the logits after each token, each of them a sequence of its own."""
    rows = []
    for token in tokens:
        logits, state = model(np.array([[token]]), state)
        state = move(state)
        rows.append(logits[0])
    return {"logits": np.array(rows)}


@property_of_models(dropout=0.0, B=1, T=(2, 3, 4))
def test_token_by_token_gives_the_models_own_logits(package, case):
    tokens = case.batch.inputs[0].tolist()

    def compute(move):
        model = build_model(case, package)
        for parameter in model.parameters.values():
            parameter[...] = move(parameter)
        return by_the_model(model, tokens, move(case.state), move)

    results, allowed = tolerances(compute, seed=case.layer.seed)
    logits_after = token_by_token(build_model(case, package), case.state)
    with np.errstate(over="ignore"):  # in a σ
        rows = {"logits": np.array([logits_after(token) for token in tokens])}
    demand(compare_results(results, rows, allowed), "token by token, logits are the model's", case)
