"""Graphs of ONNX in files: the recurrent node is found, run, and compared with what it should give.

These need ONNX Runtime: `make adapters`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from compare.check import LayerCase, expect
from compare.cli import main
from compare.implementations import CELLS, STACKED
from tests.libraries import skip_without

skip_without("onnxruntime")

import onnx  # noqa: E402 - not where it is not installed
import onnxruntime  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

ROWS = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}


def write_graph(path, layers, **attributes):
    """Write a graph of the nodes of some PyTorch layers, and return its path.

    A node has the name of its layer up to a space.
    """
    nodes, tensors = [], []
    for name, layer in layers.items():
        kind = type(layer).__name__
        arrays = dict(zip("WRB", _arrays_of(layer, ROWS[kind]), strict=True))
        tensors += [numpy_helper.from_array(a, f"{name}.{n}") for n, a in arrays.items()]
        inputs = ["X", *(f"{name}.{n}" for n in arrays)]
        options = {"hidden_size": layer.hidden_size} | attributes
        options |= {"direction": "bidirectional"} if layer.bidirectional else {}
        if kind == "GRU":
            options = {"linear_before_reset": 1} | options
        nodes.append(helper.make_node(kind, inputs, [f"{name}.Y"], **options))
        nodes[-1].name = name.partition(" ")[0]
    value = helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "model", [value], [], tensors)
    onnx.save(helper.make_model(graph), path)
    return path


def _arrays_of(layer, order):
    state = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    ends = ("", "_reverse") if layer.bidirectional else ("",)

    def reorder(name):
        gates = np.split(state[name], len(order))
        return np.concatenate([gates[k] for k in order])

    W = np.stack([reorder(f"weight_ih_l0{end}") for end in ends])
    R = np.stack([reorder(f"weight_hh_l0{end}") for end in ends])
    both = [[reorder(f"bias_{kind}_l0{end}") for kind in ("ih", "hh")] for end in ends]
    return W, R, np.stack([np.concatenate(biases) for biases in both])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ROWS)
def test_a_node_with_its_own_weights_is_equal_to_ours(kind, bidirectional, tmp_path, capsys):
    layer = getattr(torch.nn, kind)(4, 8, bidirectional=bidirectional)
    path = write_graph(tmp_path / "model.onnx", {"encoder": layer})
    torch.save(layer.state_dict(), tmp_path / "model.pt")
    count = "all 3" if kind == "LSTM" else "both"
    if not bidirectional:
        assert main(["check", str(path)]) == 0
        assert "empty batch (it may end its process)" in capsys.readouterr().out
    for more in ("", f" --weights {tmp_path}/model.pt"):
        assert main(f"parity {path} scratch{more}".split()) == 0
        output = capsys.readouterr().out
        assert f"{count} tensors agree" in output
        assert f"A  {path}, float32\n" in output  # the node is all that the graph has
        assert "V 4, H 8" in output
        assert "A does not compute gradients\n" in output


def test_an_exported_gru_with_the_reset_gate_before_the_product_is_named(tmp_path, capsys):
    """As torch.onnx.export wrote it with onnxscript before 0.7.2 (pytorch#189225)."""
    path = write_graph(tmp_path / "gru.onnx", {"gru": torch.nn.GRU(4, 8)}, linear_before_reset=0)
    assert main(f"parity {path} torch".split()) == 1
    output = capsys.readouterr().out
    assert "B agrees with the computation in float64; A does not." in output
    assert "Likely mistake of A: The reset gate acts on h before the product with W_hn" in output


def test_what_of_a_graph_is_not_run_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    odd = {"clip": 1e30, "direction": "reverse"}
    model = onnx.load(write_graph("model.onnx", {"last": torch.nn.LSTM(4, 8)}, **odd))
    model.graph.node.append(helper.make_node("Neg", ["last.Y"], ["out"]))
    onnx.save(model, "model.onnx")
    assert main(["parity", "model.onnx:last", "torch"]) == 1
    rest = "only its node last is run; it has clip 1e+30; it runs back in time"
    assert f"A  model.onnx:last ({rest}), float32" in capsys.readouterr().out.splitlines()


def test_weights_may_be_in_a_branch_or_inputs_of_the_graph(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    branches = []
    for k, name in enumerate(("one", "other")):
        torch.manual_seed(k)
        layer = torch.nn.GRU(4, 8)
        torch.save(layer.state_dict(), f"{name}.pt")
        branch = onnx.load(write_graph("branch.onnx", {"gru": layer})).graph
        branch.node[0].input[1] = "W"
        branch.node.insert(0, helper.make_node("Identity", ["gru.W"], ["W"]))
        branch.node[1].name = name
        branch.output.append(onnx.ValueInfoProto(name="gru.Y"))
        del branch.input[:]
        branches.append(branch)
    then, other = branches
    choose = helper.make_node("If", ["one"], ["Y"], then_branch=then, else_branch=other)
    inputs = [helper.make_tensor_value_info(n, k, None) for n, k in (("X", 1), ("one", 9))]
    onnx.save(helper.make_model(helper.make_graph([choose], "model", inputs, [])), "if.onnx")
    for name in ("one", "other"):
        assert main(f"parity if.onnx:{name} torch --weights {name}.pt".split()) == 0
        assert " with equal weights and inputs: " in capsys.readouterr().out
    model = onnx.load("branch.onnx")
    model.graph.input.append(helper.make_tensor_value_info("gru.W", 1, None))
    del model.graph.initializer[0]
    onnx.save(model, "inputs.onnx")
    assert main(["parity", "inputs.onnx", "torch", "--weights", "one.pt"]) == 0
    assert main(["check", "inputs.onnx"]) == 3
    model.graph.node[0].op_type = "DynamicQuantizeLSTM"
    onnx.save(model, "inputs.onnx")
    assert main(["parity", "inputs.onnx", "torch"]) == 3
    assert capsys.readouterr().err.endswith("quantised, got DynamicQuantizeLSTM\n")


OTHER_SIZES = {
    "2": (4, 8, {"num_layers": 2}, "num_layers=1", "model.onnx"),
    "True": (4, 8, {"bidirectional": True}, "bidirectional=False", "model.onnx:lstm"),
    "5": (5, 8, {}, "input_size=4", "model.onnx"),
    "9": (4, 9, {}, "hidden_size=8", "model.onnx"),
}


@pytest.mark.parametrize("got", OTHER_SIZES)
def test_weights_of_other_sizes_than_those_of_the_node_are_refused(
    got, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    V, H, options, expected, target = OTHER_SIZES[got]
    write_graph("model.onnx", {"lstm": torch.nn.LSTM(4, 8)})
    torch.save(torch.nn.LSTM(V, H, **options).state_dict(), "other.pt")
    line = f"rnn-parity: expected weights of {expected}, as {target} has, got {got}\n"
    for pair in (f"{target} torch", f"torch {target}"):
        assert main(f"parity {pair} --weights other.pt".split()) == 2
        assert capsys.readouterr() == ("", line)


NO_GRAPHS = {
    "empty.onnx": "an ONNX graph in empty.onnx, got an empty file",
    "without.onnx": "an ONNX graph in without.onnx, got a graph without nodes",
    "junk.onnx": "a file .onnx in junk.onnx, got: DecodeError: Error parsing message",
    "part.onnx": "a file .onnx in part.onnx, got: DecodeError: Error parsing message",
    "nan.onnx": "finite numbers in nan.onnx, got NaN or infinity in weight_hh_l0, 9 of 9",
}


@pytest.mark.parametrize("file", NO_GRAPHS)
def test_a_graph_that_cannot_be_read_is_refused_in_one_line_by_each_command(
    file, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    whole = write_graph("whole.onnx", {"gru": torch.nn.GRU(4, 3)})
    Path("part.onnx").write_bytes(Path(whole).read_bytes()[:300])
    torch.nn.init.constant_((infinite := torch.nn.RNN(4, 3)).weight_hh_l0, np.inf)
    write_graph("nan.onnx", {"NODE": infinite})
    Path("empty.onnx").touch()
    Path("junk.onnx").write_bytes(b"no graph")
    onnx.save(helper.make_model(helper.make_graph([], "none", [], [])), "without.onnx")
    typed = (
        "parity {} torch",
        "parity torch {}:NODE",
        "parity torch torch --weights {}",
        "bisect torch {}",
        "convert {} new.npz",
        "bench --rows {}",
        "check {}",
    )
    for command in typed:
        assert main(command.format(file).split()) == 3
        error = capsys.readouterr().err  # ends as the version of protobuf says
        assert error.startswith(f"rnn-parity: expected {NO_GRAPHS[file]}")
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("layers", "listed"),
    [
        (("/GRU", "/encoder/GRU_1"), ("/GRU", "/encoder/GRU_1")),
        ((" first", " second"), ("GRU_0", "GRU_1")),
        (("same", "same again"), ("same", "GRU_1")),
    ],
)
def test_each_command_takes_the_names_that_it_lists(layers, listed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sizes = dict(zip(layers, ((4, 3), (3, 2)), strict=True))
    write_graph("two.onnx", {name: torch.nn.GRU(*size) for name, size in sizes.items()})
    for typed in ("parity two.onnx torch", "bisect torch two.onnx:no_such"):
        assert main(typed.split()) == 2
        assert capsys.readouterr().err == (
            "rnn-parity: expected two.onnx:NAME, one of its recurrent layers: "
            f"{', '.join(listed)}\n"
        )
    for name, (V, H) in zip(listed, sizes.values(), strict=True):
        assert main(["parity", f"two.onnx:{name}", "torch"]) == 0
        assert f"V {V}, H {H}, gru" in capsys.readouterr().out
        assert main(["convert", f"./two.onnx:{name}", f"{H}.npz"]) == 0
        assert np.load(f"{H}.npz")["weight_ih_l0"].shape == (3 * H, V)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", STACKED)
def test_a_file_that_convert_writes_is_valid_and_takes_the_initial_state(
    cell, bidirectional, tmp_path
):
    cases = [LayerCase(cell, *s, V=4, H=3, bidirectional=bidirectional) for s in ((5, 2), (1, 3))]
    parameters = cases[0].floats.parameters
    np.savez(tmp_path / "layer.npz", **parameters)
    path = tmp_path / "layer.onnx"
    assert main(f"convert {tmp_path}/layer.npz {path}".split()) == 0
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path)
    for case in (case.replace_arrays(parameters=parameters) for case in cases):
        given = {"X": case.floats.x, "h_0": case.floats.h0, "c_0": case.floats.c0}
        inputs = {name: array for name, array in given.items() if array is not None}
        Y, *states = session.run(None, inputs)
        got = {"output": Y.swapaxes(1, 2).reshape(case.T, case.B, -1)}
        got |= zip(("h_n", "c_n"), states, strict=False)
        compared = [c for c in expect(case).compare(got) if c.tensor in got]
        assert len(compared) == len(CELLS[cell].states) + 1
        assert [c.describe() for c in compared if not c.ok] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_what_pytorch_exports_is_equal_to_its_source(kind, tmp_path, capsys):
    layer = getattr(torch.nn, kind)(4, 8).eval()
    path = tmp_path / "exported.onnx"
    torch.onnx.export(layer, (torch.zeros(5, 3, 4),), path, dynamo=False)
    torch.save(layer.state_dict(), tmp_path / "source.pt")
    assert main(f"parity {path} torch --weights {tmp_path}/source.pt".split()) == 0
