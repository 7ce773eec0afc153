"""bisect with another implementation in the place of our layer: functions, a class, a module."""

import inspect
import re
from pathlib import Path

import pytest

from compare.cli import main
from compare.implementations import CELLS
from compare.study.config import BisectConfig
from compare.terminal import UsageError
from tests.compare.check.corpus import Layer, replaced
from tests.compare.study.students import ONE_BIAS, STUDENT, gated
from tests.compare.study.test_bisect import SAMPLE, config, shown


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_smallest_class_of_a_gated_cell_is_searched(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, wrong in (("right", "1"), ("wrong", "1.01")):
        Path(f"a_{kind}_{cell}_of_the_tests.py").write_text(gated(cell, wrong))
    choices = {"cell": cell, "dtype": "float64", "updates": 3, "output": Path("kept")}
    agreed = shown(config(implementation=f"a_right_{cell}_of_the_tests:Mine", **choices))
    assert "No difference in 3 updates" in agreed
    name = f"a_wrong_{cell}_of_the_tests:Mine"
    assert "tensor   gradient of rnn.bias_hh_l0" in shown(config(implementation=name, **choices))
    again = shown(BisectConfig(replay=Path("kept"), implementation=name))
    assert "tensor   gradient of rnn.bias_hh_l0" in again
    with pytest.raises(UsageError, match=r"Mine to take .* dtype='float32'; TypeError"):
        shown(config(implementation=name, **(choices | {"dtype": "float32"})))
    other = "gru" if cell == "lstm" else "lstm"
    with pytest.raises(UsageError, match="Mine: expected a parameter weight_ih_l0 of shape"):
        shown(config(implementation=name, **(choices | {"cell": other})))


BARE = """class Bare:
    def __init__(self, input_size, hidden_size): ...
    def forward(self, x, state=None): ...
    def backward(self, tape, d_output=None, d_state=None): ...
"""


@pytest.mark.parametrize(
    ("source", "name", "choices", "message"),
    [
        (BARE, "Bare", "", "a layer from mine.py:Bare: AttributeError: 'Bare' object has no attr"),
        (BARE, "join", "", "FILE:CLASS or MODULE:CLASS, got 'mine.py:join': AttributeError: "),
        ("def join(V, H): ...", "join", "", "a layer from mine.py:join: "),
        (
            gated("gru"),
            "Mine",
            "--cell gru --num-layers 2",
            "weights of 1 layer, as .*Mine has, got 2 layers",
        ),
        (STUDENT, "MyRNN", "--num-layers 2", "mine.py:MyRNN with weight_ih_l0, .*KeyError"),
        (STUDENT.replace(", dtype)", ", 'f8')"), "MyRNN", "", "dtype float32, got float64"),
        (ONE_BIAS, "Mine", "--cell gru --dtype float64", "Mine with bias_hh_l0, got weight_ih_l0"),
        (STUDENT.replace("def backward", "def back"), "MyRNN", "", "and backward, got no backward"),
    ],
)
def test_a_layer_that_cannot_take_the_place_of_ours_is_refused_in_one_line(
    source, name, choices, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(source)
    arguments = f"--implementation mine.py:{name} --hidden-size 4 --updates 1 {choices}"
    assert main(["bisect", "--text", str(SAMPLE), *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(f"expected .*{message}", error), error


def plain_functions(cell):
    return inspect.getsource(CELLS[cell].plain)


@pytest.mark.parametrize(
    ("target", "cell", "dtype"),
    [
        ("torch.nn:LSTM", "lstm", "float32"),
        ("torch", "gru", "float64"),
        ("functions", "rnn", "float32"),
        ("functions", "lstm", "float64"),
        ("one bias", "rnn", "float64"),
    ],
)
def test_any_implementation_may_take_the_place_of_our_layer(
    target, cell, dtype, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        Layer("batch first", "").source if target == "one bias" else plain_functions(cell)
    )
    target = {"functions": "mine.py", "one bias": "mine.py:Layer"}.get(target, target)
    text = shown(config(implementation=target, cell=cell, dtype=dtype, updates=3))
    assert f"Suspect: {target}" in text
    assert "No difference in 3 updates" in text


def test_a_mistake_in_one_of_six_functions_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(replaced(plain_functions("rnn"), [("1 - h_t**2", "1 - h_t")]))
    found = shown(config(implementation="mine.py"))
    assert "Found the first difference of mine.py: gradient of rnn." in found
    assert "6 of 6, where gradient of x differs when the layer runs alone" in found


def test_code_that_ends_its_process_is_a_difference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("another_module_of_the_tests.py").write_text(
        STUDENT.replace("(x, h), (W", "import os; os._exit(3)\n        (x, h), (W")
    )
    text = " ".join(shown(config(implementation="another_module_of_the_tests:MyRNN")).split())
    assert "raised its process ended with exit code 3 at update 1" in text
