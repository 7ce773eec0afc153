"""A right layer in whatever form is the cell that it is, or is not read; nobody is accused."""

import sys

import numpy as np
import pytest
import torch

from compare.check.layers.own import describe_identity
from compare.implementations import read_target
from compare.recurrences.building import load_module
from compare.recurrences.examine import examine_recurrence
from compare.recurrences.reading import NotRead
from tests import counts
from tests.compare.recurrences.rewrite_source import write_source
from tests.compare.recurrences.rewrites import draw_rewrite, list_differences
from tests.compare.recurrences.test_recurrences import list_wrong

SEEDS = (104, 120, 48, 24, 140, 114, 52, 144, 126, 111, 80, 0, 1765, 1849)
"""Each cell, each of them as a module, a class of NumPy or a function."""


@pytest.mark.usefixtures("without_checks")
@pytest.mark.parametrize("seed", counts.number(SEEDS, range(1000)))
def test_a_right_rewrite_is_accused_of_nothing(seed, tmp_path, monkeypatch):
    """`make deep` has a thousand, a part of which is not read."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    np.random.seed(0)  # noqa: NPY002  of the author's own parameters
    torch.manual_seed(0)
    rewrite, file = draw_rewrite(seed), tmp_path / f"rewrite_{seed}.py"
    file.write_text(write_source(rewrite), encoding="utf-8")
    names = vars(load_module(read_target(str(file))))
    assert max(list_differences(rewrite, names)) < 1e-12
    try:
        examined = examine_recurrence(read_target(f"{file}:{rewrite.title}"))
    except NotRead:
        assert seed not in SEEDS
        return
    found, another = examined.identity, describe_identity(examined, examined.named)[1]
    assert list_wrong(examined) == []
    if found.cell != rewrite.known:
        assert seed not in SEEDS
        assert not found.cell
        assert not (another and found.is_matched)
