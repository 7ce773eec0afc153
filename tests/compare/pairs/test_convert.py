"""Weights that are converted are the same function, in the same bits, or nothing is written.

`make adapters` tries the classes and files of other libraries, too.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import compare
from compare.cli import main
from compare.files import RecordError
from compare.implementations import CELLS, STACKED, LibraryLayout, list_classes, read_layer
from compare.implementations.inside.adapters.registry import refuse_without_library
from compare.implementations.stored.forms import find_cell
from compare.pairs import conversion
from compare.pairs.cases import list_cases
from compare.parity import ParityError
from compare.terminal import UsageError
from tests.in_process import submit
from tests.libraries import has, skip_without

pytestmark = [
    pytest.mark.usefixtures("quickly", "in_this_process"),
    pytest.mark.filterwarnings("ignore"),
]

V, H = 4, 5
DOCUMENT = Path(__file__).parents[3] / "docs" / "use" / "commands.md"
ROW = re.compile(r"^\| `(\S+:\w+)` \| (.*?) \| (.*?) \| (.*?) \|", re.M)
FORMS = {name: form for name, *form in ROW.findall(DOCUMENT.read_text("utf-8"))}
"""Gates, biases and weights of each class, as the document states them."""
WITHOUT_B_HN = ["flax.nnx:GRUCell"]


@pytest.fixture
def library(request, monkeypatch):
    """Return the class of a library that is installed; PyTorch's layers are in this process."""
    name = getattr(request, "param", "keras.layers:GRU")
    skip_without(name)
    if name.startswith("torch"):
        monkeypatch.setattr("compare.implementations.targets.Submission", submit)
    return name


def draw(cell, *, b_hn=True, **options):
    """Draw the weights of a PyTorch layer."""
    torch.manual_seed(0)
    layer = CELLS[cell].torch_layer(V, H, **options)
    found = {name: tensor.numpy().copy() for name, tensor in layer.state_dict().items()}
    if not b_hn:
        found["bias_hh_l0"][2 * H :] = 0
    return found


def write(path, weights):
    save_file(weights, path)
    return path


def assert_same_bits(got, expected):
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape), name
        assert got[name].tobytes() == array.tobytes(), name


def fold(weights, name):
    """Return what is left of two biases in a class, as it is read again."""
    biases = FORMS[name][1]
    if biases == "2":
        return weights
    first, second = weights["bias_ih_l0"], weights["bias_hh_l0"]
    stays = np.arange(len(first)) >= (2 * H if biases == "1 + b_hn" else len(first))
    moved = np.where(stays, 0, second)
    return weights | {"bias_ih_l0": first + moved, "bias_hh_l0": second - moved}


# Each class of a library --------------------------------------------------------------------------


@pytest.mark.parametrize("library", list_classes(), indirect=True)
def test_weights_go_to_each_class_and_back_in_the_same_bits(library, tmp_path, capsys):
    weights = draw(find_cell(library).name, b_hn=library not in WITHOUT_B_HN)
    source, own, back = (tmp_path / name for name in ("0.safetensors", "own.npz", "1.safetensors"))
    write(source, weights)
    assert main(f"convert {source} {own} --to {library}".split()) == 0
    first, written = capsys.readouterr().out.splitlines()
    assert first.startswith(f"torch and {library} compute the same function with these weights; ")
    assert written == f"Written: {own}"
    assert main(f"convert {own} {back} --from {library}".split()) == 0
    assert_same_bits(read_layer(back), fold(weights, library))


