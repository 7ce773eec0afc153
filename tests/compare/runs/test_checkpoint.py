"""A checkpoint is read as it was saved, also by PyTorch, and any other file is refused."""

import io
import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

import scratch_rnn
from compare import build_models
from compare.implementations import CELLS
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


CONTRADICTIONS = {  # changes of a checkpoint, and a pattern in the message
    "a weight is NaN": (
        lambda c: c.weights["rnn.weight_hh_l0"].put(1, np.nan),
        "expected finite numbers in rnn.weight_hh_l0, got one that",
    ),
    "a state is infinite": (
        lambda c: c.state.put(1, -np.inf),
        "expected finite numbers in state, got one that",
    ),
    "a weight is missing": (lambda c: c.weights.pop("linear.bias"), "expected the tensors"),
    "a weight has another shape": (
        lambda c: c.weights.update({"linear.bias": np.zeros(4, np.float32)}),
        "expected linear.bias of shape \\(3,\\) and float32, got",
    ),
}


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_checkpoint_that_contradicts_itself_is_not_saved(tmp_path, change, message):
    written = checkpoint()
    change(written)
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


@pytest.mark.parametrize(  # `...`: what is at this place is removed
    ("place", "value", "message"),
    [
        ("model.hidden_size", 3, "expected rnn.weight_ih_l0 of shape (3, 3) and float32"),
        ("model.hidden_size", 10**8, "expected rnn.weight_ih_l0 of shape (100000000, 3)"),
        ("model.hidden_size", 10**4000, "expected hidden_size in 1 … 536,870,912"),
        ("model.hidden_size", 0, "expected hidden_size in 1 …"),
        ("model.hidden_size", 2.0, "expected hidden_size of type int"),
        ("model.hidden_size", True, "expected hidden_size of type int"),
        ("model.hidden_size", "2", "expected hidden_size of type int"),
        ("model.num_layers", 30_000, "expected num_layers in 1 … 1,000"),
        ("model.num_layers", 999, "expected the tensors rnn.weight_ih_l0"),
        ("model.vocab_size", 2**70, "expected vocab_size in 1 …"),
        ("model.dtype", "float16", "expected dtype of float32 or float64"),
        ("model.dtype", "float64", "expected rnn.weight_ih_l0 of shape (2, 3) and float64"),
        ("model.nonlinearity", "relu\n", "expected nonlinearity of tanh or relu"),
        ("model.depth", 1, "expected model with cell, vocab_size, hidden_size"),
        ("model", None, "expected model with"),
        ("position.update", -1, "expected update in 0 …"),
        ("position.update", 5, "expected a position"),
        ("position.update", float("inf"), "expected update of type int"),
        ("position.epoch", 10**100, "expected epoch in 0 …"),
        ("position", {"epoch": 0, "batch": 4, "update": 4}, "expected a position"),
        ("position", {"epoch": 1, "batch": 0, "update": 3}, "expected no state"),
        ("position", ..., "no position"),
        ("sampler.batches", 0, "expected batches in 1 …"),
        ("sampler.batch_size", 0, "expected batch_size in 1 …"),
        ("sampler.batch_size", 3, "expected a state of 24 bytes"),
        ("sampler.batch_size", 10**12, "expected batch_size in 1 …"),
        ("sampler.max_tokens", 2.5, "expected max_tokens of type int"),
        ("sampler.seed", -1, "expected seed in 0 …"),
        ("optimizer.name", "AdamW", "expected optimizer of sgd or adam"),
        ("optimizer.name", "Adam", "expected the optimizer's arrays exp_avg.rnn.weight_ih_l0"),
        ("optimizer.lr", None, "expected lr of type float"),
        ("optimizer.optimizer", "SGD", "got name too"),
        ("optimizer.lr", ..., "got no lr"),
        ("optimizer.max_norm", ..., "got no max_norm"),
        ("optimizer.lr", 0.0, "expected lr of a number above 0"),
        ("optimizer.lr", 1e300, "expected lr of a number above 0"),
        ("optimizer.lr", float("inf"), "expected lr of type float"),
        ("optimizer.max_norm", 1e300, "expected max_norm of a number above 0"),
        ("optimizer.carry_state", False, "expected no state"),
        ("optimizer.carry_state", 1, "expected carry_state of type bool"),
        ("text.sha1", 5, "expected sha1 of type str"),
        ("text.name", "\x1b[31m", "expected name of printable characters"),
        ("format", "pickle", "expected format of rnn-parity checkpoint"),
        ("version", "1", f"expected version {VERSIONS} of the checkpoint format"),
        ("side", "both", "expected side of scratch or concise"),
        ("vocabulary", ["<unk>", "e"], "expected a vocabulary of 3 tokens"),
        ("vocabulary", ["<unk>", "e", "e"], "expected each token once"),
        ("vocabulary", ["<unk>", "e", "\x1b"], "an item of vocabulary of printable characters"),
        ("vocabulary", ["<unk>", "e", "e" * 10**6], "vocabulary of at most 1,000 characters"),
        ("vocabulary", {"<unk>": 0}, "expected vocabulary of "),
        ("vocabulary", [1, 2, 3], "expected an item of vocabulary of type str"),
        ("state", None, "expected a carried state"),
        ("state", "A" * 23 + "!", "expected a state in base64"),
        ("state", "é" * 24, "expected a state in base64"),
        ("state", "//////////////////////8=", "expected a state of 16 bytes"),
        ("state", "AACAfwAAgH8AAIB/AACAfw==", "expected finite numbers in state"),
        ("memory", {"momentum_buffer.x": ""}, "optimizer's arrays , …"),
        ("extra", 1, "extra too"),
    ],
)
def test_metadata_that_are_invalid(tmp_path, content, place, value, message):
    refused(tmp_path, changed_metadata(content, place, value), message)


