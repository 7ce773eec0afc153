"""``pytest --implementation``: the properties of a layer, tried on a class."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compare.check.corpus import files
from tests.counts import only_in_deep
from tests.passed import hand_in

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "scratch_rnn"
LAYER, LOSS = str(FOLDER / "test_rnn_is_nn_rnn.py"), str(FOLDER / "test_loss.py")


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Plain.py", "WrongBackward.py", "NotYet.py"):
        Path(name).write_text(files()[name], encoding="utf-8")


def run_pytest(implementation: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    options = ["--hypothesis-profile=glance", "--implementation", implementation]
    return subprocess.run(
        [*command, *options, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=800,
    )


def test_a_right_class_passes_and_missing_features_are_listed(tmp_path):
    only_in_deep()
    result = run_pytest(f"{tmp_path / 'Plain.py'}:Layer", "-rA", LAYER, LOSS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "PASSED tests/scratch_rnn/test_rnn_is_nn_rnn.py" in result.stdout
    assert "test_loss.py" not in result.stdout  # it is not about a layer
    for feature in ("relu", "no bias", "two layers", "input without a batch", "lengths"):
        assert f"left out: {feature}\n" in result.stdout
    assert "left out: float64" not in result.stdout
    assert " failed" not in result.stdout


def test_a_wrong_class_fails_with_the_property_that_it_violates(tmp_path):
    result = run_pytest(f"{tmp_path / 'WrongBackward.py'}:Layer", LAYER, "-k", "layer_as_torch")
    assert result.returncode == 1, result.stdout + result.stderr
    headline = "violated: layer as torch: The results and gradients are those of PyTorch's layer."
    assert headline in result.stdout
    assert f"{headline} (LayerCase(" in result.stdout  # and once more at the end, with its case
    assert "gradient of weight_hh_l0 (2, 2): differs by" in result.stdout
    assert "output (" not in result.stdout  # which is right
    assert "1 failed" in result.stdout


def test_a_missing_module_is_a_usage_error_in_one_line():
    only_in_deep()
    result = run_pytest("no_such_module:RNN", LAYER)
    assert result.returncode == 4
    assert "No module named 'no_such_module'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:RNN", "No module named 'no_such_module'"),
        ("layers", "expected a class as MODULE:CLASS, got 'layers'"),
        ("Plain.py:NoSuchClass", "has no attribute 'NoSuchClass'"),
        ("NotYet.py:Layer", "anything yet"),
    ],
)
def test_a_missing_class_is_refused(name, message):
    with pytest.raises(ValueError, match=r"^expected .*") as refused:
        hand_in(name)
    assert message in str(refused.value)