@pytest.mark.parametrize("library", list_classes(), indirect=True)
def test_the_table_states_what_from_torch_does(library):
    """Each gate's rows are labelled, and each bias."""
    gates, biases, layout = FORMS[library]
    cell = find_cell(library)
    letters = cell.gates or ("-",)
    form = LibraryLayout(library, "float32")
    labels = np.repeat(np.arange(1, 1 + len(letters)), H)
    zeros = {name: np.zeros_like(array) for name, array in draw(cell.name).items()}

    def list_labels(name):
        arrays = zeros | {name: np.float32(labels.reshape(-1, *[1] * (zeros[name].ndim - 1)))}
        arrays = {n: np.broadcast_to(a, zeros[n].shape) for n, a in arrays.items()}
        if "bias_hh_l0" not in form.has:
            arrays.pop("bias_hh_l0")
        every = np.concatenate([array.ravel() for array in form.from_torch(arrays).values()])
        return "".join(letters[int(k) - 1] for k in dict.fromkeys(every) if k)

    assert " ".join(list_labels("weight_ih_l0")) == gates
    assert " ".join(list_labels("weight_hh_l0")) == gates
    own = form.from_torch({n: a for n, a in zeros.items() if n in form.has})
    values = sum(array.size for array in own.values()) - sum(
        zeros[n].size for n in ("weight_ih_l0", "weight_hh_l0")
    )
    G = len(letters)
    assert {(G + 1) * H: "1 + b_hn", G * H: "1", 2 * G * H: "2"}[values] == biases
    shapes = [array.shape for array in own.values() if V in array.shape]
    assert {(len(shape), shape[-1] == V) for shape in shapes} == {
        (layout.count(",") + 1, layout.endswith("in)"))
    }


# What cannot be converted -------------------------------------------------------------------------


def refuse(typed, folder, capsys):
    """Run a command that writes nothing; return its exit code and its line."""
    before = sorted(folder.iterdir())
    code = main(typed.split())
    captured = capsys.readouterr()
    assert sorted(folder.iterdir()) == before
    assert captured.err.count("\n") == 1
    return code, captured.err


@pytest.mark.parametrize("library", WITHOUT_B_HN, indirect=True)
def test_a_bias_without_a_place_is_refused(library, tmp_path, capsys):
    source = write(tmp_path / "gru.safetensors", draw("gru"))
    code, error = refuse(f"convert {source} {tmp_path}/own.npz --to {library}", tmp_path, capsys)
    assert code == 1
    assert f"expected b_hn of zero in bias_hh_l0 for {library}, which has no bias inside" in error


@pytest.mark.parametrize("library", ["torch.nn:GRU"], indirect=True)
def test_another_function_is_refused_and_named(library, tmp_path, monkeypatch, capsys):
    """A translation that has the reset gate in the place of the update gate."""

    def exchange_gates(weights, form, fit_biases=conversion.fit_biases):
        r, z, n = np.split(np.arange(3 * H), 3)
        return {name: a[[*z, *r, *n]] for name, a in fit_biases(weights, form).items()}

    monkeypatch.setattr(conversion, "fit_biases", exchange_gates)
    source = write(tmp_path / "gru.safetensors", draw("gru"))
    code, error = refuse(f"convert {source} {tmp_path}/own.npz --to {library}", tmp_path, capsys)
    assert code == 1
    assert "torch and torch.nn:GRU: all 8 tensors differ: output, h_n, " in error
    assert (
        "torch.nn:GRU is another function. The reset gate and the update gate change places"
        in error
    )


def test_the_largest_difference_is_that_of_all_cases_in_any_order(monkeypatch):
    weights, shares = draw("gru"), []
    for order in (1, -1):

        def list_all(*arguments, order=order, **fields):
            return list_cases(*arguments, **fields)[: conversion.ENOUGH][::order]

        monkeypatch.setattr(conversion, "list_cases", list_all)
        sides = (conversion.StoredWeights(target, weights) for target in ("torch", "scratch"))
        shares.append(conversion.demand_same_function(*sides))
    assert shares[0] == shares[1] > 0


def test_bits_that_are_not_read_again_are_refused(tmp_path, monkeypatch):
    def lose_a_bit(file, arrays, write_arrays=conversion.write_arrays):
        write_arrays(file, {n: np.nextafter(a, np.float32(9)) for n, a in arrays.items()})

    monkeypatch.setattr(conversion, "write_arrays", lose_a_bit)
    source = write(tmp_path / "rnn.safetensors", draw("rnn"))
    config = compare.pairs.ConvertConfig(paths=(str(source), str(tmp_path / "new.npz")))
    with pytest.raises(RecordError, match="expected to read the bits of weight_ih_l0"):
        compare.pairs.convert(config)
    assert not (tmp_path / "new.npz").exists()