@pytest.mark.parametrize(  # %s: the digest
    ("text", "message"),
    [
        ('{"sha256": "%s", "a": NaN}', "expected finite numbers"),
        ('{"sha256": "%s", "a": 1, "a": 1}', "expected each key once"),
        ('{"sha256": "%s", "a": ' + "[" * 9000, "expected JSON"),
        ('{"sha256": "%s", "a": ' + "3" * 5000 + "}", "expected JSON"),
        ('{"sha256": "%s", "a": 3', "expected JSON"),
        ('{"sha256": "%s"}', "expected a checkpoint with side, model"),
    ],
)
def test_metadata_that_are_no_json(tmp_path, content, text, message):
    header, data = taken_apart(content)
    header["__metadata__"] = text % ("0" * 64)
    refused(tmp_path, put_together(header, data), message)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dtype", "I32", "expected dtype of F32 or F64"),
        ("dtype", "F13", "expected dtype of F32 or F64"),
        ("dtype", ["F32"], "expected dtype of F32 or F64"),
        ("shape", [1, 3], "expected linear.bias of shape (3,) and float32"),
        ("shape", [2**63, 2**63], "expected an item of shape in 0"),
        ("shape", [-3], "expected an item of shape in 0"),
        ("data_offsets", [12, 24], "expected a safetensors file"),  # of the tensor before
        ("data_offsets", [2**62, 2**62 + 12], "expected an item of data_offsets in 0"),
        ("data_offsets", [12, 0], "expected a safetensors file"),
    ],
)
def test_a_tensor_with_an_invalid_field(tmp_path, content, field, value, message):
    header, data = taken_apart(content)
    header["linear.bias"][field] = value
    refused(tmp_path, put_together(header, data), message)


OTHER_NAMES = "expected the tensors rnn.weight_ih_l0"
OTHER_FIELDS = "expected a tensor with dtype, shape, data_offsets"
TENSORS = {  # changes of the header, and how the message begins
    "less than is needed": (lambda h: h["linear.bias"].pop("shape"), OTHER_FIELDS),
    "a tensor that is a number": (lambda h: h.update({"linear.bias": 3}), OTHER_FIELDS),
    "a tensor too many": (lambda h: h.update({"x": h["linear.bias"]}), OTHER_NAMES),
    "a tensor too few": (lambda h: h.pop("linear.bias"), OTHER_NAMES),
    "another name": (lambda h: h.update({"linear.Bias": h.pop("linear.bias")}), OTHER_NAMES),
}


