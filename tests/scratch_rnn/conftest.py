"""Each cell, and the class of its layer."""

from typing import Any

import pytest

from compare.check.cases.layer_results import CLASSES


@pytest.fixture(params=CLASSES)
def cell(request: pytest.FixtureRequest) -> str:
    """Try each cell."""
    return str(request.param)


@pytest.fixture
def layer_class(cell: str) -> Any:
    return CLASSES[cell]
