"""Functions whose sequences are columns, as ``rnn_forward(x, a0, parameters)``, are a layer."""

import pytest

from compare.cli import main
from tests.compare.check.corpus import replaced

pytestmark = pytest.mark.usefixtures("quickly")

SOURCE = """
import numpy as np

def rnn_forward(x, a0, parameters):
    p, a = parameters, [a0]
    for x_t in x.transpose(2, 0, 1):
        a.append(np.tanh(p["Wax"] @ x_t + p["Waa"] @ a[-1] + p["ba"]))
    return np.stack(a[1:], 2), p["Wya"] @ a[-1] + p["by"], (x, a, p)

def rnn_backward(da, caches):
    x, a, p = caches
    dx, da_t, sums = np.zeros_like(x), 0, {"dWax": 0, "dWaa": 0, "dba": 0}
    for t in reversed(range(x.shape[2])):
        dz = (da[:, :, t] + da_t) * (1 - a[t + 1] ** 2)
        dx[:, :, t], da_t = p["Wax"].T @ dz, p["Waa"].T @ dz
        terms = dz @ x[:, :, t].T, dz @ a[t].T, dz.sum(1, keepdims=True)
        sums = {name: sums[name] + term for name, term in zip(sums, terms)}
    return {"dx": dx, "da0": da_t, **sums}

def lstm_forward(x, a0, parameters):
    p, a, c, h = parameters, a0, 0 * a0, []
    for x_t in x.transpose(2, 0, 1):
        f, i, g, o = (p["W" + k] @ np.vstack([a, x_t]) + p["b" + k] for k in "fico")
        f, i, o = (1 / (1 + np.exp(-z)) for z in (f, i, o))
        c = f * c + i * np.tanh(g)
        a = o * np.tanh(c)
        h.append(a)
    return np.stack(h, 2), None, None, None
"""
FORWARD = "forward right 134 cases gradients of the parameters "
RIGHT = f"{FORWARD}right 134 cases gradients of x and the state right 134 cases 3 of 3 "
OTHER = "note: also there: lstm_forward, as FILE:lstm_forward"
FROM_ZERO = "without initial state, last state; the weight of [h, x] is Wi over "
TRIED = [  # what is typed after the file, what is changed, the exit code, and words of the report
    ("", [], 0, [RIGHT, "; not used: Wya, by", OTHER]),
    (":rnn_backward", [("+ da_t)", ")")], 1, [FORWARD, "(d_h if t == len(x) - 1 else 0)"]),
    (":lstm_forward", [], 1, [f"{FORWARD}missing", FROM_ZERO]),
]


@pytest.mark.parametrize(("typed", "changes", "code", "words"), TRIED)
def test_a_layer_in_columns_is_checked(typed, changes, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(replaced(SOURCE, changes))
    assert main(["check", f"mine.py{typed}"]) == code
    printed = " ".join(capsys.readouterr().out.split())
    assert [each for each in words if each not in printed] == [], printed
