"""The training check: six right functions train a model in lock-step with PyTorch."""

import numpy as np
import pytest

from compare.check import STAGES, CheckConfig, ItemResult, Report
from compare.check.exercise import training as training_check
from compare.check.exercise.training import train
from compare.implementations import SubmissionFunctions
from compare.parity import Comparison
from compare.terminal import Terminal, UsageError
from tests.compare.check.corpus import plain_source, replaced
from tests.compare.check.test_check_functions import RIGHT
from tests.in_process import loader


@pytest.fixture(autouse=True)
def _one_epoch(quickly, monkeypatch):
    monkeypatch.setattr(training_check, "EPOCHS", 1)


def trained(folder, cell, text, optimizer="sgd"):
    with loader(folder, text)() as submission:
        functions = SubmissionFunctions(submission, cell)
        return train(cell, functions, None, Terminal(quiet=True), optimizer)


@pytest.mark.parametrize(
    ("cell", "optimizer"), [("rnn", "sgd"), ("gru", "sgd"), ("lstm", "sgd"), ("lstm", "adam")]
)
def test_right_functions_train_as_pytorch_does(cell, optimizer, tmp_path):
    training = trained(tmp_path, cell, plain_source(cell), optimizer)
    assert training.failed == ""
    assert training.updates == len(training.losses["yours"]) == len(training.losses["PyTorch"]) > 10
    assert training.losses["yours"][-1] < training.losses["yours"][0]
    assert 0 < training.largest_difference < training.allowed < 1e-12
    assert training.wrote["yours"] == training.wrote["PyTorch"]
    assert training.wrote["yours"].startswith("time traveller")


LONG = ("rnn_step(x_t, h[-1]", "rnn_step(x_t, h[-1] * (len(h) < 16 or len(x) != 20)")
"""Right for the sequences of the stages, none of which has 20 steps."""
TIRED = ("    h = [h_0]", "    calls.append(1)\n    assert len(calls) < 5, 'tired'\n    h = [h_0]")
UNCLIPPED = ("        g *= ", "        g *= 1 if len(gradients[0]) == 32 else ")
"""Right for the sizes of the stages: only the model that is trained has 32 units and six arrays."""
BLUNT = ("np.copy(d_b)", "d_b * (1 + 1e-9 * (len(d_output) > 15))")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (LONG, "at update 1, and 3.37561096 in PyTorch"),
        (TIRED, "expected a result at update 5, got AssertionError: tired"),
        (BLUNT, "the tolerance is"),
        (UNCLIPPED, "at update 2, and "),
    ],
)
def test_functions_that_fail_together_are_reported(change, message, tmp_path):
    training = trained(tmp_path, "rnn", "calls = []\n" + replaced(RIGHT, [change]))
    assert message in training.failed
    stages = [ItemResult(item=stage, cases=1) for stage in STAGES["rnn"]]
    report = Report("student.py", "functions", "rnn", 0, stages, training=training)
    assert (report.score, report.ok, report.to_json()["ok"]) == (6, False, False)


def test_wrong_parameters_after_the_last_update_are_reported(tmp_path, monkeypatch):
    """No loss shows the last update; only the parameters do, all of them where it is clipped."""
    monkeypatch.setattr(training_check, "MOST_TOKENS", 2_000)  # a few updates
    updates = trained(tmp_path, "rnn", RIGHT).updates
    late = f"calls = []\ndef is_last():\n    calls.append(1)\n    return len(calls) == {updates}\n"
    text = replaced(RIGHT, [("np.copy(d_b)", "d_b * (1 + 1e-6 * is_last())")])
    training = trained(tmp_path, "rnn", late + text)
    assert training.failed.startswith("rnn.weight_ih_l0 differs from PyTorch's after ")
    assert f"after {updates} updates: [" in training.failed


def test_slow_functions_are_stopped_and_right_until_then(tmp_path, monkeypatch):
    monkeypatch.setattr(training_check, "SECONDS", 0.0)
    training = trained(tmp_path, "rnn", RIGHT)
    assert (training.failed, training.stopped, training.updates) == ("", True, 1)


def test_a_text_that_is_not_there_is_refused_before_anything_is_tried(tmp_path):
    with pytest.raises(UsageError, match="expected a file for --text, got"):
        CheckConfig(target="student.py", text=tmp_path / "no.txt").check()


def test_the_tolerance_is_that_of_the_entry_with_the_largest_difference():
    result = training_check.TrainingResult("a text")
    entries, tolerances = np.array([0.0, 0.25, 0.125]), np.array([9.0, 1.0, 5.0])
    training_check._compare(result, [Comparison("W", np.zeros(3), entries, tolerances)])
    assert (result.largest_difference, result.allowed, result.failed) == (0.25, 1.0, "")
