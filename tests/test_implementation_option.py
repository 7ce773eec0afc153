"""``pytest --implementation``: the properties of a layer, tried on a class."""

from pathlib import Path

import pytest

from tests.compare.check.corpus import files
from tests.counts import only_in_deep
from tests.passed import hand_in
from tests.scripts import ended

FOLDER = Path(__file__).parent / "scratch_rnn"
LAYER, LOSS = str(FOLDER / "test_rnn_is_nn_rnn.py"), str(FOLDER / "test_loss.py")


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Plain.py", "WrongBackward.py", "NotYet.py"):
        Path(name).write_text(files()[name], encoding="utf-8")


def run_pytest(implementation, *arguments):
    command = ("-m", "pytest", "-p", "no:cacheprovider", "--hypothesis-profile=glance")
    return ended(*command, "--implementation", implementation, *arguments, COLUMNS="100")


def test_a_right_class_passes_and_missing_features_are_listed(tmp_path):
    only_in_deep()
    code, output, errors = run_pytest(f"{tmp_path / 'Plain.py'}:Layer", "-rA", LAYER, LOSS)
    assert code == 0, output + errors
    assert "PASSED tests/scratch_rnn/test_rnn_is_nn_rnn.py" in output
    assert "test_loss.py" not in output  # it is not about a layer
    for feature in ("relu", "no bias", "two layers", "input without a batch", "lengths"):
        assert f"left out: {feature}\n" in output
    assert "left out: float64" not in output
    assert " failed" not in output


def test_a_wrong_class_fails_with_the_property_that_it_violates(tmp_path):
    code, output, errors = run_pytest(
        f"{tmp_path / 'WrongBackward.py'}:Layer",
        *(LAYER, "-k", "layer_as_torch", "--hypothesis-profile=ci"),  # two examples may be right
    )
    assert code == 1, output + errors
    headline = "violated: layer as torch: The results and gradients are the same as PyTorch's."
    assert headline in output
    assert f"{headline} (LayerCase(" in output  # and once more at the end, with its case
    assert "gradient of weight_hh_l0 (2, 2): differs by" in output
    assert "output (" not in output  # which is right
    assert "1 failed" in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:RNN", "No module named 'no_such_module'"),
        ("layers", "expected a file, FILE:CLASS or MODULE:CLASS, got 'layers'"),
        ("Plain.py:NoSuchClass", "has no attribute 'NoSuchClass'"),
        ("NotYet.py:Layer", "anything yet"),
    ],
)
def test_a_missing_class_is_refused(name, message):
    with pytest.raises(ValueError, match=r"^expected .*") as refused:
        hand_in(name)
    assert message in str(refused.value)
