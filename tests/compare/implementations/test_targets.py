"""What a target names computes the layer of its cell, however it is run and laid out."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

import compare
from compare.check import LayerCase, match_results, run
from compare.check.cases.layer_results import CLASSES, copy_state, name_gradients, name_outputs
from compare.implementations import CELLS, STACKED, CallFailed, make_source, read_target
from compare.implementations.layouts.conventions import Conventions
from compare.terminal import UsageError
from tests.compare.check.corpus import STUDENTS, Layer
from tests.compare.study.students import ONE_BIAS

SIZES = {"T": 7, "B": 3, "V": 5, "H": 6, "dtype": "float64"}


def written(folder, text, name="mine.py"):
    """Write a file, and return its path."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def functions(folder, cell):
    return written(folder, inspect.getsource(CELLS[cell].plain))


def numpy_class(folder, cell):
    """A class with the name of a layer, so that its cell is known."""
    base, name = {"rnn": "elman"}.get(cell, cell), CELLS[cell].layer
    text = Layer(base, base).source.replace("class Layer", f"class {name}")
    return f"{written(folder, text)}:{name}"


TARGETS = {
    "scratch": lambda folder, cell: "scratch",
    "torch": lambda folder, cell: "torch",
    "functions": functions,
    "a class": numpy_class,
}
OF_CELL = {cell: [*TARGETS][: 4 if cell in STACKED else 3] for cell in CELLS}
"""The kinds of targets of each cell: the corpus has classes of PyTorch's cells alone."""


def results_of(it, case):
    """Return all results of a case by name, through the interface alone."""
    floats = case.floats
    it.load(floats.parameters, **({"nonlinearity": "relu"} if case.nonlinearity == "relu" else {}))
    passed = it.forward(floats.x, copy_state(floats.h0, floats.c0), lengths=floats.lengths)
    gradients = it.backward(passed, floats.d_output, copy_state(floats.d_h_n, floats.d_c_n))
    return name_outputs(passed.output, passed.state) | name_gradients(gradients), gradients


def assert_right(it, case):
    got, gradients = results_of(it, case)
    comparisons = match_results(run(CLASSES[case.cell], case), got, case)
    assert [c.describe() for c in comparisons if not c.ok] == []
    d_states = gradients.state if isinstance(gradients.state, tuple) else (gradients.state,)
    assert len(d_states) == len(CELLS[case.cell].states)
    np.testing.assert_array_equal(d_states[0], got["gradient of h0"])


@pytest.mark.parametrize(
    ("kind", "cell"), [(kind, cell) for cell, kinds in OF_CELL.items() for kind in kinds]
)
def test_a_target_computes_the_layer_of_its_cell(kind, cell, tmp_path):
    target = TARGETS[kind](tmp_path, cell)
    given = {"scratch": cell, "torch": cell}.get(kind)  # the others tell by their names
    with compare.implementation(target, given) as it:
        assert (it.cell.name, it.title) == (cell, target)
        for upstream in ("both", "output", "h_n"):
            assert_right(it, LayerCase(cell, **SIZES, upstream=upstream))
        assert {n: a.shape for n, a in it.parameters.items()} == {
            n: a.shape for n, a in LayerCase(cell, **SIZES).floats.parameters.items()
        }


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("target", ["scratch", "torch"])
def test_the_weights_decide_the_sizes_the_layers_and_the_directions(target, cell):
    case = LayerCase(cell, **SIZES)
    with compare.implementation(target, cell) as it:
        for more in ({"bias": False}, {"dtype": "float32"}):
            assert_right(it, replace(case, **more))
        if cell not in STACKED:
            return
        for more in ({"L": 11}, {"bidirectional": True}):
            assert_right(it, replace(case, **more))
        assert_right(
            it, replace(case, L=2, bidirectional=True, lengths=True, projected=cell == "lstm")
        )
        if cell == "rnn":
            assert_right(it, replace(case, nonlinearity="relu"))


def test_a_class_may_have_a_layout_of_its_own(tmp_path):
    """A dtype that it does not have is refused."""
    case = LayerCase(**SIZES, one_bias=True)
    with compare.implementation(
        f"{written(tmp_path, Layer('batch first', '').source)}:Layer"
    ) as it:
        assert_right(it, case)
        with pytest.raises(UsageError, match=r"expected .*Layer to take .*dtype=.float32.; Ty"):
            assert_right(it, replace(case, dtype="float32"))


def test_a_module_is_cast(tmp_path):
    with compare.implementation(f"{written(tmp_path, Layer('module', '').source)}:Layer") as it:
        for dtype in ("float32", "float64"):
            assert_right(it, LayerCase(**SIZES | {"dtype": dtype}))


