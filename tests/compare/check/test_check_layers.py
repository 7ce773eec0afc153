"""``rnn-parity check FILE:CLASS``: recurrent layers, their conventions, and what else they have."""

import sys
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch

from compare.check import CheckConfig, check, examine, list_trials, run
from compare.check.cases.layer_results import match_bits
from compare.check.core.subject import search_further
from compare.check.layers import properties
from compare.check.layers.examine import examine_class
from compare.check.layers.layer import LayerSubject, find_layout
from compare.check.properties import modules as modules
from compare.check.properties.property import layer_property
from compare.implementations import CELLS, STACKED, Submission, UserLayerFactory
from compare.parity import DeviceError
from compare.terminal import Terminal, UsageError
from tests.compare.check.corpus import Layer
from tests.compare.check.test_fault_injection import faulty
from tests.counts import number
from tests.in_process import source_of, submission_of, terminal, try_one

pytestmark = pytest.mark.usefixtures("quickly", "beside_files")


def examined(target, cell=None, *, tried=properties.PROPERTIES, **flags):
    """Check a class in this process; a bare name is one of `students/files.toml`."""
    target = target if ":" in target else f"{target}.py:Layer"
    config = CheckConfig(target=target, cell=cell, **flags)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(properties, "PROPERTIES", tried)
        load = partial(submission_of, target)
        return examine_class(config, load, Terminal(quiet=True))


def verdicts(entries):
    return {entry.name: entry.verdict for entry in entries}


def stages(report):
    return [result.verdict for result in report.stages]


# Right layers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", number(["rnn"], STACKED))
def test_the_layers_of_pytorch_are_right(cell):
    report = examined(f"torch.nn:{CELLS[cell].layer}", size="T=11,layers=2")
    assert (report.ok, report.cell, report.form) == (True, cell, "torch"), report.summary
    assert not any(feature.likely for feature in report.features)
    found = verdicts(report.features)
    missing = {name for name, verdict in found.items() if verdict == "missing"}
    assert missing == {"token numbers as input", "dropout masks"}
    assert found["2 layers of --size"] == "right"
    assert 11 in {sizes["T"] for sizes in report.stages[0].tried}
    assert len(found) >= 14


@pytest.mark.parametrize(
    ("target", "cell"),
    [
        ("concise_rnn:MinGRU", "mingru"),
        ("concise_rnn:GatedDelta", "delta"),
        ("scratch_rnn:GatedDelta", "delta"),
    ],
)
def test_features_that_a_cell_does_not_have_are_not_tried(target, cell):
    """It has one layer and one direction: nothing else is called right."""
    report = examined(target)
    assert (report.ok, report.cell) == (True, cell), report.summary
    found = verdicts(report.features)
    beyond = ("layers", "directional", "projection", "relu", "lengths", "dropout")
    assert [name for name in found if any(word in name for word in beyond)] == []
    assert {"batch_first", "no bias", "float64", "no state given"} < found.keys()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_tolerance_of_a_coarse_dtype_is_coarse(dtype):
    with submission_of("torch.nn:RNN") as submission:
        results = find_layout(LayerSubject(UserLayerFactory(submission, "rnn", dtype), 0))
    assert {result.verdict for result in results} == {"right"}


@pytest.mark.parametrize("tf32", [True, False])
def test_the_rounding_of_tf32_has_to_be_allowed(tf32):
    with submission_of("TF32.py:Layer") as submission:
        layers = UserLayerFactory(submission, "rnn", precision="tf32" * tf32)
        results = find_layout(LayerSubject(layers, 0))
    assert all(result.verdict == "right" for result in results) == tf32


@pytest.mark.parametrize(
    ("target", "found"), [("scratch_rnn:RNN", {"right"}), ("Plain", {"right", "missing"})]
)
def test_our_own_layer_has_every_feature_and_missing_ones_do_not_count(target, found):
    report = examined(target)
    assert (report.ok, report.score) == (True, 3), report.summary
    assert set(verdicts(report.features).values()) == found
    assert {feature.why for feature in report.features} == {""}  # it refuses them in all cases
    assert verdicts(report.features)["saturated units"] == "right"


