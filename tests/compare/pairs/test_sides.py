"""What is said of two sides: their layouts, their weights, and where they begin to differ."""

import inspect
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from compare.check import LayerCase, tolerance
from compare.implementations import CELLS, Implementation, implementation
from compare.pairs.command import Pair, _describe, show
from compare.pairs.comparison import ComparedSide, PairResult
from compare.parity import FEW, PERTURBATIONS
from compare.terminal import Terminal
from tests.compare.check.corpus import Layer
from tests.compare.implementations.test_targets import OTHER_ORDER
from tests.compare.pairs.test_pairs import run

pytestmark = pytest.mark.usefixtures("quickly", "in_this_process")


@pytest.fixture
def clipped_file(tmp_path):
    """Return a file with the functions of an LSTM whose cell state is clipped at 8."""
    file = tmp_path / "clipped.py"
    source = Path(inspect.getsourcefile(CELLS["lstm"].plain)).read_text(encoding="utf-8")
    clipped = source.replace("c_t = f * c + i * g", "c_t = np.clip(f * c + i * g, -8, 8)")
    file.write_text(clipped, encoding="utf-8")
    weights = torch.nn.LSTM(3, 4).state_dict()
    np.savez(tmp_path / "own.npz", **{name: w.numpy() for name, w in weights.items()})
    return file


def test_what_large_inputs_or_long_sequences_show_is_found_also_with_own_weights(
    clipped_file, capsys
):
    own = clipped_file.with_name("own.npz")
    code, output, _ = run(f"parity torch {clipped_file} --weights {own}", capsys)
    assert code == 1
    assert "T 1 to 129, B 1 to 129, " in output
    assert "A agrees with the computation in float64; B does not." in output


def test_the_first_difference_of_the_reverse_direction_is_nearest_to_its_beginning(capsys):
    case = LayerCase("gru", T=20, B=2, V=3, H=4, bidirectional=True)
    sides = tuple(ComparedSide(name, implementation("scratch", "gru"), "float32") for name in "AB")
    own = sides[0].run(case)
    late = {**own, "output": own["output"].copy()}
    late["output"][:13, 1, 5] += 0.5  # units 4 to 7 are those of the reverse direction
    result = PairResult(case, sides, (own, late))
    show(Pair(sides, [case]), [result], Terminal())
    shown = "First difference: output at step 13 of 20 of the reverse direction, [12, 1, 5]: A has "
    assert shown in capsys.readouterr().out
    late["output"][7:, 0, 2] += 0.5  # a unit of the other direction: there it is the 8th step
    result = PairResult(case, sides, (own, late))
    assert (result.first.step, result.first.backward) == (1, False)


def test_a_detected_order_of_gates_is_stated_and_check_asks_for_another(tmp_path, capsys):
    target = Layer("lstm", "", OTHER_ORDER).write(tmp_path)
    code, output, _ = run(f"parity {target} torch --cell lstm --size T=3,B=2", capsys)
    assert code == 0
    detected = next(line for line in output.splitlines() if line.startswith("   Detected: "))
    assert "gates in the order o, g, f, i; weight_ih_l0 is W, " in detected
    assert detected.endswith(f"rnn-parity check {target} --gates i,f,g,o)")
    code, output, _ = run(f"check {target} --cell lstm --gates i,f,g,o", capsys)
    assert code == 1
    assert "The gates are read in the order o, g, f, i" in output


def test_weights_of_its_own_that_are_not_those_of_the_other_side_are_named(capsys):
    case = LayerCase("gru", T=2, B=2, V=3, H=4)
    own = {name: array.copy() for name, array in case.floats.parameters.items()}
    r, z, n = np.split(own["weight_ih_l0"], 3)
    own["weight_ih_l0"] = np.concatenate([z, r, n])
    own["bias_hh_l0"][3] += 0.25
    own["bias_ih_l0"] *= 1 + 1e-7
    case.floats.parameters["bias_ih_l0"][:] = own["bias_ih_l0"].astype("float16")
    own["weight_hh_l0"] = own["weight_hh_l0"].astype("float16")
    file = Implementation(CELLS["gru"], "mine.onnx", CELLS["gru"].scratch_layer, weights=own)
    sides = (
        ComparedSide("A", file, "float32"),
        ComparedSide("B", implementation("torch", "gru"), "float32"),
    )
    _describe(Pair(sides, [case]), ("cpu", "cpu"), Terminal(), has_weights=True)
    _, _, head, first, rounded, other, second, _ = capsys.readouterr().out.splitlines()
    assert head == "1 case with equal inputs: T 2, B 2, V 3, H 4, gru, float32"
    start = "A has another weight_ih_l0 than --weights. "
    assert first == f"{start}The rows of weight_ih_l0 are swapped: z, r, n in the place of r, z, n."
    assert rounded == "A has another weight_hh_l0 than --weights. It is rounded to float16."
    assert other == "A has another bias_ih_l0 than --weights. --weights is rounded to float16."
    start = "A has another bias_hh_l0 than --weights. "
    assert second == f"{start}bias_hh_l0 differs in the rows of r alone."


@pytest.mark.parametrize(
    ("command", "name", "got"),
    [
        (
            "parity scratch torch --weights",
            "whole.pt",
            "a pickled object: save module.state_dict()",
        ),
        ("convert", "training.pt", "a pickled object: save module.state_dict()"),
        ("explain --vocab no.json --weights", "tensor.pt", "Tensor"),
    ],
)
def test_a_pt_file_with_a_whole_object_is_refused_with_what_to_save(
    command, name, got, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    module = torch.nn.GRU(2, 3)
    training = {"state_dict": module.state_dict(), "options": Namespace(lr=1)}
    files = {"whole.pt": module, "training.pt": training, "tensor.pt": torch.zeros(3)}
    torch.save(files[name], name)
    new = " new.npz" if command == "convert" else ""
    code, _, error = run(f"{command} {name}{new}", capsys)
    assert (code, error) == (3, f"rnn-parity: expected a state_dict in {name}, got {got}\n")


def test_whether_cases_differ_is_said_before_all_tolerances_are_measured(monkeypatch, capsys):
    counts = []

    def measure(case, perturbations):
        counts.append(perturbations)
        return tolerance(case, perturbations)

    monkeypatch.setattr("compare.pairs.comparison.tolerance", measure)
    code, output, _ = run("parity scratch torch --size V=3,H=4", capsys)
    assert code == 0
    assert counts == sorted(counts)
    number = counts.count(FEW)
    assert counts.count(PERTURBATIONS) == number > 20
    said = f"None of {number} cases differs by more than rounding.\nThe largest difference is in "
    assert said in output
