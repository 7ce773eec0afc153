"""Two implementations: equal ones are called equal, and a planted difference is found and named."""

import inspect
import re
import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import save_file

from compare.check import LayerCase, expect, list_trials
from compare.cli import main, parse
from compare.implementations import CELLS, FunctionsLayer, Implementation, implementation
from compare.mistakes import PlainFunctions
from compare.mistakes.catalogue import CATALOGUE
from compare.pairs import parity
from compare.pairs.command import open_pair
from compare.pairs.comparison import ComparedSide, compare_pair, find_mistake
from compare.parity import Agreement
from compare.terminal import Terminal
from tests.compare.check.corpus import Layer
from tests.compare.study.students import ONE_BIAS, WITHOUT_A_LAST_STATE
from tests.tables import table_of

pytestmark = pytest.mark.usefixtures("quickly", "in_this_process")

TABLE = table_of(__file__)
GRU = torch.nn.GRU(4, 5).state_dict()
FILES = {
    "gru.pt": GRU,
    "large.pt": torch.nn.LSTM(5000, 9).state_dict(),
    "own.pt": {f"lstm.{n}": torch.rand(*s, 20) for n, s in {"U": [4], "W": [5], "b": []}.items()},
    "cell.pt": torch.nn.GRUCell(4, 5).state_dict(),
    "two.pt": {"model": GRU, "ema": torch.nn.GRU(6, 7).state_dict()},
    "both.pt": torch.nn.GRU(4, 5, bidirectional=True).state_dict(),
    "deep.pt": torch.nn.GRU(4, 5, 2, bidirectional=True).state_dict(),
    "projected.pt": torch.nn.LSTM(4, 5, proj_size=2).state_dict(),
    "random.pt": {"m": {f"rnn.{n}": w for n, w in GRU.items()}, "r": {"cpu": torch.ByteTensor(9)}},
}
"""What is stored in the files of weights that a command names."""

QUIET = Terminal(quiet=True)
SIZES = [sizes for sizes, _ in list_trials()]


def run(typed, capsys):
    """Run a command; return its exit code, its output and its error."""
    code = main(shlex.split(typed))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def find_wrong_functions(cell, name, **options):
    """Return the functions of a cell with a mistake of the catalogue."""
    patches = next((bug.plain for bug in CATALOGUE if bug.name == name), ())
    return PlainFunctions(cell, patches, **options)


def wrong_layer(cell, name="", **options):
    """Return an implementation with a mistake of the catalogue."""
    functions = find_wrong_functions(cell, name, **options)
    return Implementation(CELLS[cell], name, partial(FunctionsLayer, functions))


PLANTED = [
    ("lstm", "", "The gates are read in the order i, g, f, o."),
    ("gru", "gru-gates-swapped", "the order is z, r, n, as in Keras."),
    ("gru", "gru-reset-before-product", "The reset gate acts on h before the product with W_hn"),
    ("gru", "gru-bias-outside-reset-gate", "b_hn is added outside of the reset gate's product."),
    ("lstm", "lstm-forget-bias-one", "1 is added to the bias of the forget gate"),
    ("rnn", "weights-not-transposed", "W_hh is not transposed"),
    ("rnn", "bias-hh-forgotten", "b_hh is not added."),
    ("rnn", "tf32", "The recurrent product keeps only 10 bits of each weight's mantissa"),
    ("rnn", "steps-reversed", "The steps are read from the last to the first."),
    ("rnn", "tanh-derivative", "The slope of tanh is written 1 - h, without the square."),
]
"""The cell, a mistake of the catalogue, and what is named; the first one is an order of gates."""


@pytest.mark.parametrize(("cell", "name", "words"), PLANTED)
@pytest.mark.parametrize("order", [1, -1])
def test_a_planted_difference_is_found_in_the_side_that_has_it_and_named(cell, name, words, order):
    options = {} if name else {"order": ("i", "g", "f", "o")}
    both = (implementation("scratch", cell), wrong_layer(cell, name, **options))[::order]
    sides = (ComparedSide("A", both[0], "float32"), ComparedSide("B", both[1], "float32"))
    cases = [LayerCase(cell, *sizes) for sizes in SIZES[:6]]
    *_, last = compare_pair(sides, cases)
    assert last.report.verdict is Agreement.DIFFERS
    right, wrong = sides[::order]
    assert (last.is_right(right), last.is_right(wrong)) == (True, False)
    assert words in find_mistake(last, wrong, cases)