def test_dropout_of_the_class_is_off_and_the_report_says_so(tmp_path):
    dropout = ["h_n = h", "output = nn.Dropout(0.1).train(self.training)(output)\n        h_n = h"]
    target = Layer("module", "", [dropout]).write(tmp_path)
    (shown, printed), load = terminal(), partial(submission_of, target)
    assert examine_class(CheckConfig(target=target), load, shown).ok
    assert "; called in evaluation mode, as it draws random numbers in" in printed.getvalue()


def test_one_bias_of_a_gru_is_that_of_the_input():
    with submission_of("OneBias.py:Layer") as submission:
        results = find_layout(LayerSubject(UserLayerFactory(submission, "gru"), 0))
    assert [result.verdict for result in results] == ["right"] * 3


def test_each_case_is_tried_forward_if_there_is_no_backward_pass(tmp_path):
    late = ["np.stack(h[1:])", "np.stack(h[1:]) + (len(x) == 17)"]
    half = Layer("elman", "", [late, ["x, h = tape", "raise NotImplementedError"]])
    with submission_of(half.write(tmp_path)) as submission:
        results = find_layout(LayerSubject(UserLayerFactory(submission, "rnn"), 0))
    assert [result.verdict for result in results[:2]] == ["wrong", "missing"]
    assert results[0].case.description == "T 17, B 64, V 3, H 4"


@pytest.mark.parametrize("target", ["torch.nn:RNN", "Plain.py:Layer"])
def test_a_missing_device_is_refused_before_anything_is_tried(target, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="expected a CUDA device for --device cuda, got none"):
        check(CheckConfig(target=target, device="cuda"))
    with pytest.raises(UsageError, match="expected a PyTorch device for --device, got 'gpu'"):
        check(CheckConfig(target=target, device="gpu"))


# Parts and features that are wrong --------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "found", "summary"),
    [
        ("WrongBackward", ["right", "wrong", "right"], "2 of 3 parts are right"),
        ("ForwardOnly", ["right", "missing", "missing"], "1 of 3 parts are right"),
        ("Plain.py:Nothing", ["missing"] * 3, "Plain.py has no class Nothing"),
    ],
)
def test_the_summary_names_what_is_wrong(target, found, summary):
    report = examined(target)
    assert report.summary.startswith(summary)
    assert report.summary.count(summary) == 1
    assert stages(report) == found
    wrong = [result.wrong.tensor for result in report.stages if result.wrong]
    assert wrong == ["gradient of weight_hh_l0"] * (target == "WrongBackward")


USED = {
    "three layers": lambda p: p.layer.num_layers == 3,
    "float64": lambda p: p.layer.dtype == np.float64,
    "input without a batch": lambda p: p.x.dtype.kind == "f" and p.x.ndim == 2,
    "token numbers as input": lambda p: p.x.dtype.kind != "f",
    "no state given": lambda p: p.state is None,
}
"""Whether a forward pass uses a feature that is wrong in no layer of the corpus."""
UNPROMISED = ("input without a batch", "token numbers as input")
"""What a layer need not take: no argument says so."""


@pytest.mark.parametrize("feature", USED)
def test_a_wrong_feature_is_found(feature, monkeypatch):
    """In a layer that is a ten-thousandth off where the feature is used."""
    module = ModuleType("mine")
    module.Wrong = faulty(output=lambda p: p.output * (1 + 1e-4 * USED[feature](p)))
    monkeypatch.setitem(sys.modules, "mine", module)
    found = try_one("mine:Wrong", "rnn", feature)
    assert found.verdict == ("missing" if feature in UNPROMISED else "wrong")
    assert feature != "float64" or found.likely == "Every entry is 1.0001 times too large."


def test_float32_inside_is_seen_in_float64():
    assert try_one("Single.py:Layer", "rnn", "float64").verdict == "wrong"


def test_features_of_gradients_are_not_tried_if_the_gradients_are_wrong():
    features = verdicts(examined("HalfWritten", tried=()).features)
    assert {"float64", "saturated units"} <= features.keys()
    assert not any("gradient" in name for name in features)


def test_what_deep_finds_in_one_part_makes_this_part_wrong(tmp_path):
    late = ["d_U += d_z.T @ h[t]", "d_U += d_z.T @ h[t] * (1 + (len(x) > 6))"]
    with submission_of(Layer("elman", "late", [late]).write(tmp_path)) as submission:
        subject = LayerSubject(UserLayerFactory(submission, "rnn"), 0, list_trials()[:2])
        results = find_layout(subject)
        assert [result.verdict for result in results] == ["right"] * 3
        _, results = search_further(subject, results)
    assert [result.verdict for result in results] == ["right", "wrong", "right"]
    assert results[1].case.description.startswith("T 7, ")


