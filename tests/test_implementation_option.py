"""``pytest --implementation``: a student's class is told which property it breaks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counts import only_in_deep
from tests.passed import hand_in

ROOT = Path(__file__).parents[1]

# One layer, tanh, dense input with a batch; the rest is not there, and some of it says so.
STUDENT = """
from types import SimpleNamespace

import numpy as np


class {name}:
    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", *,
                 dtype=np.float32, rng=None):
        if num_layers != 1:
            raise NotImplementedError("more than one layer")
        if nonlinearity != "tanh":
            raise NotImplementedError("relu")
        rng = rng or np.random.default_rng()
        bound, H = 1 / np.sqrt(hidden_size), hidden_size
        shapes = {{"weight_ih_l0": (H, input_size), "weight_hh_l0": (H, H)}}
        shapes |= {{"bias_ih_l0": (H,), "bias_hh_l0": (H,)}}
        self.parameters = {{
            name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()
        }}

    def __call__(self, x, h0=None):
        output, h_n, _ = self.forward(x, h0)
        return output, h_n

    def forward(self, x, h0=None):
        if x.dtype.kind in "iu" or x.ndim != 3:
            raise NotImplementedError("anything but dense input with a batch")
        W, U, b, c = self.parameters.values()
        h = [np.zeros((x.shape[1], len(U)), U.dtype) if h0 is None else h0[0]]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + b + h[-1] @ U.T + c))
        return np.stack(h[1:]), h[-1][None].copy(), (x, h)

    def backward(self, tape, d_output=None, d_h_n=None):
        x, h = tape
        W, U, b, c = self.parameters.values()
        gradients = {{name: np.zeros_like(array) for name, array in self.parameters.items()}}
        d_x = np.zeros_like(x)
        d_h = np.zeros_like(h[0]) if d_h_n is None else d_h_n[0].copy()
        for t in reversed(range(len(x))):
            if d_output is not None:
                d_h = d_h + d_output[t]
            d_z = d_h * (1 - {slope})
            gradients["weight_ih_l0"] += d_z.T @ x[t]
            gradients["weight_hh_l0"] += d_z.T @ h[t]
            gradients["bias_ih_l0"] += d_z.sum(axis=0)
            gradients["bias_hh_l0"] += d_z.sum(axis=0)
            d_x[t] = d_z @ W
            d_h = d_z @ U
        return SimpleNamespace(x=d_x, h0=d_h[None].copy(), parameters=gradients)
"""


def write_classes(folder: Path) -> None:
    (folder / "passed.py").write_text(
        STUDENT.format(name="Right", slope="h[t + 1] ** 2")
        + STUDENT.format(name="Wrong", slope="h[t + 1]")
        + "\n\nclass Nothing:\n    def __init__(self, *args, **kwargs):\n"
        + "        raise NotImplementedError('anything yet')\n"
    )


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    write_classes(folder)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile=glance",
    ]
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=800,
    )


FOLDER = Path(__file__).parent / "scratch_rnn"
LAYER, LOSS = str(FOLDER / "test_rnn_is_nn_rnn.py"), str(FOLDER / "test_loss.py")


def test_a_right_class_passes_and_what_it_lacks_is_named(tmp_path: Path) -> None:
    only_in_deep()
    result = run_pytest(tmp_path, "--implementation", "passed:Right", "-rA", LAYER, LOSS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "PASSED tests/scratch_rnn/test_rnn_is_nn_rnn.py" in result.stdout
    assert "test_loss.py" not in result.stdout  # properties of other things are left alone
    for feature in ("relu", "no bias", "two layers", "input without a batch", "lengths"):
        assert f"left out: {feature}\n" in result.stdout
    assert "left out: float64" not in result.stdout
    assert " failed" not in result.stdout


def test_a_wrong_class_is_told_which_property_it_breaks(tmp_path: Path) -> None:
    """1 - h where the slope of tanh is 1 - h²."""
    result = run_pytest(tmp_path, "--implementation", "passed:Wrong", LAYER, "-k", "layer_as_torch")
    assert result.returncode == 1, result.stdout + result.stderr
    headline = "violated: layer as torch: The results and gradients are those of PyTorch's layer."
    assert headline in result.stdout
    assert f"{headline} (LayerCase(" in result.stdout  # and once more at the end, with its case
    assert "gradient of weight_ih_l0 (1, 1): differs by" in result.stdout
    assert "output (" not in result.stdout  # that it does not break
    assert "1 failed" in result.stdout


def test_what_is_not_there_is_a_usage_error_of_one_line(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, "--implementation", "no_such_module:RNN", LAYER)
    assert result.returncode == 4
    assert "No module named 'no_such_module'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("passed", "expected a class as MODULE:CLASS, got 'passed'"),
        ("passed:NoSuchClass", "has no attribute 'NoSuchClass'"),
        ("passed:Nothing", "anything yet"),
    ],
)
def test_what_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    write_classes(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "passed", raising=False)
    with pytest.raises(ValueError, match="expected") as refused:
        hand_in(name)
    assert message in str(refused.value)