@pytest.fixture
def wrong_file(tmp_path):
    """Return a file of the six functions in which the slope has lost its square."""
    file = tmp_path / "mine.py"
    source = Path(inspect.getsourcefile(CELLS["rnn"].plain)).read_text(encoding="utf-8")
    file.write_text(source.replace("(1 - h_t**2", "(1 - h_t"), encoding="utf-8")
    return file


def test_a_difference_is_shown_with_its_step_its_side_and_the_likely_mistake(wrong_file, capsys):
    code, output, error = run(f"parity {wrong_file} torch", capsys)
    assert code == 1
    assert error.startswith("rnn-parity: A and B: 6 of 8 tensors differ: gradient of x, ")
    lines = output.splitlines()
    assert lines[0] == f"A  {wrong_file}, float32"
    assert lines[1] == "B  torch, float32"
    assert "A and B differ in this case: T 3, B 2, V 4, H 5, tanh, float32" in lines
    head, *rows = output[output.index("tensor") :].splitlines()
    assert head.split()[-3:] == ["A", "B", "verdict"]
    found = {row.split()[0]: row.split() for row in rows if row.endswith(("agrees ", "DIFFERS"))}
    assert found["output"][-1] == "agrees"
    assert found["x"][-1] == "DIFFERS"
    assert float(found["x"][-3]) > 1e-2 > 1e-5 > float(found["x"][-2])  # the errors of A and of B
    first = next(line for line in lines if line.startswith("First difference"))
    assert first.startswith("First difference: gradient of x at step 3 of 3, [2, 0, 1]: A has -0.2")
    assert "B agrees with the computation in float64; A does not." in lines
    assert lines[-1].startswith("Likely mistake of A: The slope of tanh is written 1 - h")


def test_a_mistake_in_the_gradients_is_named_for_a_layer_without_a_last_state(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(WITHOUT_A_LAST_STATE, encoding="utf-8")
    code, output, _ = run(f"parity {tmp_path}/mine.py:Mine torch", capsys)
    assert code == 1
    assert "Likely mistake of A: No gradient is passed on to the step before" in output


def test_bisect_shows_the_smallest_case_that_differs(wrong_file, capsys):
    source = wrong_file.read_text(encoding="utf-8")
    wide = source.replace("(1 - h_t", "(1 - h_t ** (1 + (h_t.shape[1] < 4))")
    wrong_file.write_text(wide, encoding="utf-8")
    code, output, _ = run(f"bisect torch {wrong_file}", capsys)
    assert code == 0
    assert "A and B differ in this case: T 1, B 1, V 1, H 4, tanh, float32" in output
    assert "at step 1 of 1" in output
    code, output, _ = run("bisect torch scratch --size T=2,B=1,V=2,H=2", capsys)
    assert code == 0
    assert "parity: all 8 tensors agree" in output


def test_the_users_own_case_is_cut_to_fewer_steps_and_sequences(wrong_file, tmp_path, capsys):
    save_file(torch.nn.RNN(4, 5).state_dict(), tmp_path / "own.safetensors")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(6, 3, 4)))
    own = f"--weights {tmp_path}/own.safetensors --input {tmp_path}/x.npy"
    code, output, _ = run(f"bisect torch {wrong_file} {own}", capsys)
    assert code == 0
    assert "A and B differ in this case: T 1, B 1, V 4, H 5, tanh, float32" in output
    assert "at step 1 of 1" in output


@pytest.mark.parametrize("name", TABLE)
def test_what_is_typed_has_this_exit_code_and_these_words(name, tmp_path, monkeypatch, capsys):
    row = TABLE[name]
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(row.get("source", ""), encoding="utf-8")
    for file in FILES:
        if file in row["typed"]:
            torch.save(FILES[file], file)
    *before, typed = row["typed"].splitlines()
    assert [run(command, capsys)[0] for command in before] == [0] * len(before)
    code, output, error = run(typed, capsys)
    assert code == row["code"], error
    assert [words for words in row["words"] if words not in output + error] == []