def test_a_class_that_does_not_end_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.txt"))
    with Submission(source_of("Endless.py:Layer", seconds=1.0)) as submission:
        results = find_layout(LayerSubject(UserLayerFactory(submission, "rnn"), 0))
    assert [result.verdict for result in results] == ["timeout"] * 3
    assert (tmp_path / "calls.txt").read_text() == "called "


# Properties and error handling ------------------------------------------------------------------

OF_GRADIENTS = {
    tried.name
    for tried in properties.PROPERTIES
    if tried.gradients and tried not in modules.PROPERTIES
}


def test_a_layer_without_a_backward_pass_has_properties_too():
    report = examined("Inference")
    found = verdicts(report.properties)
    missing = {name for name, verdict in found.items() if verdict == "not tried"}
    assert missing == OF_GRADIENTS | {"call as forward"}
    assert {*found.values()} == {"right", "not tried"}
    assert stages(report) == ["right", "missing", "missing"]
    assert {e.name for e in examined("Leaking").wrong} >= {"padding ignored", "nan visible"}


def test_a_property_whose_result_a_layer_does_not_have_is_missing():
    @layer_property()
    def of_x(layer_class, case):
        gradient = run(layer_class, case)["gradient of x"]
        yield match_bits({"gradient of x": gradient}, {"gradient of x": gradient}, case)

    entry = try_one("Inference.py:Layer", "rnn", of_x)
    assert (entry.verdict, entry.why) == ("not tried", "no gradient of x")
    assert try_one("torch.nn:RNN", "rnn", of_x).verdict == "right"


def test_a_process_that_ends_in_a_property_is_an_error_of_that_property():
    shown, printed = terminal()
    report = examine(CheckConfig(target="Vanishing.py:Layer"), shown)
    found = {entry.name: entry for entry in report.properties}
    assert found["empty batch"].verdict == "error"
    assert found["empty batch"].finding == "its process ended with exit code 7"
    assert found["sequence alone"].verdict == "right"
    assert report.wrong == [found["empty batch"]]
    line = "empty batch, on T 3, B 2, V 4, H 5, tanh, token numbers, float32: its process ended"
    assert line in printed.getvalue()


def test_a_violated_property_has_its_case():
    report = examined("Forgetful")
    assert (report.score, report.ok) == (3, False)
    assert report.summary.startswith("3 of 3 parts are right; cut anywhere: wrong")
    assert [entry.name for entry in report.wrong] == ["cut anywhere", "old tape"]
    assert all(entry.finding.startswith("gradient of ") for entry in report.wrong)


@pytest.mark.parametrize(
    ("target", "cell", "begun"),
    [
        ("Carrying", "rnn", "without a state"),
        ("CarryingAlways", "rnn", "not with the given one"),
        ("modules.py:CarryingDetached", "lstm", "without a state"),
    ],
)
def test_a_state_that_is_kept_between_calls_is_named(target, cell, begun):
    target = target if ":" in target else f"{target}.py:Layer"
    found = try_one(target, cell, "second call")
    assert found.verdict == "wrong"
    assert found.likely.startswith("A second call ")
    assert "begins with the last state of the first" in found.likely
    assert begun in found.likely


def test_bits_and_error_handling_count_with_strict_alone():
    report = examined("Approximate")
    found = verdicts(report.properties)
    assert (found["two biases"], found["second backward"]) == ("not to the bit", "right")
    wrong = {e.name: e.finding for e in report.error_handling if e.verdict == "wrong"}
    broadcast = "a state of another batch"  # by NumPy
    assert wrong.keys() == {"bitwise reproducibility", broadcast, "own memory"}
    assert wrong["bitwise reproducibility"] == "equal only within rounding: two biases"
    assert report.ok
    report.strict = True
    assert not report.ok


def test_wrong_arguments_have_to_raise_value_error_or_type_error():
    found = {entry.name: entry for entry in examined("Crashing").error_handling}
    assert found["x with too many features"].verdict == "right"
    state = found["a state of another batch"]
    assert state.finding == "expected ValueError or TypeError, got IndexError"
