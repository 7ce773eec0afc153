"""Each cell, and the class of its layer."""

import pytest

from compare.check.cases.layer_results import CLASSES


@pytest.fixture(params=CLASSES)
def cell(request):
    return request.param


@pytest.fixture
def layer_class(cell):
    return CLASSES[cell]
