"""The whole model in one function: loss_and_gradients, and a lossFun over global arrays."""

import json
from pathlib import Path

import pytest

from compare.cli import main
from tests.compare.check.corpus import plain_source, replaced

pytestmark = pytest.mark.usefixtures("quickly", "in_this_process")

SCRIPT = """
import numpy as np

with open("input.txt") as file:
    text = file.read()
letters = sorted(set(text))
vocab_size = len(letters)
hidden_size = 100
Wxh = np.random.randn(hidden_size, vocab_size) * 0.01
Whh = np.random.randn(hidden_size, hidden_size) * 0.01
Why = np.random.randn(vocab_size, hidden_size) * 0.01
bh, by = np.zeros((hidden_size, 1)), np.zeros((vocab_size, 1))

def lossFun(inputs, targets, hprev):
    hs, ps, loss = {-1: hprev}, {}, 0
    for t in range(len(inputs)):
        hs[t] = np.tanh(Wxh[:, inputs[t]:inputs[t] + 1] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.exp(y).sum()
        loss -= np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy, dbh, dby = map(np.zeros_like, (Wxh, Whh, Why, bh, by))
    carried = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dz = (1 - hs[t] ** 2) * (Why.T @ dy + carried)
        dWxh[:, inputs[t]] += dz[:, 0]
        dWhh += dz @ hs[t - 1].T
        dbh += dz
        carried = Whh.T @ dz
    for d in (dWxh, dWhh, dWhy, dbh, dby):
        np.clip(d, -5, 5, out=d)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]

hprev = np.zeros((hidden_size, 1))
curve = lossFun([0], [0], hprev, further="no such argument")
while True:
    loss, dWxh, dWhh, dWhy, dbh, dby, hprev = lossFun([0], [0], hprev)
"""
OTHER = [("Whh @ hs", "Uhh @ Whh @ hs"), ("Why = np", "Uhh = np.eye(hidden_size)\nWhy = np")]
RENAMED = SCRIPT.replace("lossFun", "bptt").replace("Wxh", "U").replace("Whh", "W")
RENAMED = RENAMED.replace("dWhy", "dV").replace("Why =", "P = {}\nWhy =").replace("Why", "P['V']")
RENAMED = RENAMED.replace("dW", "gW").replace(
    "dU, gW, dV, dbh, dby, hs", "(dU, gW, dV, dbh, dby), hs"
)
SCRIPTS = {  # by what is changed: the exit code, and words that are printed
    "": ([], 0, "clipping is not tried"),
    "a mean": ([("return loss", "return loss / len(inputs)")], 1, "the loss is the mean"),
    "slope": ([("hs[t] ** 2", "hs[t]")], 1, "Likely mistake: The slope of tanh is written 1 - h"),
    "another array": (OTHER, 2, "expected the arrays of an Elman network, got also Uhh"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_loss_function_is_checked_with_its_global_arrays(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    changes, code, words = SCRIPTS[name]
    Path("rnn.py").write_text(replaced(SCRIPT, changes), encoding="utf-8")
    Path("renamed.py").write_text(RENAMED, encoding="utf-8")
    Path("two.py").write_text("def loss_fn(x):\n    return x\n" + RENAMED, encoding="utf-8")
    for target in ("rnn.py", "renamed.py", "two.py:bptt")[: 1 if name else 3]:
        assert main(["check", target]) == code
        shown = capsys.readouterr()
        assert words in shown.out + shown.err
    assert main(["check", "rnn.py", "--stage", "rnn_step"]) == 2
    assert code == 2 or "--stage to be one of lossFun, got" in capsys.readouterr().err


WHOLE = """
def loss_and_gradients(inputs, targets, h_0, parameters):
    *cell, W, b = parameters
    output, h_n, tape = own_forward(np.eye(len(b))[inputs], h_0, *cell)
    loss, d_y = cross_entropy((output @ W.T + b).reshape(-1, len(b)), targets.ravel())
    found = own_backward(tape, (d_y @ W).reshape(output.shape), np.zeros_like(h_0))[2:]
    return loss, [*found, d_y.T @ output.reshape(-1, W.shape[1]), d_y.sum(0)], h_n
"""
LSTM = [("h_0, *cell", "*h_0, *cell"), ("np.zeros_like(h_0))[2:]", "*np.zeros_like(h_0))[3:]")]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_whole_model_may_be_one_function(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = replaced(WHOLE, LSTM if cell == "lstm" else [])
    right = plain_source(cell).replace(f"{cell}_", "own_") + whole
    for source, score in ((right, 1), (replaced(right, [("d_y.sum(0)", "d_y.sum(0) * 2")]), 0)):
        Path("mine.py").write_text(source, encoding="utf-8")
        assert main(["check", "mine.py", "--cell", cell, "--json", "found.json"]) == 1 - score
        found = json.loads(Path("found.json").read_text())
        assert (found["score"], found["out_of"]) == (score, 1)
        assert found["stages"][0]["tensor"] == (None if score else "d_b")
