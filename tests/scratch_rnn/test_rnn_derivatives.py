"""Gradients against derivatives that need neither backpropagation nor PyTorch.

`tests.oracle` differentiates the recurrence's own equations by complex steps, entry by entry.
"""

import pytest

from compare.check import LayerCase
from scratch_rnn import RNN
from tests import oracle
from tests.properties import against, demand
from tests.strategies import property_of_layers

SMALL = {"T": range(1, 5), "B": (1, 2), "V": (1, 2, 3), "H": (1, 2, 3), "L": (1, 2)}


@property_of_layers(**SMALL)
def test_gradients_are_the_derivatives_of_the_equations(implementation, case):
    results = oracle.results(case)
    reference = {name: array.astype(case.dtype) for name, array in results.items()}
    report = against(reference, implementation, case, oracle.smallest(case.dtype))
    demand(report, "results and gradients are those of the equations", case)


ROUNDED = {"bias": False, "rounded": True}
# A weight that is 0 moves a ReLU unit by its square alone, which must not switch it on.
NOT_SWITCHED_ON = LayerCase(T=3, B=2, H=3, L=2, nonlinearity="relu", seed=191, **ROUNDED)
# W_hh is 0, and so is the state that it meets: its gradient is 0, and not ε².
NO_STATE = {"h0": False, "gain": 0.0, "upstream": "h_n"}
ZERO_TIMES_ZERO = LayerCase(
    T=4, V=2, H=3, L=2, dropout=0.5, dtype="float64", seed=1, **NO_STATE, **ROUNDED
)


@pytest.mark.parametrize("case", [NOT_SWITCHED_ON, ZERO_TIMES_ZERO], ids=repr)
def test_derivatives_of_exactly_zero(case):
    reference = {name: array.astype(case.dtype) for name, array in oracle.results(case).items()}
    demand(against(reference, RNN, case), "gradients are those of the equations", case)
