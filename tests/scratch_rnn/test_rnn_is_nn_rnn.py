"""Each layer is torch's: the same results and gradients for any configuration and any input."""

import pytest

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import CLASSES, run
from compare.check.cases.reference import torch_results
from compare.check.properties import against_torch as against_torch
from tests.properties import against, demand
from tests.strategies import hypothesis_test_of, property_of_layers
from tests.tables import cases

for each in against_torch.PROPERTIES:
    vars()[f"test_{each.holds.__name__}"] = hypothesis_test_of(each)


CASES = [eval(case, {"LayerCase": LayerCase}) for case in cases("nn_rnn")["cases"]]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_results_of_these_cases_are_pytorchs(case):
    demand(against(torch_results(case), CLASSES[case.cell], case), "results are PyTorch's", case)


@pytest.mark.annotated
@property_of_layers()
def test_every_call_inside_keeps_its_annotations(implementation, case):
    """The one property in which jaxtyping checks all shapes, over the whole surface."""
    assert run(implementation, case)
