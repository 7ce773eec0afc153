"""``rnn-parity check`` on wrong classes and wrong PyTorch modules: the mistake is named."""

import re

import numpy as np
import pytest

from compare.check import CheckConfig
from compare.check.core.likely_mistake import explain_results
from compare.check.core.result_text import describe_entry
from compare.check.core.results import Diagnosis, Result
from compare.check.core.symptoms import explain_tensor
from compare.check.layers import properties
from compare.check.layers.examine import examine_class
from compare.check.layers.features import FEATURES, list_feature_trials, try_feature, try_features
from compare.check.layers.layer import PARTS, LayerSubject, find_layout
from compare.check.layers.properties import try_properties
from compare.check.properties.property import layer_property
from compare.implementations import UserLayerFactory, Verdict
from compare.parity import Comparison
from tests.compare.check.corpus import LAYERS, Layer, replaced, table
from tests.compare.implementations.test_targets import OTHER_ORDER
from tests.in_process import submission_of, terminal
from tests.tables import table_of

pytestmark = pytest.mark.usefixtures("quietly", "beside_files")


def tried(target, cell="rnn"):
    """Try the parts of a layer."""
    with submission_of(target) as submission:
        subject = LayerSubject(UserLayerFactory(submission, cell), 0)
        return subject, find_layout(subject)


def diagnosed(target, cell):
    """Try the parts of a layer, and name what is wrong."""
    subject, results = tried(target, cell)
    explain_results(subject, results)
    return subject, results


def first_wrong(results):
    return next(result for result in results if result.verdict != "right")


@pytest.mark.parametrize(
    "layer", [layer for layer in LAYERS if layer.likely], ids=lambda layer: layer.name
)
def test_a_mistake_of_a_layer_is_named(layer, tmp_path):
    wrong = first_wrong(diagnosed(layer.write(tmp_path), layer.cell)[1])
    assert (wrong.name, wrong.verdict) == (layer.found, "wrong")
    assert layer.likely in wrong.likely


@pytest.mark.parametrize(
    ("change", "likely"),
    [
        (["g = np.tanh(a", "g = sigmoid(a"], "The sigmoid is used instead of tanh."),
        (["h = o * np.tanh(c)", "h = o * np.tanh(tape.c[-1])"], "h_next is o ⊙ tanh(c) of the old"),
    ],
)
def test_a_mistake_of_a_class_with_its_own_names_and_order_is_named(change, likely, tmp_path):
    """No order of its gates gives the right numbers: one gives those of the mistake."""
    target = Layer("lstm", "", [*OTHER_ORDER, change]).write(tmp_path)
    shown, printed = terminal()
    config = CheckConfig(target=target, cell="lstm")
    report = examine_class(config, lambda: submission_of(target), shown)
    assert re.search("gates in the order o, [ig], f, [ig]", printed.getvalue())  # σ(i) ⊙ σ(g)
    assert [result.verdict for result in report.stages] == ["wrong"] * 3
    assert report.stages[0].likely.startswith(likely)


def test_gates_that_change_places_on_the_way_back_alone_are_named_so(tmp_path):
    gates = ["[d_r, d_z, d_n], axis", "[d_r, d_z, d_n * r], axis"]
    layer = Layer("gru", "", [(old, old.replace("d_r, d_z", "d_z, d_r")) for old in gates])
    wrong = first_wrong(diagnosed(layer.write(tmp_path), "gru")[1])
    assert wrong.likely.startswith("On the way back the gates change places: ")


def test_sums_that_are_never_set_to_zero_are_named_and_nothing_else(tmp_path):
    """Other properties follow from that one, and their own causes would be wrong."""
    source = replaced(FORMS["source"], [("g += d\n", "g += d / 3; g += d / 3; g += d / 3\n")])
    report, _ = form_of(tmp_path, source, "Accumulates")
    wrong = {entry.name: entry.likely for entry in report.properties if entry.verdict == "wrong"}
    assert "the sums are not set to zero" in wrong.pop("second backward")
    assert len(wrong) > 3
    assert not any(wrong.values())


@pytest.mark.parametrize(
    ("target", "part", "verdict", "words", "expected", "got"), table_of(__file__)["parts"]
)
def test_a_part_that_is_not_right_is_reported_with_its_case(
    target, part, verdict, words, expected, got
):
    """What shows at some sizes alone is no missing feature."""
    results = tried(target)[1]
    assert {result.verdict for result in results[:part]} <= {"right"}
    found = results[part]
    assert (found.verdict, found.case.description) == (verdict, words)
    assert expected in found.expected
    assert got in found.got


@pytest.mark.parametrize("name", ["BiasRows", "BiasRowsFlat"])
def test_biases_may_be_rows(name):
    subject, results = tried(f"{name}.py:Layer")
    assert {result.verdict for result in results} == {"right"}
    [unbatched] = [f for f in try_features(subject) if f.name == "input without a batch"]
    assert unbatched.verdict == "missing"  # it makes rows of single vectors, by chance


def test_a_feature_that_only_some_cases_refuse_is_missing_and_says_where(tmp_path):
    """Its layer fails if the longest sequence has fewer than T steps."""
    layer = Layer("deep", "", [("np.where(is_there, y[:T], 0)", "np.where(is_there, y, 0)")])
    subject, _ = tried(layer.write(tmp_path))
    found = try_feature(subject.vary(list_feature_trials(1), FEATURES["lengths"]), "lengths", PARTS)
    assert found.verdict == "missing"
    assert found.why.startswith("not on T 10, B 9, V 18, H 17: one operation on arrays")


