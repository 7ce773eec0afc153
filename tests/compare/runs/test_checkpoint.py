"""A checkpoint is read as it was saved, also by PyTorch, and any other file is refused."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch

import scratch_rnn
from compare import build_models
from compare.parity import CELLS
from compare.parity.weights import parameters_as_arrays
from compare.runs.checkpoint import CheckpointError, Model, container, load, save
from scratch_rnn.layers.states import arrays_of
from tests.compare.runs.checkpoints import (
    DIGITS,
    VERSIONS,
    changed_metadata,
    checkpoint,
    files_in,
    header_bytes,
    put_together,
    same,
    taken_apart,
)
from tests.tables import cases

CASES = cases("checkpoint")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("update", [0, 3, 4, 1_000_001])
@pytest.mark.parametrize("carry_state", [True, False])
@pytest.mark.parametrize(
    "model",
    [
        {},
        {"num_layers": 3, "bidirectional": True, "nonlinearity": "relu"},
        {"bias": False},
        {"cell": "lstm"},
    ],
)
def test_a_checkpoint_comes_back_as_it_was(tmp_path, dtype, update, carry_state, model):
    before = checkpoint(update, dtype=dtype, carry_state=carry_state, **model)
    save(tmp_path / "a", before)
    after = load(tmp_path / "a")
    assert same(after, before)
    assert (after.state is None) == (not carry_state or update % 3 == 0)
    for name, array in after.weights.items():
        array += 1  # an array of its own, that can be trained on
        assert not np.array_equal(array, before.weights[name])


def test_the_same_checkpoint_is_the_same_file_byte_for_byte(tmp_path, content):
    turned = checkpoint()
    turned.weights["linear.weight"] = np.asfortranarray(turned.weights["linear.weight"])
    save(tmp_path / "a", turned)
    assert (tmp_path / "a").read_bytes() == content


@pytest.mark.parametrize(("num_layers", "nonlinearity"), [(1, "tanh"), (3, "relu")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pytorch_loads_the_file_as_a_state_dict(tmp_path, num_layers, nonlinearity, dtype):
    scratch, _ = build_models(3, 2, num_layers, nonlinearity, dtype=dtype)
    _, concise = build_models(3, 2, num_layers, nonlinearity, dtype=dtype, seed=1)
    written = checkpoint(num_layers=num_layers, nonlinearity=nonlinearity, dtype=dtype)
    written.weights.update(scratch.parameters)
    save(tmp_path / "a.safetensors", written)

    concise.load_state_dict(safetensors.torch.load_file(tmp_path / "a.safetensors"), strict=True)
    for name, array in parameters_as_arrays(concise).items():
        np.testing.assert_array_equal(array, scratch.parameters[name], strict=True)


def test_the_safetensors_library_reads_the_metadata(tmp_path):
    save(tmp_path / "a", checkpoint())
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        metadata = json.loads(file.metadata()["rnn-parity"])
    assert metadata["format"] == "rnn-parity checkpoint"
    assert metadata["vocabulary"] == ["<unk>", "e", "é"]
    assert metadata["position"] == {"epoch": 1, "batch": 1, "update": 4}
    assert metadata["optimizer"]["max_norm"] == "inf"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_the_shapes_are_those_of_the_models(cell, num_layers, bidirectional, bias):
    options = {"num_layers": num_layers, "bias": bias, "bidirectional": bidirectional}
    model = scratch_rnn.RNNModel(CELLS[cell].scratch_layer(5, 4, **options), 5)
    described = Model(cell=cell, vocab_size=5, hidden_size=4, **options)
    assert described.shapes == {name: array.shape for name, array in model.parameters.items()}
    assert list(described.shapes) == list(model.parameters)
    assert described.state_shapes(6) == [a.shape for a in arrays_of(model.begin_state(6))]


@pytest.mark.parametrize(("code", "message"), CASES["unsaved"].values(), ids=CASES["unsaved"])
def test_a_checkpoint_that_contradicts_itself_is_not_saved(tmp_path, code, message):
    written = checkpoint()
    eval(code, {"c": written, "np": np})
    with pytest.raises(ValueError, match=message):
        save(tmp_path / "a", written)
    assert files_in(tmp_path) == []


def test_a_checkpoint_that_is_too_large_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="expected a checkpoint of at most 1,000 bytes"):
        save(tmp_path / "a", checkpoint())
    assert files_in(tmp_path) == []


def refused(tmp_path, content, message=""):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load(path)
    line = str(caught.value)
    assert line.startswith("expected ")
    assert f"{path}, got" in line
    assert line.isprintable()
    assert len(line) < 600
    assert message in line


def test_the_helpers_of_these_tests_make_what_is_accepted(tmp_path, content):
    path = tmp_path / "again"
    path.write_bytes(changed_metadata(content, "optimizer.lr", 0.1))
    assert same(load(path), checkpoint())


@pytest.mark.parametrize(("place", "value", "message"), CASES["metadata"])
def test_metadata_that_are_invalid(tmp_path, content, place, value, message):
    changed = changed_metadata(content, place, eval(value))
    refused(tmp_path, changed, message.replace("VERSIONS", VERSIONS))


@pytest.mark.parametrize(("text", "message"), CASES["no_json"])
def test_metadata_that_are_no_json(tmp_path, content, text, message):
    header, data = taken_apart(content)
    header["__metadata__"] = eval(text) % ("0" * 64)
    refused(tmp_path, put_together(header, data), message)


@pytest.mark.parametrize(("code", "message"), CASES["tensors"].values(), ids=CASES["tensors"])
def test_headers_with_invalid_tensors(tmp_path, content, code, message):
    header, data = taken_apart(content)
    eval(code, {"h": header})
    refused(tmp_path, put_together(header, data), message)


@pytest.mark.parametrize("code", CASES["headers"].values(), ids=CASES["headers"])
def test_headers_that_are_invalid(tmp_path, content, code):
    header = eval(code, {"h": header_bytes(content)})
    assert header != header_bytes(content)
    refused(tmp_path, put_together(header, taken_apart(content)[1]))


def test_numbers_that_are_not_finite(tmp_path, content):
    header, data = taken_apart(content)
    with_nan = put_together(header, data[:-4] + np.float32(np.nan).tobytes())
    refused(tmp_path, with_nan, "expected finite numbers in rnn.weight_ih_l0")


@pytest.mark.parametrize(("code", "message"), CASES["files"].values(), ids=CASES["files"])
def test_files_that_are_no_checkpoint(tmp_path, content, code, message):
    save_file = safetensors.numpy.save
    damaged = eval(code, {"c": content, "np": np, "save": save_file, "DIGITS": DIGITS})
    assert damaged != content
    refused(tmp_path, damaged, message)
