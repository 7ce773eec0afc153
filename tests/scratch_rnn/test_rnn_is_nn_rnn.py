"""Each layer is torch's: the same results and gradients for any configuration and any input."""

from typing import Any

import numpy as np
import pytest
import torch

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import run
from compare.check.cases.reference import torch_layer, torch_results
from compare.check.properties import against_torch as against_torch
from scratch_rnn import LSTM, RNN
from tests.properties import against, demand
from tests.strategies import hypothesis_test_of, property_of_layers

for each in against_torch.PROPERTIES:
    vars()[f"test_{each.holds.__name__}"] = hypothesis_test_of(each)


def test_two_roundings_that_eight_wobbles_move_against_each_other() -> None:
    """Two saturated sequences, the same gradient to both: their sum moves in none of eight runs."""
    case = LayerCase(
        B=2,
        V=3,
        bidirectional=True,
        one_hot=True,
        upstream="output",
        gain=2.0,
        saturated=True,
        rounded=True,
        dtype="float64",
        seed=1645,
    )
    demand(against(torch_results(case), RNN, case), "results are those of nn.RNN", case)


def test_a_subnormal_number_may_be_zero_in_the_other_layer() -> None:
    """A gradient is -5.7e-41, here as in float64. PyTorch's LSTM on a CPU (oneDNN) makes it 0."""
    case = LayerCase(cell="lstm", T=5, B=3, V=3, upstream="h_n", gain=1.5, saturated=True, seed=315)
    demand(against(torch_results(case), LSTM, case), "results are those of nn.LSTM", case)


@pytest.mark.annotated
@property_of_layers()
def test_every_call_inside_keeps_its_annotations(implementation: Any, case: LayerCase) -> None:
    """The one property in which jaxtyping checks all shapes, over the whole surface."""
    assert run(implementation, case)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_smallest_of_all(
    implementation: Any, dtype: str, nonlinearity: str, bidirectional: bool
) -> None:
    """T = B = V = H = 1."""
    case = LayerCase(nonlinearity=nonlinearity, bidirectional=bidirectional, dtype=dtype)
    demand(against(torch_results(case), implementation, case), "the smallest case", case)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_a_size_that_people_use(implementation: Any, dtype: str, one_hot: bool) -> None:
    case = LayerCase(T=35, B=32, V=28, H=64, L=2, one_hot=one_hot, dtype=dtype, seed=1)
    demand(against(torch_results(case), implementation, case), "results are nn.RNN's", case)


@pytest.mark.parametrize("L", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_parameters_have_the_names_order_and_shapes_of_nn_rnn(
    implementation: Any, L: int, bidirectional: bool, bias: bool
) -> None:
    options = {"num_layers": L, "bidirectional": bidirectional, "bias": bias}
    layer = implementation(3, 4, **options)
    expected = torch_layer({"input_size": 3, "hidden_size": 4, **options}, "float32")
    assert {n: p.shape for n, p in layer.parameters.items()} == {
        n: tuple(p.shape) for n, p in expected.named_parameters()
    }
    assert list(layer.parameters) == [name for name, _ in expected.named_parameters()]
    assert all(p.dtype == np.float32 for p in layer.parameters.values())


def test_nn_rnn_without_h0_begins_at_zero() -> None:
    """An assumption of the reference, where a case has no h0."""
    layer = torch_layer({"input_size": 3, "hidden_size": 4}, "float32")
    x = torch.randn(5, 2, 3)
    assert torch.equal(layer(x)[0], layer(x, torch.zeros(1, 2, 4))[0])
