"""The worked numbers of docs/learn/gates.md are those of plain/gru.py and plain/lstm.py."""

import re
from pathlib import Path

import numpy as np

from scratch_rnn.plain import gru, lstm

PAGE = (Path(__file__).parents[1] / "docs" / "learn" / "gates.md").read_text(encoding="utf-8")


def number(label, part):
    """Return the number in the row of a part's table that begins with the label."""
    [row] = [line for line in PAGE.split(part)[1].split("\n") if line.startswith(f"| {label}")][:1]
    return float(row.split("|")[2].replace("−", "-"))


def column(*values):
    return np.array(values, float)[:, None]


def same(shown, right):
    return abs(shown - float(np.asarray(right).item())) <= 0.5e-6 * (1 + 1e-6)


def test_the_gru_by_hand():
    part = "## The GRU"
    x, h_0 = np.ones((1, 1, 1)), np.array([[0.5]])
    weights = column(1, 0, 2), column(0, 1, 1), np.zeros(3), np.array([0.0, 0, 1])
    h, _, tape = gru.gru_forward(x, h_0, *weights)
    [(r, z, n, q)] = tape[2]
    for label, right in (("r =", r), ("z =", z), ("q =", q), ("n =", n), ("h₁", h)):
        assert same(number(label, part), right), label
    _, d_h_0, *_, d_b_ih, d_b_hh = gru.gru_backward(tape, np.ones((1, 1, 1)), np.zeros((1, 1)))
    rights = {"δa_r": d_b_ih[0], "δa_z": d_b_ih[1], "δa_n": d_b_ih[2], "δq": d_b_hh[2]}
    for label, right in (rights | {"δh₀": d_h_0}).items():
        assert same(number(label, part), right), label


def test_the_lstm_by_hand():
    part = "## The LSTM"
    x, h_0, c_0 = np.ones((1, 1, 1)), np.array([[0.5]]), np.array([[1.0]])
    weights = column(1, 0, 2, 1), column(0, 1, 1, 0), np.zeros(4), np.array([0.0, 1, 0, 0])
    _, (h, c), tape = lstm.lstm_forward(x, h_0, c_0, *weights)
    [(i, f, g, o)] = tape[3]
    assert i == o
    rights = {"i = o": i, "f =": f, "g =": g, "c₁": c, "tanh(c₁)": np.tanh(c), "h₁": h}
    nothing = np.zeros((1, 1))
    _, d_h_0, d_c_0, *_, d_b = lstm.lstm_backward(tape, np.ones((1, 1, 1)), nothing, nothing)
    rights["δc₁"] = d_c_0 / f
    rights |= dict(zip(("δa_i", "δa_f", "δa_g", "δa_o"), d_b, strict=True))
    for label, right in (rights | {"δc₀": d_c_0, "δh₀": d_h_0}).items():
        assert same(number(label, part), right), label


def test_every_number_of_the_tables_is_looked_at():
    assert len(re.findall(r"^\| .*\d \|$", PAGE, re.M)) == 23
