"""CS231n's four functions are recognized by their names, and checked in their own layout."""

import contextlib
import json
from pathlib import Path

import pytest

from compare.check import CheckConfig, CheckError, check
from tests.annotations import unchecked

RIGHT = """
import numpy as np

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, next_h, Wx, Wh)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, next_h, Wx, Wh = cache
    dz = dnext_h * (1 - next_h ** 2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)

def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h, caches, state = np.zeros((N, T, len(Wh)), x.dtype), [], h0
    for t in range(T):
        state, cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        h[:, t] = state
        caches.append(cache)
    return h, caches

def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx, dstate, grads = [], np.zeros((N, H), dh.dtype), [0, 0, 0]
    for t in reversed(range(T)):
        dx_t, dstate, *shares = rnn_step_backward(dstate + dh[:, t], cache[t])
        dx.append(dx_t)
        grads = [total + share for total, share in zip(grads, shares)]
    return np.stack(dx[::-1], axis=1), dstate, *grads
"""


def found(folder: Path, text: str) -> dict[str, tuple[str, str | None]]:
    (folder / "rnn_layers.py").write_text(text)
    config = CheckConfig(target=str(folder / "rnn_layers.py"), json=folder / "found.json")
    with unchecked(), contextlib.suppress(CheckError):
        check(config)
    values = json.loads((folder / "found.json").read_text())
    assert values["form"] == "cs231n"
    return {stage["name"]: (stage["verdict"], stage["likely"]) for stage in values["stages"]}


def test_four_right_functions(tmp_path: Path) -> None:
    stages = found(tmp_path, RIGHT)
    assert len(stages) == 4
    assert set(stages.values()) == {("right", None)}


@pytest.mark.parametrize(
    ("old", "new", "stage", "likely"),
    [
        ("1 - next_h ** 2", "1 - next_h", "rnn_step_backward", "without the square"),
        ("dstate + dh[:, t]", "dh[:, t]", "rnn_backward", "passed on"),
        ("x.dtype), [], h0", "x.dtype), [], 0 * h0", "rnn_forward", "at zero"),
    ],
)
def test_a_wrong_one_is_told(tmp_path: Path, old: str, new: str, stage: str, likely: str) -> None:
    assert old in RIGHT
    stages = found(tmp_path, RIGHT.replace(old, new))
    first = next(name for name, (verdict, _) in stages.items() if verdict != "right")
    assert first == stage
    assert likely in (stages[stage][1] or "")
