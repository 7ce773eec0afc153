"""Each mistake of the catalogue is put into a copy of our package, and has to be noticed and named.

`test_planted.toml` has the tests that notice what no property of a layer does: such a test fails on
the copy, and passes on the real package. All others are noticed by the property that the catalogue
names; a deep run tries both.
"""

import importlib
from functools import cache, partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import compare
import scratch_rnn
from compare.check.cases.layer_case import make_case
from compare.check.cases.layer_results import run as run_layer
from compare.check.layers.features import try_features
from compare.check.layers.properties import try_properties
from compare.implementations import CELLS
from compare.implementations.layers.functions_layer import FunctionsLayer
from compare.mistakes.catalogue import BUGS, find_bug
from compare.mistakes.mistake import is_of_layer
from compare.mistakes.plain import PlainFunctions
from tests.compare.check.test_layer_mistakes import diagnosed, tried
from tests.compare.check.trial import draw_cases, examples_until_it_fails, find_violation
from tests.counts import number
from tests.scratch_rnn import test_rnn_is_nn_rnn, test_rnn_properties
from tests.tables import table_of

LAYER = "scratch_rnn.test_rnn_is_nn_rnn.test_"
PROPERTIES = "scratch_rnn.test_rnn_properties.test_"
TRUNCATION = "compare.parity.test_truncation.test_"

TESTS = table_of(__file__)
NAMED = {
    each.name: each for each in (*test_rnn_is_nn_rnn.PROPERTIES, *test_rnn_properties.PROPERTIES)
}
TESTS_OF_PROPERTIES = {}
for bug in BUGS:  # a property of the layer has a test of its own name
    for module, properties in (
        (LAYER, test_rnn_is_nn_rnn.PROPERTIES),
        (PROPERTIES, test_rnn_properties.PROPERTIES),
    ):
        if bug.caught_by in [each.name for each in properties]:
            TESTS_OF_PROPERTIES[bug.name] = module + bug.caught_by.replace(" ", "_")

RAISING = {"empty-batch-refused"}
"""With it a call raises; with all others a value is wrong."""

pytestmark = pytest.mark.usefixtures("quietly")


@cache
def with_bug(bug):
    """Return a copy of the package with the bug."""
    return bug.load()


def test_every_bug_of_the_catalogue_has_its_test():
    assert {bug.name for bug in BUGS} <= TESTS.keys() | TESTS_OF_PROPERTIES.keys()
    assert not TESTS.keys() & TESTS_OF_PROPERTIES.keys()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_noticed(bug, count):
    tests = TESTS | (TESTS_OF_PROPERTIES if number(quick=0, deep=1) else {})
    if bug.name in tests:
        name, real = tests[bug.name], importlib.import_module(bug.package)
        examples = examples_until_it_fails(name, real, with_bug(bug), cell=bug.cell or "rnn")
        assert examples, f"{name} passes with {bug.name}"
        count("examples that it took", examples)
    if bug.name not in TESTS:
        violation = find_violation(NAMED[bug.caught_by], with_bug(bug), number=32)
        assert violation is not None, f"{bug.caught_by} holds with {bug.name}"
        assert (violation.error is not None) == (bug.name in RAISING), violation.error
    count("bugs injected and caught")


