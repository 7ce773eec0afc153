"""Each layer is torch's: the same results and gradients for any configuration and any input."""

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check import LayerCase, match_results, run, torch_results
from compare.check.cases.layer_results import CLASSES
from compare.check.properties.property import layer_property
from tests.properties import against, demand
from tests.strategies import hypothesis_test_of, property_of_layers
from tests.tables import table_of


def test_our_rnn_is_nn_rnn():
    """The claim in its shortest form; the properties below try every option, with a tolerance."""
    theirs = torch.nn.RNN(4, 3, dtype=torch.float64)
    ours = scratch_rnn.RNN(4, 3, dtype=np.float64)
    for name, weight in theirs.named_parameters():
        ours.parameters[name][...] = weight.detach().numpy()
    x = np.random.default_rng(0).normal(size=(5, 2, 4))  # 5 steps, 2 sequences, 4 features

    expected, _ = theirs(torch.from_numpy(x))
    output, _, tape = ours.forward(x)
    assert abs(output - expected.detach().numpy()).max() < 1e-12

    expected.sum().backward()
    gradient = ours.backward(tape, d_output=np.ones_like(output)).parameters["weight_hh_l0"]
    assert abs(gradient - theirs.weight_hh_l0.grad.numpy()).max() < 1e-12


def as_torch(name, statement, **fields):
    """Make a property of a row of the table: PyTorch's layer gives the same in these cases."""

    def holds(layer_class, case):
        yield match_results(torch_results(case), run(layer_class, case), case)

    holds.__name__, holds.__doc__ = name, statement
    several = {n: tuple(value) for n, value in fields.items() if isinstance(value, list)}
    return layer_property(**(fields | several))(holds)


PROPERTIES = tuple(as_torch(name, **row) for name, row in table_of(__file__).items())

for each in PROPERTIES:
    vars()[f"test_{each.holds.__name__}"] = hypothesis_test_of(each)


SATURATED = dict.fromkeys(("bidirectional", "one_hot", "saturated", "rounded"), True)
CASES = [
    # T = B = V = H = 1
    LayerCase(),
    LayerCase(nonlinearity="relu", bidirectional=True),
    LayerCase(bidirectional=True, dtype="float64"),
    LayerCase(nonlinearity="relu", dtype="float64"),
    # a size that people use
    LayerCase(T=35, B=32, V=28, H=64, L=2, seed=1),
    LayerCase(T=35, B=32, V=28, H=64, L=2, one_hot=True, dtype="float64", seed=1),
    # two saturated sequences, the same gradient to both: their sum moves in none of eight runs
    LayerCase(B=2, V=3, upstream="output", gain=2.0, dtype="float64", seed=1645, **SATURATED),
    # a gradient is -5.7e-41, here as in float64; PyTorch's LSTM on a CPU (oneDNN) makes it 0
    LayerCase(cell="lstm", T=5, B=3, V=3, upstream="h_n", gain=1.5, saturated=True, seed=315),
]
CASES += [LayerCase(cell, T=35, B=32, V=28, H=64, seed=1) for cell in CLASSES]  # in several pieces


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_results_of_these_cases_are_pytorchs(case):
    demand(against(torch_results(case), CLASSES[case.cell], case), "results are PyTorch's", case)


@pytest.mark.annotated
@property_of_layers()
def test_every_call_inside_keeps_its_annotations(implementation, case):
    """The one property in which jaxtyping checks all shapes, over the whole surface."""
    assert run(implementation, case)