REFUSED = {
    "mine.npz new.pt": "expected one recurrent layer with PyTorch's names in mine.npz, got none; "
    "--from FILE:CLASS reads the names of your own class",
    "w.npz": "expected SOURCE and DEST, got 1 paths",
    "w.npz w.npz": "expected a new file for DEST, got w.npz, which is there already",
    "w.npz new.txt": "expected DEST to end in one of .safetensors, .npz, .pt, .pth, .keras, .h5, "
    ".onnx, got new.txt",
    "w.npz new.pt --to keras.layers:GRU": "expected DEST to end in .npz or .safetensors with --to, "
    "got new.pt",
    "w.npz new.keras --to keras.layers:GRU": "expected DEST to end in .npz or .safetensors with "
    "--to, got new.keras",
    "w.npz new.npz --to keras": f"expected torch or one of {', '.join(list_classes())}, "
    "got 'keras'",
    "w.npz new.npz --to torch.nn:GRU": "expected weights of a GRU for torch.nn:GRU, got weights of "
    "an LSTM",
    "w.pt new.npz --from torch.nn:GRU": "expected --from with .npz or .safetensors, got w.pt",
    "w.npz:b new.npz": "expected a recurrent layer b in w.npz, got ''",
    "kernel.npz new.npz --from torch.nn:LSTM": "expected one recurrent layer in kernel.npz, got "
    "none",
    "half.npz new.npz": "expected the weights of a recurrent layer in half.npz: expected dtype "
    "float32 or float64, got float16",
    "min.npz new.onnx": "expected a cell that .onnx files hold, got a minGRU",
    "w.npz new.npz --nonlinearity relu": "expected no --nonlinearity for an LSTM, got relu",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_does_not_belong_together_is_refused_in_one_line(typed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    weights = draw("lstm")
    np.savez("w.npz", **weights)
    np.savez("min.npz", **draw("mingru"))
    np.savez("kernel.npz", kernel=weights["weight_ih_l0"])
    np.savez("mine.npz", **{f"own{k}": array for k, array in enumerate(weights.values())})
    np.savez("half.npz", **{name: array.astype(np.float16) for name, array in weights.items()})
    code, error = refuse(f"convert {typed}", tmp_path, capsys)
    assert code in (2, 3)
    assert error == f"rnn-parity: {REFUSED[typed]}\n"


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}])
def test_what_a_class_does_not_have_is_refused(options, library, tmp_path, capsys):
    source = write(tmp_path / "lstm.safetensors", draw("lstm", **options))
    typed = f"convert {source} {tmp_path}/own.npz --to keras.layers:LSTM"
    code, error = refuse(typed, tmp_path, capsys)
    assert code == 2
    has, got = ("num_layers=1", 2) if "num_layers" in options else ("bidirectional=False", True)
    assert f": expected weights of {has}, as keras.layers:LSTM has, got {got}\n" in error


