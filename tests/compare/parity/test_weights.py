"""Copying weights, in either direction: to the bit, and never shared."""

import numpy as np
import pytest
from torch import nn

import scratch_rnn
from compare import copy_weights
from compare.check.cases.layer_results import CLASSES, build
from compare.check.cases.reference import torch_layer
from compare.parity import read_parameters
from concise_rnn import RNNModel
from tests.model_cases import build_model
from tests.properties import demand, identical
from tests.reference import torch_model
from tests.strategies import property_of_layers, property_of_models


@property_of_layers(T=1, B=1)
def test_a_layers_weights_there_and_back_are_the_same_bits(case):
    ours = CLASSES[case.cell]
    scratch, concise = build(ours, case), torch_layer(case.options, case.dtype, case.cell)
    copy_weights(scratch, concise)
    assert list(scratch.parameters) == [name for name, _ in concise.named_parameters()]
    state_dict = {name: tensor.numpy() for name, tensor in concise.state_dict().items()}
    demand(identical(case.floats.parameters, state_dict), "copied weights are the same bits", case)
    other = ours(**case.options, dtype=np.dtype(case.dtype))
    copy_weights(concise, other)
    demand(identical(case.floats.parameters, other.parameters), "and so they are back", case)


@property_of_models(T=1, B=1, dropout=0.0)
def test_copies_share_no_memory(case):
    """Whatever is copied to whatever, writing to one leaves the other as it was."""
    makers = [lambda: build_model(case), lambda: torch_model(case)]
    for make_source in makers:
        for make_target in makers:
            source, target = make_source(), make_target()
            ours = dict(read_parameters(target))
            copy_weights(source, target)
            for array in read_parameters(source).values():
                array += 1
            demand(identical(case.parameters, read_parameters(target)), "a copy is one", case)
            for name, array in read_parameters(target).items():
                assert np.shares_memory(array, ours[name])  # written into what was there


def test_gradients_and_modes_of_the_target_are_left_alone():
    target = nn.RNN(3, 4)
    copy_weights(scratch_rnn.RNN(3, 4), target)
    assert all(parameter.requires_grad for parameter in target.parameters())
    assert all(parameter.is_leaf for parameter in target.parameters())
    assert target.training


SMALL = scratch_rnn.RNN(3, 4)
TARGET = "the parameters of the target"
FOUR = "weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0"
TWO = "weight_ih_l0, weight_hh_l0"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (SMALL, nn.RNN(3, 5), r"weight_ih_l0 of shape \(5, 3\) and .*, got \(4, 3\) and float32$"),
        (SMALL, nn.RNN(3, 4).double(), r".* dtype float64, got \(4, 3\) and float32$"),
        (scratch_rnn.RNN(3, 4, bias=False), nn.RNN(3, 4), f"{TARGET}, {FOUR}, got {TWO}$"),
        (SMALL, nn.RNN(3, 4, bias=False), f"{TARGET}, {TWO}, got {FOUR}$"),
        (nn.RNN(3, 4, 2), SMALL, f"{TARGET}, {FOUR}, got {FOUR}, weight_ih_l1, "),
        (nn.RNN(3, 4, bidirectional=True), nn.RNN(3, 4), f"{TARGET}, {FOUR}, got {FOUR}, weight_"),
        (scratch_rnn.RNNModel(SMALL, 3), nn.RNN(3, 4), f"{TARGET}, {FOUR}, got rnn.weight_ih_l0, "),
        (
            RNNModel(nn.RNN(3, 4), 3),
            scratch_rnn.RNNModel(scratch_rnn.RNN(4, 4), 4),
            r"rnn.weight_ih_l0 of shape \(4, 4\) and ",
        ),
    ],
)
def test_unlike_parameters_are_refused_and_nothing_is_copied(source, target, message):
    before = {name: array.copy() for name, array in read_parameters(target).items()}
    with pytest.raises(ValueError, match=f"^expected {message}"):
        copy_weights(source, target)
    demand(identical(before, read_parameters(target)), "nothing is copied", message)