def test_one_bias_takes_no_second_one_of_which_it_cannot_hold_the_sum(tmp_path):
    """The second bias of a GRU is inside of the reset gate's product; that of an RNN is added."""
    case = LayerCase("gru", **SIZES, one_bias=True, upstream="output")  # it has no other gradient
    parameters = case.floats.parameters
    two = parameters | {"bias_hh_l0": parameters["bias_hh_l0"] + 1}
    with compare.implementation(f"{written(tmp_path, ONE_BIAS)}:Mine", "gru") as it:
        assert_right(it, case)
        message = "^expected .*:Mine with bias_hh_l0, got weight_ih_l0, weight_hh_l0, bias_ih_l0$"
        with pytest.raises(ValueError, match=message):
            it.load(two)
        assert_right(it, case)
    source = Layer("batch first", "").source
    with compare.implementation(f"{written(tmp_path, source)}:Layer") as it:
        it.load(LayerCase(**SIZES).floats.parameters)
        assert "bias_hh_l0" not in it.parameters


@pytest.mark.parametrize("cell", CELLS)
def test_functions_compute_a_layer_with_all_its_arguments(cell, tmp_path):
    own = {"bias": False, "h0": False, "dtype": "float32"}
    own |= {"L": 2, "bidirectional": True} if cell in STACKED else {}
    own |= {"lengths": cell in ("rnn", "gru")}  # an LSTM's return no c within a sequence
    with compare.implementation(functions(tmp_path, cell), cell) as it:
        assert_right(it, LayerCase(cell, **SIZES | own))


def test_the_cell_that_is_given_counts_more_than_the_name_of_the_class(tmp_path):
    text = Layer("elman", "elman").source.replace("class Layer", "class GRU")
    with compare.implementation(f"{written(tmp_path, text)}:GRU", "rnn") as it:
        assert it.cell.name == "rnn"
        assert_right(it, LayerCase(**SIZES))


READ = {  # what is typed, in a folder with the FILES: the place, the name in it, and what is there
    "mine.py": ("mine.py", "", "file"),
    "mine.py:Layer": ("mine.py", "Layer", "file"),
    "mine.py:": ("mine.py", "", "file"),
    "a folder/mine.py:Outer.Layer": ("a folder/mine.py", "Outer.Layer", "file"),
    "no_such.py:Layer": ("no_such.py", "Layer", "nothing"),
    "package.module:Layer": ("package.module", "Layer", "module"),
    "package:Layer": ("package", "Layer", "module"),
    "package": ("package", "", "folder"),
    "handed_in:Layer": ("handed_in", "Layer", "folder"),
    "no-module:Layer": ("no-module", "Layer", "nothing"),
    "module": ("module", "", "nothing"),
    "": ("", "", "nothing"),
    "C:mine.py": ("C:mine.py", "", "nothing"),
    r"C:\a folder\mine.py:Layer": (r"C:\a folder\mine.py", "Layer", "nothing"),
    "gru.onnx": ("gru.onnx", "", "layer in a file"),
    "./gru.onnx:/encoder/GRU_1": ("./gru.onnx", "/encoder/GRU_1", "layer in a file"),
    "gru.onnx:while:0": ("gru.onnx", "while:0", "layer in a file"),
    r"C:\x\gru.onnx:/GRU": (r"C:\x\gru.onnx", "/GRU", "layer in a file"),
    "a folder/model.keras:gru_1": ("a folder/model.keras", "gru_1", "layer in a file"),
    "tf.keras.layers:LSTM": ("tf.keras.layers", "LSTM", "module"),
}

FILES = ("mine.py", "a folder/mine.py", "mine.ipynb", "package/__init__.py", "handed_in/ada.py")