def test_a_library_is_named_with_those_that_its_adapter_imports():
    refusal = refuse_without_library("model.onnx", "No module named 'onnxruntime'")
    assert refusal.endswith("got none: pip install onnxruntime onnx")
    assert refuse_without_library("model.onnx", "No module named 'numba'") == ""


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("parity keras.layers:LSTM torch", "keras.layers:LSTM"),
        ("parity model.keras torch", "model.keras"),
        ("convert model.keras new.pt", "model.keras"),
        ("convert w.safetensors new.npz --to keras.layers:LSTM", "keras.layers:LSTM"),
    ],
)
@pytest.mark.skipif(has("keras"), reason="expected no Keras")
def test_a_library_that_is_not_installed_is_named_with_its_command(
    typed, target, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write("w.safetensors", draw("lstm"))
    (tmp_path / "model.keras").touch()
    code, error = refuse(typed, tmp_path, capsys)
    assert code == 2
    assert error == f"rnn-parity: expected keras for {target}, got none: pip install keras\n"


# Python, and files of arrays ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "dtype"), [(("pt", "npz"), "float32"), (("safetensors", "npz"), "float64")]
)
def test_files_of_arrays_keep_all_bits(ends, dtype, tmp_path):
    options = {"num_layers": 2, "bidirectional": True, "dtype": getattr(torch, dtype)}
    weights = draw("lstm", **options)
    first, second = (tmp_path / f"{k}.{end}" for k, end in enumerate(ends))
    source = write(
        tmp_path / "source.safetensors", {f"model.rnn.{name}": a for name, a in weights.items()}
    )
    assert main(f"convert {source} {first}".split()) == 0
    assert main(f"convert {first} {second}".split()) == 0
    assert_same_bits(compare.convert_weights(second), weights)


def test_a_layer_of_a_library_is_found_among_others(library):
    weights = draw("gru")
    own = compare.convert_weights(weights, library)
    whole = {f"encoder.gru.{name}": array for name, array in own.items()}
    whole |= {"dense.kernel": np.zeros((H, 2), np.float32), "dense.bias": np.zeros(2, np.float32)}
    assert_same_bits(compare.convert_weights(whole, from_=library), weights)
    with pytest.raises(UsageError, match="expected weights of a GRU for keras"):
        compare.convert_weights(draw("rnn"), library)


def test_weights_are_copied_and_never_shared():
    weights = draw("gru")
    before = {name: array.copy() for name, array in weights.items()}
    for array in compare.convert_weights(weights).values():
        array += 1
    assert_same_bits(weights, before)


def test_two_functions_are_a_parity_error_in_python(library):
    with pytest.raises(ParityError, match="expected b_hn of zero in bias_hh_l0 for"):
        compare.convert_weights(draw("gru"), "flax.nnx:GRUCell")


# Files of libraries: `make adapters` --------------------------------------------------------------


@pytest.mark.parametrize("cell", STACKED)
def test_weights_go_through_the_files_of_all_libraries_in_the_same_bits(cell, tmp_path):
    skip_without("keras")
    skip_without("onnxruntime")
    weights = draw(cell)
    if cell != "gru":  # Keras's GRU alone has two biases
        weights = fold(weights, "keras.layers:LSTM")
    path = write(tmp_path / "0.safetensors", weights)
    ends = ("keras", "onnx", "h5", "safetensors", "onnx", "npz", "keras", "pt")
    for k, end in enumerate(ends):
        assert main(f"convert {path} {tmp_path}/{k + 1}.{end}".split()) == 0
        path = tmp_path / f"{k + 1}.{end}"
        assert_same_bits(read_layer(path), weights)


def test_relu_stays_in_a_librarys_file(tmp_path, capsys):
    skip_without("keras")
    source, model = write(tmp_path / "rnn.safetensors", draw("rnn")), tmp_path / "model.keras"
    assert main(f"convert {source} {model} --nonlinearity relu".split()) == 0
    code, error = refuse(f"convert {model} {tmp_path}/new.pt", tmp_path, capsys)
    assert code == 1
    assert "ReLU is used instead of tanh" in error
    assert main(f"convert {model} {tmp_path}/new.pt --nonlinearity relu".split()) == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
@pytest.mark.parametrize("end", [".pt", ".npz", ".safetensors"])
def test_a_file_that_becomes_too_large_gets_one_line(end, tmp_path, refused):
    import resource

    np.savez(tmp_path / "layer.npz", **draw("lstm"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        line = refused(f"convert {tmp_path / 'layer.npz'} {tmp_path / 'new'}{end}", 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line.endswith(f"weights{end}, got: File too large")
    assert [path.name for path in tmp_path.iterdir()] == ["layer.npz"]
