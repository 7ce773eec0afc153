"""Fixtures of the tests of `check`."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.annotations import unchecked


@pytest.fixture
def quickly() -> Iterator[None]:
    with unchecked():  # a check of annotations costs many times what it checks
        yield


@pytest.fixture
def quietly(quickly: None) -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield
