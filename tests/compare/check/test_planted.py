"""Fault injection: this test suite catches every bug of the catalogue.

`test_planted.toml` names the test of each bug. The test fails on a copy of the package
with the bug, and passes on the real one. The end of the run shows how many examples were needed.
"""

import importlib

import pytest

import compare
import scratch_rnn
from compare.check.bugs.catalogue import BUGS
from compare.check.properties import against_torch as against_torch
from tests.compare.check.trial import examples_until_it_fails
from tests.counts import number
from tests.scratch_rnn import test_rnn_properties
from tests.tables import table_of

LAYER = "scratch_rnn.test_rnn_is_nn_rnn.test_"
PROPERTIES = "scratch_rnn.test_rnn_properties.test_"
TRUNCATION = "compare.parity.test_truncation.test_"

CAUGHT_BY = table_of(__file__)
for bug in BUGS:  # a property of the layer has a test of its own name
    for module, properties in (
        (LAYER, against_torch.PROPERTIES),
        (PROPERTIES, test_rnn_properties.PROPERTIES),
    ):
        if bug.caught_by in [each.name for each in properties]:
            CAUGHT_BY[bug.name] = module + bug.caught_by.replace(" ", "_")


def test_every_bug_of_the_catalogue_has_its_test():
    assert {bug.name for bug in BUGS} <= CAUGHT_BY.keys()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught_by_its_test(bug, count):
    name = CAUGHT_BY[bug.name]
    real = importlib.import_module(bug.package)
    examples = examples_until_it_fails(name, real, bug.load(), cell=bug.cell or "rnn")
    assert examples, f"{name} passes with {bug.name}"
    count("bugs injected and caught")
    count("examples that it took", examples)


@pytest.mark.parametrize("name", sorted(set(CAUGHT_BY.values()))[:: number(3, 1)])
def test_the_real_packages_pass_the_same_trial(name):
    """Otherwise the test could fail with or without a bug."""
    is_of_compare = name.startswith("compare.") and not name.startswith(TRUNCATION)
    package = compare if is_of_compare else scratch_rnn
    assert examples_until_it_fails(name, package, package, examples=8) == 0