EVERYTHING_ELSE = [
    Result(name=name, verdict=Verdict.MISSING) for name in FEATURES if name != "float64"
]
"""What the smallest class does not have."""


def test_a_gradient_that_is_clipped_on_its_way_back_violates_a_property():
    subject, results = tried("Clipping.py:Layer")
    assert [result.verdict for result in results] == ["right", "wrong", "wrong"]
    properties = try_properties(subject.layers, EVERYTHING_ELSE, 0)
    assert [entry.name for entry in properties if entry.verdict == "wrong"] == ["backward scales"]


def test_gradients_of_which_only_the_last_bit_changes_violate_no_property():
    subject, _ = tried("Alternating.py:Layer")
    found = {entry.name: entry for entry in try_properties(subject.layers, EVERYTHING_ELSE, 0)}
    assert found["backward scales"].verdict == "not to the bit"
    assert [name for name, entry in found.items() if entry.verdict == "wrong"] == []


def test_shapes_that_do_not_fit_together_violate_a_property():
    subject, _ = tried("Squeezing.py:Layer")
    properties = try_properties(subject.layers, EVERYTHING_ELSE, 0)
    found = [entry.finding for entry in properties if entry.verdict == "wrong"]
    assert any(words.startswith("expected results whose shapes fit together") for words in found)


def test_deep_tries_twenty_times_as_many_cases_of_a_property_and_a_seed_others(monkeypatch):
    cases = []

    @layer_property()
    def of_nothing(layer_class, case):
        cases.append(case)
        return iter(())

    monkeypatch.setattr(properties, "PROPERTIES", (of_nothing,))
    subject, _ = tried("Plain.py:Layer")
    for deep, many in ((False, 2), (True, 21)):
        cases.clear()
        try_properties(subject.layers, EVERYTHING_ELSE, 0, deep)
        assert len(cases) == many
    several = []
    for seed in (0, 1):
        cases.clear()
        try_properties(subject.layers, EVERYTHING_ELSE, seed, True)
        several.append([(case.T, case.B, case.V, case.H) for case in cases])
    assert several[0] != several[1]


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        (0.001, "expected 1, got 1.001"),
        (1e-08, "expected 1, got 1.00000001"),
        (3e-16, "expected 1, got 1.0000000000000002"),
    ],
)
def test_two_numbers_are_shown_with_as_many_digits_as_it_takes(apart, words):
    comparison = Comparison("h", np.ones(1), np.ones(1) + apart, np.zeros(1))
    assert words in describe_entry(comparison)


X = np.array([[1.0, 2.0], [3.0, -4.0]])


@pytest.mark.parametrize(
    ("right", "got", "likely"),
    [
        (X, 0.5 * X, "Every entry is 2 times too small."),
        (X, 3 * X, "Every entry is 3 times too large."),
        (X, -2 * X, "Every entry is -2 times the right one."),
        (X, X.T, "It is transposed."),
        (X, X[::-1], "Its first axis is reversed."),
        (X, X.ravel(), "The numbers are right; their shape should be (2, 2)."),
        (X, 0 * X, "It is zero everywhere."),
        (X[0, 0], -X[0, 0], "Its sign is flipped."),
        (X, np.clip(X, -2.5, 2.5), "It is clipped at 2.5: every larger entry is exactly that."),
        (X, np.where(X > 2, np.nan, X), None),
        (X, np.where(X > 2, np.nan, X + 0.5 * (X < 0)), None),
        (X, X + X**2, None),
    ],
)
def test_a_wrong_tensor_alone_shows_a_simple_mistake(right, got, likely):
    assert explain_tensor(np.asarray(right), np.asarray(got), 1e-12) == (
        likely and Diagnosis(likely)
    )


def test_the_accuracy_of_float32_is_a_mistake_in_float64_alone():
    expected = np.random.default_rng(0).normal(size=(3, 4))
    rounded = expected.astype(np.float32).astype(np.float64)
    found = explain_tensor(expected, rounded, 1e-14)
    assert found.words == "It has the accuracy of float32 only."
    assert explain_tensor(expected, expected + 1e-3 * expected**2, 1e-6) is None


# Forms that people write ----------------------------------------------------------------------

FORMS = table("forms")


def form_of(folder, source, name, **flags):
    """Check a class of a source; return what is printed, too."""
    (folder / "theirs.py").write_text(source, encoding="utf-8")
    target, (shown, printed) = f"{folder / 'theirs.py'}:{name}", terminal(width=999)
    config = CheckConfig(target=target, **flags)
    report = examine_class(config, lambda: submission_of(target), shown)
    return report, printed.getvalue()


@pytest.mark.usefixtures("in_few_cases")
@pytest.mark.parametrize("form", FORMS["form"], ids=lambda form: form["class"])
def test_a_form_that_people_write_is_taken(form, tmp_path):
    source, change = FORMS["source"], form.get("change")
    source = replaced(source, [change]) if change else source
    flags = {name: form.get(name) for name in ("cell", "gates")}
    report, printed = form_of(tmp_path, source, form["class"], **flags)
    assert report.score == form["right"], printed
    assert form["unfit"] in report.misfit if "unfit" in form else not report.misfit
    assert [words for words in form.get("words", ()) if words not in printed] == []
    assert form.get("note", "") in "; ".join(report.notes)
    likely = next((r.likely for r in report.stages if r.verdict == "wrong"), report.another)
    assert likely.endswith(form.get("likely", ""))
    if "likely" in form:
        assert bool(likely) == bool(form["likely"])
    else:
        assert report.wrong == []
    assert report.ok == ("likely" not in form and report.score == len(report.stages))
