"""Annotations are checked, shapes included, in the first calls of each test."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from scratch_rnn.fast.sums import sum_of_rows
from tests.annotations import LIMIT, WITH_SHAPES, unchecked
from tests.scripts import ROOT

WRONG = np.zeros((2, 2), int)  # floats are expected


@pytest.mark.parametrize("again", [False, True])
def test_the_first_calls_of_each_test_are_checked(again):
    with pytest.raises(TypeCheckError):
        sum_of_rows(WRONG)
    for _ in range(LIMIT):
        sum_of_rows(np.zeros((1, 1)))
    sum_of_rows(WRONG)


@pytest.mark.annotated
def test_every_call_or_none_is_checked_where_that_is_asked_for():
    for _ in range(2 * LIMIT):
        sum_of_rows(np.zeros((1, 1)))
    with unchecked():
        sum_of_rows(WRONG)
    with pytest.raises(TypeCheckError):
        sum_of_rows(WRONG)


def test_every_file_with_shapes_is_checked():
    with_shapes = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for package in ("scratch_rnn", "concise_rnn", "compare")
        for file in (ROOT / package).rglob("*.py")
        if "\nfrom jaxtyping import" in file.read_text(encoding="utf-8")
    ]
    assert with_shapes
    for module in with_shapes:
        assert any(f"{module}.".startswith(f"{name}.") for name in WITH_SHAPES), module