@pytest.mark.parametrize(
    "name", sorted({*TESTS.values(), *TESTS_OF_PROPERTIES.values()})[:: number(3, 1)]
)
def test_the_real_packages_pass_the_same_trial(name):
    """Otherwise the test could fail with or without a bug."""
    is_of_compare = name.startswith("compare.") and not name.startswith(TRUNCATION)
    package = compare if is_of_compare else scratch_rnn
    assert examples_until_it_fails(name, package, package, examples=8) == 0


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if bug.stages][:: number(4, 1)], ids=lambda bug: bug.name
)
def test_both_patches_of_a_bug_give_the_same_wrong_results(bug):
    """Those of the plain version and those of a copy of `scratch_rnn`."""
    cell, rng = bug.cell or "rnn", np.random.default_rng(0)
    plain, copy = PlainFunctions(cell, bug.plain), with_bug(bug)
    for _ in range(number(3, 100)):
        if "cross_entropy" in bug.stages:
            logits = rng.normal(0, 400, (4, 5))
            names, targets = ("loss", "d_logits"), np.arange(4)
            results = dict(zip(names, plain.cross_entropy(logits, targets), strict=True))
            same = dict(zip(names, copy.cross_entropy(logits, targets), strict=True))
        elif "clip_grad_norm" in bug.stages:
            results = {str(k): rng.normal(size=(2, 3)) for k in range(2)}
            same = {name: array.copy() for name, array in results.items()}
            max_norm = rng.uniform(0.5, 9)
            results["norm"] = plain.clip_grad_norm([*results.values()], max_norm)
            same["norm"] = copy.clip_grad_norm(same, max_norm)
        else:
            dtype = "float32" if bug.name == "tf32" else "float64"
            seed = int(rng.integers(1000))
            case = make_case(cell=cell, T=4, B=3, V=5, H=6, dtype=dtype, seed=seed)
            results = run_layer(partial(FunctionsLayer, plain), case)
            same = run_layer(getattr(copy, CELLS[cell].layer), case)
        for name, array in same.items():
            if "forward" in bug.stages and "gradient" in name:
                continue  # the two remember different gates
            epsilon = np.finfo(np.asarray(array).dtype).eps
            finite = np.extract(np.isfinite(array), array)
            tolerance = 100 * epsilon * np.abs(finite).max(initial=1)
            assert_allclose(results[name], array, 0, tolerance, err_msg=name)


def test_a_gradient_that_is_not_passed_on_is_wrong_from_the_last_step_but_one():
    bug = find_bug("no-carry-back")
    tried = NAMED[bug.caught_by]
    wrong = find_violation(tried, with_bug(bug)).wrong
    T = len(draw_cases(tried, "rnn")[0].floats.x)
    assert (wrong.tensor, wrong.step) == ("gradient of x", T - 1)


OTHER_WORDS = {"float32-buffer": "It is computed in float32, and rounds too early."}

SEEN_BY_PROPERTIES = {
    "memory-reused",
    "upstream-overwritten",
    "gradients-accumulate",
    "reverse-from-the-padding",
    "memory-order-assumed",
}
NO_NUMBERS = {
    "lstm-sigmoid-overflows",
    "dropout-unscaled",
    "state-broadcast",
    "initial-weights-too-large",
    "global-random-weights",
}
"""Bugs that show in no result, or that overflow for other inputs than the plain version."""

OF_LAYERS = [
    bug
    for bug in BUGS
    if is_of_layer(bug, bug.cell or "rnn") and bug.name not in SEEN_BY_PROPERTIES | NO_NUMBERS
]


@pytest.mark.parametrize("bug", OF_LAYERS[:: number(15, 1)], ids=lambda bug: bug.name)
def test_a_bug_of_the_catalogue_is_named_in_a_class(bug, count):
    cell = bug.cell or "rnn"
    subject, results = diagnosed(f"{with_bug(bug).__name__}:{cell.upper()}", cell)
    likely = [result.likely for result in results if result.verdict != "right"]
    if results[0].verdict == "wrong":
        assert {*likely[1:]} <= {""}  # the gradients follow from it
    if not likely:
        features = try_features(subject)
        likely = [f.likely for f in features if f.verdict == "wrong"]
    assert likely[0].startswith(OTHER_WORDS.get(bug.name, bug.words)), likely
    count("bugs of the catalogue named in a class")


@pytest.mark.parametrize("name", sorted(SEEN_BY_PROPERTIES, reverse=True)[:: number(5, 1)])
def test_a_bug_of_the_catalogue_that_shows_in_no_number_violates_a_property(name):
    subject, results = tried(f"{with_bug(find_bug(name)).__name__}:RNN")
    assert {result.verdict for result in results} == {"right"}
    assert "wrong" in {entry.verdict for entry in try_properties(subject.layers, [], 0)}