def test_weights_for_which_a_layer_has_no_place_are_refused_in_one_line(tmp_path, capsys):
    file = tmp_path / "one.py"
    file.write_text(ONE_BIAS, encoding="utf-8")
    save_file(torch.nn.GRU(4, 5).state_dict(), tmp_path / "gru.safetensors")
    code, _, error = run(f"parity torch {file}:Mine --weights {tmp_path}/gru.safetensors", capsys)
    assert code == 2
    assert error.startswith(f"rnn-parity: expected {file}:Mine with bias_hh_l0, got ")
    assert error.count("\n") == 1


def test_the_coarser_side_decides_the_tolerance_and_the_finer_one_has_the_smaller_error():
    report = parity(parse(["parity", "torch", "scratch", "--dtype", "float64", "--size", "T=9"]))
    assert report.ok
    assert max(row.difference for row in report.rows) < 1e-12
    for a, b in (("float32", "float64"), ("float64", "float32")):
        dtypes = ["--dtype", a, "--dtype-b", b]
        mixed = parity(parse(["parity", "torch", "scratch", *dtypes, "--size", "T=9"]))
        assert mixed.ok
        assert 1e-8 < max(row.difference for row in mixed.rows) < 1e-5
        assert {row.dtype for row in mixed.rows} == {"float32"}


def test_a_side_without_gradients_can_be_the_right_one(wrong_file, capsys):
    source = wrong_file.read_text(encoding="utf-8").replace("h @ W_hh.T", "h @ W_hh")
    wrong_file.write_text(source, encoding="utf-8")
    right = Layer("our own, forward only", "right").write(wrong_file.parent)
    code, output, _ = run(f"parity {wrong_file} {right} --size T=3,B=2", capsys)
    assert code == 1
    lines = output.splitlines()
    assert "B does not compute gradients" in lines
    assert "B agrees with the computation in float64; A does not." in lines
    assert not any("mistake of B" in line for line in lines)


# The user's own sizes, input and weights --------------------------------------------------------