@pytest.mark.parametrize(("change", "message"), TENSORS.values(), ids=TENSORS)
def test_headers_with_invalid_tensors(tmp_path, content, change, message):
    header, data = taken_apart(content)
    change(header)
    refused(tmp_path, put_together(header, data), message)


HEADERS = {  # changes of the header, as bytes
    "a tensor twice": lambda h: h.replace(b',"linear.bias"', b',"linear.bias":{},"linear.bias"'),
    "metadata twice": lambda h: h.rstrip()[:-1] + b',"__metadata__":{}}',
    "no JSON": lambda h: h.replace(b'"F32"', b"F32"),
    "cut off JSON": lambda h: h[:-20],
    "not UTF-8": lambda h: h.replace(b"rnn.weight_hh", b"rnn.weight\xff\xff\xff"),
    "very deep": lambda h: h.rstrip()[:-1] + b',"x":' + b"[" * 9_000,
    "infinite": lambda h: h.replace(b"[3]", b"[-Infinity]"),
    "a number of 5,000 digits": lambda h: h.replace(b"[3]", b"[" + b"3" * 5000 + b"]"),
    "a list": lambda h: b"[" + h.rstrip() + b"]",
    "metadata that are no text": lambda h: h.replace(b'},"linear.bias"', b',"a":1},"linear.bias"'),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_headers_that_are_invalid(tmp_path, content, change):
    header = change(header_bytes(content))
    assert header != header_bytes(content)
    refused(tmp_path, put_together(header, taken_apart(content)[1]))


def test_numbers_that_are_not_finite(tmp_path, content):
    header, data = taken_apart(content)
    with_nan = put_together(header, data[:-4] + np.float32(np.nan).tobytes())
    refused(tmp_path, with_nan, "expected finite numbers in rnn.weight_ih_l0")


def of_another_version(content):
    metadata = {"sha256": "0" * 64, "format": "rnn-parity checkpoint", "version": "1"}
    return safetensors.numpy.save({"linear.bias": np.zeros(3)}, metadata)


def digest_in_capitals(content):
    return DIGITS.sub(lambda match: match[0][:-64] + match[1].upper(), content)


def saved_by_torch():
    file = io.BytesIO()
    torch.save({"weight_ih_l0": torch.zeros(3)}, file)
    return file.getvalue()


def with_axes(content):
    """The shape of a tensor has 100,000 more axes of length 1."""
    header, data = taken_apart(content)
    header["linear.bias"]["shape"] += [1] * 100_000
    return put_together(header, data)


HEADER = "expected a checkpoint with a header of at most"
NO_CHECKPOINTS = {  # changes of the file, and a part of the message
    "an older version": (of_another_version, "expected a checkpoint of this version"),
    "a digest in capitals": (digest_in_capitals, "got a file without its SHA-256"),
    "weights of another program": (
        lambda _: safetensors.numpy.save({"weight_ih_l0": np.zeros(3)}, {"format": "pt"}),
        "expected a checkpoint of rnn-parity run or train in ",
        "got another program's file, which has no vocabulary beside its weights; `rnn-parity train",
    ),
    "torch.save": (lambda _: saved_by_torch(), "got a file of torch.save or numpy.savez, which"),
    "a shape of 100,000 axes": (with_axes, "expected linear.bias of shape "),
    "a pickle": (lambda c: b"\x80\x04\x95" + b"c__builtin__\neval\n" * 20, HEADER),
    "no bytes": (lambda c: c[:0], HEADER),
    "7 bytes": (lambda c: c[:7], HEADER),
    "8 bytes": (lambda c: c[:8], HEADER),
    "98 bytes": (lambda c: c[:98], HEADER),
    "a header of a megabyte": (lambda c: (10**6).to_bytes(8, "little") + c[8:], HEADER),
    "a header of 2**64 - 1": (lambda c: b"\xff" * 8 + c[8:], f"{HEADER} 16,777,216 bytes"),
}


@pytest.mark.parametrize("kind", NO_CHECKPOINTS)
def test_files_that_are_no_checkpoint(tmp_path, content, kind):
    change, *messages = NO_CHECKPOINTS[kind]
    damaged = change(content)
    assert damaged != content
    for message in messages:
        refused(tmp_path, damaged, message)