@pytest.mark.parametrize("typed", READ)
def test_a_target_is_read_as_a_place_and_a_name(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    read = read_target(typed)
    assert (read.text, read.place, read.name, read.kind) == (typed, *READ[typed])


@pytest.mark.parametrize(
    ("typed", "module", "folder"),
    [
        ("a folder/mine.py:Layer", "", "a folder"),
        ("package.module:Layer", "package.module", ""),
        ("a folder/gru.onnx:/GRU", "onnxruntime", None),
    ],
)
def test_a_process_finds_what_the_code_imports(typed, module, folder, tmp_path, monkeypatch):
    """Beside the file, and in the folder where one stands; a library imports none of the user's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "mine.py").touch()
    read, source = read_target(typed), make_source(read_target(typed))
    file = "" if read.kind == "module" else str(tmp_path / read.place)
    assert (source.file, source.module, source.name) == (file, module, read.name)
    here = () if folder in (None, "") else (str(tmp_path),)
    assert source.folders == (() if folder is None else (str(tmp_path / folder), *here))


OTHER_ORDER = [  # o g f i, under other names
    (
        "i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2",
        "o, f, i = sigmoid(a[:, :H]), sigmoid(a[:, 2",
    ),
    (" * H]), sigmoid(a[:, 3 * H :])", " * H : 3 * H]), sigmoid(a[:, 3 * H :])"),
    ("g = np.tanh(a[:, 2 * H : 3 * H])", "g = np.tanh(a[:, H : 2 * H])"),
    ("[d_i, d_f, d_g, d_o]", "[d_o, d_g, d_f, d_i]"),
    ('"weight_ih_l0": (4 * H, input_size), "weight_hh_l0"', '"W": (4 * H, input_size), "U"'),
    ('"bias_ih_l0": 4 * H, "bias_hh_l0"', '"b": 4 * H, "c"'),
]


def test_a_mistake_is_no_other_order_of_the_gates(tmp_path):
    """Its numbers are nearer to ours in another order: the forget gate is 1 - i."""
    mistake = [
        (
            "i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H])",
            "i, f, o = (s := sigmoid(a[:, :H])), 1 - s",
        )
    ]
    names = OTHER_ORDER[-2:]
    target = f"{written(tmp_path, Layer('lstm', '', [*mistake, *names]).source)}:Layer"
    with compare.implementation(target, "lstm") as it:
        with pytest.raises(AssertionError):
            assert_right(it, LayerCase("lstm", **SIZES))
        assert it.layer.conventions.order == ()


def test_weights_that_do_not_belong_together_are_refused_in_one_line(tmp_path):
    right = LayerCase(**SIZES).floats.parameters
    for target in ("scratch", "torch", functions(tmp_path, "rnn")):
        with compare.implementation(target) as it:
            with pytest.raises(ValueError, match=r"^expected weights in .*, got none"):
                it.forward(np.zeros((1, 1, 5)))
            it.load(right)
            for changes, message in (
                (
                    {"weight_hh_l0": np.zeros((6, 5))},
                    r"weight_hh_l0 of shape \(6, 6\), got \(6, 5\)",
                ),
                ({"weight_ih_l0": np.zeros(6)}, "a matrix weight_ih_l0, got "),
                ({"weight": np.zeros(6)}, "parameters weight_ih_l0, .*, got .*, weight"),
            ):
                with pytest.raises(ValueError, match=f"^expected {message}") as refused:
                    it.load(right | changes)
                assert "\n" not in str(refused.value)
            assert_right(it, LayerCase(**SIZES))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine.py:Layer", "got 'mine.py:Layer': mine.py has no class Layer; it has Bare$"),
        ("mine.py", "rnn_backward in mine.py, got no rnn_forward; a class is mine.py:Bare$"),
        ("mine.py:Bare", "expected a layer from mine.py:Bare: .* no attribute .parameters"),
    ],
)
def test_what_is_no_implementation_is_refused_in_one_line(target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "class Bare:\n    def __init__(self, input_size, hidden_size): ...\n")
    with pytest.raises(UsageError, match=message) as refused:
        compare.implementation(target)
    assert "\n" not in str(refused.value)


def test_two_files_run_at_the_same_time_in_two_environments(tmp_path, monkeypatch):
    """A process lives until it is closed, also where the next one has another environment."""
    target, case = functions(tmp_path, "gru"), LayerCase("gru", **SIZES)
    with compare.implementation(target) as one:
        monkeypatch.setenv("RNN_PARITY_TEST", "another")
        with compare.implementation(target) as two:
            assert_right(one, case)
            assert_right(two, case)
        assert_right(one, case)
    with pytest.raises(CallFailed, match="its process ended"):
        one.forward(case.floats.x)


def test_an_earlier_pass_of_a_class_that_keeps_one_tape_has_its_own_gradients():
    case, other = (LayerCase(**SIZES, seed=seed).floats for seed in (0, 1))
    with compare.implementation(f"{STUDENTS / 'right' / 'as_numpy.py'}:StateOfZeros") as it:
        it.load(case.parameters)
        first = it.forward(case.x, case.h0)
        it.forward(other.x, other.h0)
        later = it.backward(first, case.d_output, case.d_h_n)
        once = it.backward(it.forward(case.x, case.h0), case.d_output, case.d_h_n)
    for name, gradient in once.parameters.items():
        np.testing.assert_array_equal(later.parameters[name], gradient)


def test_the_tapes_of_earlier_weights_are_deleted(tmp_path):
    """A training has thousands of passes, and its process a limit of memory."""
    case = LayerCase(**SIZES)
    for target in ("torch", functions(tmp_path, "rnn")):
        with compare.implementation(target) as it:
            it.load(case.floats.parameters)
            old = it.forward(case.floats.x)
            it.backward(old, case.floats.d_output)
            it.backward(old, case.floats.d_output)  # works twice on one tape
            it.load(case.floats.parameters)
            with pytest.raises(CallFailed, match="KeyError"):
                it.backward(old, case.floats.d_output)
            assert_right(it, case)


@pytest.mark.parametrize(("parameter", "words"), [("bias_hh_l0", "two biases"), ("", "one bias")])
def test_a_layer_has_as_many_biases_as_it_says(parameter, words):
    """A cell may have one, where a layer of another cell that has one lacks the second."""
    names = {name: (name,) for name in ("weight_ih_l0", "bias_ih_l0", parameter) if name}
    assert words in Conventions(names=names).describe().split(", ")