@pytest.fixture
def char_lm(tmp_path):
    """Write the weights of a whole model, an input, and its output in two other roundings."""
    torch.manual_seed(0)
    layer = torch.nn.LSTM(5, 6)
    rest = {"embedding.weight": torch.zeros(3, 5), "linear.weight": torch.zeros(3, 6)}
    weights = {f"encoder.{name}": tensor.detach() for name, tensor in layer.state_dict().items()}
    torch.save(rest | weights, tmp_path / "char.pt")
    safetensors.torch.save_file(rest | weights, tmp_path / "char.safetensors")
    np.savez(tmp_path / "char.npz", **{n: t.numpy() for n, t in (rest | weights).items()})
    x = np.random.default_rng(0).normal(size=(7, 3, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    output = layer(torch.from_numpy(x))[0].detach().numpy()
    np.save(tmp_path / "a.npy", output)
    np.save(tmp_path / "b.npy", output + np.float32(4e-4))
    np.save(tmp_path / "c.npy", np.nextafter(output, np.float32(1)))
    np.save(tmp_path / "d.npy", layer.double()(torch.from_numpy(x).double())[0].detach().numpy())
    return tmp_path


@pytest.mark.parametrize("end", ["pt", "safetensors", "npz"])
def test_weights_and_input_of_the_user_decide_the_sizes(char_lm, end, capsys):
    typed = f"parity torch scratch --weights {char_lm}/char.{end} --input {char_lm}/x.npy"
    code, output, _ = run(typed, capsys)
    assert code == 0
    assert "1 case with equal weights and inputs: T 7, B 3, V 5, H 6, lstm, float32" in output
    assert "parity: all 10 tensors agree" in output
    config = parse(typed.split())
    with open_pair(config, config, QUIET) as pair:
        [result] = compare_pair(pair.sides, pair.cases)
    np.testing.assert_array_equal(pair.cases[0].floats.x, np.load(char_lm / "x.npy"))
    own = torch.load(char_lm / "char.pt", weights_only=True)
    for name, array in result.case.floats.parameters.items():
        np.testing.assert_array_equal(array, own[f"encoder.{name}"])


def test_the_weights_of_a_run_are_its_final_ones_or_its_newest_checkpoint(char_lm, capsys):
    run_of = char_lm / "run"
    (run_of / "checkpoints").mkdir(parents=True)
    code, _, error = run(f"parity scratch torch --weights {run_of}", capsys)
    assert (code, error) == (2, f"rnn-parity: expected a run with weights, got {run_of}\n")
    weights = (char_lm / "char.safetensors").read_bytes()
    (run_of / "checkpoints" / "0000002-scratch.safetensors").write_bytes(weights)
    (run_of / "checkpoints" / "0000001-scratch.safetensors").write_bytes(b"older")
    assert run(f"parity scratch torch --size T=3 --weights {run_of}", capsys)[0] == 0
    (run_of / "scratch.safetensors").write_bytes(b"newer")
    assert run(f"parity scratch torch --weights {run_of}", capsys)[0] == 3


def test_two_arrays_are_compared_within_the_tolerance_of_the_case(char_lm, capsys):
    own = f"--like output --weights {char_lm}/char.npz --input {char_lm}/x.npy"
    code, output, error = run(f"parity {char_lm}/a.npy {char_lm}/b.npy {own}", capsys)
    assert (code, error) == (1, "rnn-parity: A and B: the only tensor differs: output\n")
    assert "Each entry has its own tolerance, from your input and weights." in output
    *_, row, _, first = output.splitlines()
    assert first.startswith("First difference: [0, 1, 1]: A has ")
    assert "; 4.0e-04 apart, " in first
    apart, times, _, of_a, of_b, verdict = row.split()[-6:]
    assert (apart, verdict) == ("4.0e-04", "DIFFERS")
    assert float(times.replace(",", "")) > 100
    assert float(of_a) < 1e-7 < 3e-4 < float(of_b)
    # d is in float64, so it is not rounded.
    for first, second, exact in (
        ("a", "c", ""),
        ("a", "d", ", A less exact"),
        ("d", "a", ", B less exact"),
    ):
        a, b = (char_lm / f"{name}.npy" for name in (first, second))
        code, output, _ = run(f"parity {a} {b} {own}", capsys)
        assert code == 0
        assert "output of an LSTM: T 7, B 3, V 5, H 6, lstm, float32" in output
        assert re.search(r"agrees.*", output)[0].rstrip() == f"agrees{exact}"


def test_two_arrays_that_are_no_result_of_the_users_own_layer_are_called_so(char_lm, capsys):
    right = np.load(char_lm / "a.npy")
    np.save(char_lm / "e.npy", right[::-1])
    np.save(char_lm / "f.npy", right[::-1] + np.float32(1e-8))
    own = f"--like output --weights {char_lm}/char.npz --input {char_lm}/x.npy"
    code, output, _ = run(f"parity {char_lm}/e.npy {char_lm}/f.npy {own}", capsys)
    assert code == 0
    far = f"{np.abs(right - right[::-1]).max():.1e}"
    words = "Neither A nor B is output of this input and these weights in float64: A is"
    assert f"{words} {far} off, B {far}. Its axes are (T, B, H)." in " ".join(output.split())
    assert words not in run(f"parity {char_lm}/a.npy {char_lm}/c.npy {own}", capsys)[1]


REFUSED = {
    "scratch": "expected two targets, A and B, got 1",
    "scratch torch scratch": "expected two targets, A and B, got 3",
    "--size T=3": "expected two targets with these options, got --size",
    "scratch torch --lr 1 --text fox.txt": "expected two targets without other options, got "
    "--text, --lr",
    "scratch torch --weights char.npz --size H=7": "expected one H, got 7 of --size, 6 of "
    "--weights",
    "scratch torch --weights char.npz --input a.npy": "expected one V, got 6 of --input, 5 of "
    "--weights",
    "scratch torch --weights x.npy": "expected weights in one of .safetensors, .npz, .pt, .pth, "
    "got x.npy",
    "scratch torch --weights part.npz": "expected the weights of a recurrent layer in part.npz: "
    "expected parameters weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got ",
    "scratch torch --weights two.npz": "expected one recurrent layer in two.npz, got "
    "'encoder', 'b'",
    "scratch torch --input char.npz": "expected one array in char.npz, got several",
    "scratch torch --input flat.npy": "expected floats of shape (T, B, V) in flat.npy, got (3,) "
    "float64",
    "scratch torch --device-b cuda": "expected a CUDA device for --device cuda",
    "scratch torch --like output": "expected to read or write scratch, got: No such file",
    "a.npy x.npy --like output": "expected two arrays of floats of one shape, got (7, 3, 6) "
    "float32 and (7, 3, 5) float32",
    "a.npy b.npy --like hidden": "expected --like to be one of output, h_n, c_n, got hidden",
    "a.npy b.npy --like output": "expected --weights and --input of the layer with --like\n",
    "char.pt torch": "char.pt holds no code: expected --weights char.pt beside a target such "
    "as torch\n",
    "scratch char.pt:lstm": "char.pt holds no code: expected --weights char.pt beside ",
    "a.npy b.npy": "a.npy holds no code: two .npy files need --like, such as ",
    "notes.txt torch": "expected a file of Python, such as my_rnn.py, got notes.txt\n",
    "scratch.LSTM torch": "expected a file, FILE:CLASS or MODULE:CLASS, got 'scratch.LSTM'",
    "torch.nn:LSTM torch.nn:GRU": "expected two layers of one cell, or --cell, got torch.nn:LSTM "
    "(lstm) and torch.nn:GRU (gru)",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_does_not_belong_together_is_refused_in_one_line(typed, char_lm, monkeypatch, capsys):
    monkeypatch.chdir(char_lm)
    np.save("flat.npy", np.zeros(3))
    Path("notes.txt").write_text("a note")
    weights = dict(np.load("char.npz"))
    np.savez("part.npz", **{n: w for n, w in weights.items() if "bias_hh" not in n})
    two = weights | {name.replace("encoder", "b"): w for name, w in weights.items()}
    np.savez("two.npz", **two)
    code, _, error = run(f"parity {typed}", capsys)
    assert error.startswith(f"rnn-parity: {REFUSED[typed]}")
    assert error.count("\n") == 1
    assert code in (2, 3, 4)


def test_weights_of_a_checkpoint_with_adam_are_compared_and_agree(tmp_path, capsys):
    """Neither Adam's memory nor special values that rounding alone decides change the verdict."""
    torch.manual_seed(0)
    weights = {f"rnn.{name}": p for name, p in torch.nn.RNN(4, 5).state_dict().items()}
    memory = {f"memory.exp_avg.{name}": p.clone() for name, p in weights.items()}
    save_file(weights | memory, tmp_path / "own.safetensors")
    code, output, _ = run(f"parity scratch torch --weights {tmp_path / 'own.safetensors'}", capsys)
    assert code == 0
    assert "all 8 tensors agree" in output


def test_an_undecidable_comparison_ends_with_its_own_code(monkeypatch, capsys):
    """Where rounding alone may change the values by their own size."""
    monkeypatch.setattr(
        "compare.pairs.comparison.tolerance",
        lambda case, _: {n: np.full(a.shape, 1e9) for n, a in expect(case).results.items()},
    )
    code, output, _ = run("parity scratch torch --size T=3", capsys)
    assert code == 5
    assert "are undecidable" in output


def test_weights_near_the_largest_float_are_compared_without_a_traceback(tmp_path, capsys):
    """Rounding alone may make infinities of them: A and B need not differ where that is so."""
    drawn = CELLS["lstm"].scratch_layer(4, 5, rng=np.random.default_rng(0)).parameters
    for size, codes in ((1e10, (0, 5)), (1e38, (1, 5))):
        scaled = {name: size * array / np.abs(array).max() for name, array in drawn.items()}
        np.savez(tmp_path / "large.npz", **scaled)
        command = f"parity scratch torch --cell lstm --weights {tmp_path / 'large.npz'}"
        with np.errstate(all="ignore"):
            assert main(command.split()) in codes
        assert capsys.readouterr().err.count("\n") <= 1
