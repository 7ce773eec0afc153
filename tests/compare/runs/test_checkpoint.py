"""A checkpoint is read as it was saved, also by PyTorch, and any other file is refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch

import scratch_rnn
from compare import build_models
from compare.parity import CELLS
from compare.parity.weights import parameters_as_arrays
from compare.runs.checkpoint import Checkpoint, CheckpointError, Model, container, load, save
from scratch_rnn.states import arrays_of
from tests.compare.runs.checkpoints import (
    checkpoint,
    everything,
    files_in,
    header_bytes,
    put_together,
    same,
    set_metadata,
    signed,
    taken_apart,
)

# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("update", [0, 3, 4, 1_000_001])
@pytest.mark.parametrize("carry_state", [True, False])
@pytest.mark.parametrize(
    "model", [{}, {"num_layers": 3, "bidirectional": True, "nonlinearity": "relu"}, {"bias": False}]
)
def test_a_checkpoint_comes_back_as_it_was(
    tmp_path: Path, dtype: str, update: int, carry_state: bool, model: dict[str, Any]
) -> None:
    before = checkpoint(update, dtype=dtype, carry_state=carry_state, **model)
    save(tmp_path / "a", before)
    after = load(tmp_path / "a")
    assert everything(after) == everything(before)
    assert (after.state is None) == (not carry_state or update % 3 == 0)
    for name, array in after.weights.items():
        array += 1  # an array of its own, that can be trained on
        assert not np.array_equal(array, before.weights[name])


def test_the_same_checkpoint_is_the_same_file_byte_for_byte(tmp_path: Path) -> None:
    turned = checkpoint()
    turned.weights["linear.weight"] = np.asfortranarray(turned.weights["linear.weight"])
    save(tmp_path / "a", checkpoint())
    save(tmp_path / "b", turned)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("num_layers", "nonlinearity"), [(1, "tanh"), (3, "relu")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pytorch_loads_the_file_as_a_state_dict(
    tmp_path: Path, num_layers: int, nonlinearity: str, dtype: str
) -> None:
    scratch, _ = build_models(3, 2, num_layers, nonlinearity, dtype=dtype)
    _, concise = build_models(3, 2, num_layers, nonlinearity, dtype=dtype, seed=1)
    written = checkpoint(num_layers=num_layers, nonlinearity=nonlinearity, dtype=dtype)
    written.weights.update(scratch.parameters)
    save(tmp_path / "a.safetensors", written)

    concise.load_state_dict(safetensors.torch.load_file(tmp_path / "a.safetensors"), strict=True)
    for name, array in parameters_as_arrays(concise).items():
        np.testing.assert_array_equal(array, scratch.parameters[name], strict=True)


def test_the_safetensors_library_reads_tensors_and_metadata(tmp_path: Path) -> None:
    written = checkpoint()
    save(tmp_path / "a", written)
    tensors = safetensors.numpy.load_file(tmp_path / "a")
    for name, array in written.weights.items():
        np.testing.assert_array_equal(tensors[name], array, strict=True)
    assert tensors.keys() == written.weights.keys()
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
def test_the_shapes_are_those_of_the_models(
    cell: str, num_layers: int, bidirectional: bool, bias: bool
) -> None:
    layer = CELLS[cell].scratch_layer
    model = scratch_rnn.RNNModel(layer(5, 4, num_layers, bias=bias, bidirectional=bidirectional), 5)
    described = Model(
        cell=cell,
        vocab_size=5,
        hidden_size=4,
        num_layers=num_layers,
        bias=bias,
        bidirectional=bidirectional,
    )
    assert described.shapes == {name: array.shape for name, array in model.parameters.items()}
    assert list(described.shapes) == list(model.parameters)
    assert described.state_shapes(6) == [a.shape for a in arrays_of(model.begin_state(6))]


def test_a_pair_of_states_comes_back_as_it_was(tmp_path: Path) -> None:
    saved = checkpoint(update=4, carry_state=True, cell="lstm")
    assert isinstance(saved.state, tuple)
    assert not np.array_equal(*saved.state)
    save(tmp_path / "pair.safetensors", saved)
    assert same(load(tmp_path / "pair.safetensors"), saved)


# ---------------------------------------------------------------- what is not saved


def spoilt(change: Callable[[Checkpoint], object]) -> Checkpoint:
    written = checkpoint()
    change(written)
    return written


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["rnn.weight_hh_l0", "state"])
def test_a_number_that_is_not_finite_is_not_saved(tmp_path: Path, where: str, value: float) -> None:
    written = checkpoint()
    array = written.state if where == "state" else written.weights[where]
    assert array is not None
    array[..., 1] = value
    with pytest.raises(ValueError, match=f"expected finite numbers in {where}, got one that"):
        save(tmp_path / "a", written)
    assert files_in(tmp_path) == []


def test_a_checkpoint_that_contradicts_itself_is_not_saved(tmp_path: Path) -> None:
    written = checkpoint()
    del written.weights["linear.bias"]
    with pytest.raises(ValueError, match="expected the tensors"):
        save(tmp_path / "a", written)
    written = checkpoint()
    written.weights["linear.bias"] = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"expected linear.bias of shape \(3,\) and float32, got"):
        save(tmp_path / "a", written)
    assert files_in(tmp_path) == []


def test_a_checkpoint_that_is_too_large_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="expected a checkpoint of at most 1,000 bytes"):
        save(tmp_path / "a", checkpoint())
    assert files_in(tmp_path) == []


# ---------------------------------------------------------------- malicious, with a right digest


def refused(tmp_path: Path, content: bytes, *messages: str) -> str:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith("expected ")
    assert f"{path}, got" in message
    assert message.isprintable()
    assert len(message) < 600
    for words in messages:
        assert words in message
    return message


def test_the_helpers_of_these_tests_make_what_is_accepted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "again"
    path.write_bytes(signed(set_metadata(content, "optimizer")))
    assert same(load(path), checkpoint())


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("model", {"hidden_size": 3}, "expected rnn.weight_ih_l0 of shape (3, 3) and float32"),
        ("model", {"hidden_size": 10**9}, "expected hidden_size in 1 …"),
        ("model", {"hidden_size": 10**8}, "expected rnn.weight_ih_l0 of shape (100000000, 3)"),
        ("model", {"hidden_size": 10**4000}, "expected hidden_size in 1 … 536,870,912"),
        ("model", {"hidden_size": 0}, "expected hidden_size in 1 …"),
        ("model", {"hidden_size": -2}, "expected hidden_size in 1 …"),
        ("model", {"hidden_size": 2.0}, "expected hidden_size of type int"),
        ("model", {"hidden_size": True}, "expected hidden_size of type int"),
        ("model", {"hidden_size": "2"}, "expected hidden_size of type int"),
        ("model", {"hidden_size": None}, "expected hidden_size of type int"),
        ("model", {"num_layers": 30_000}, "expected num_layers in 1 … 1,000"),
        ("model", {"num_layers": 999}, "expected the tensors rnn.weight_ih_l0"),
        ("model", {"vocab_size": 2**70}, "expected vocab_size in 1 …"),
        ("model", {"dtype": "float16"}, "expected dtype of float32 or float64"),
        ("model", {"dtype": "float64"}, "expected rnn.weight_ih_l0 of shape (2, 3) and float64"),
        ("model", {"nonlinearity": "relu\n"}, "expected nonlinearity of tanh or relu"),
        ("model", {"depth": 1}, "expected model with cell, vocab_size, hidden_size"),
        ("position", {"update": -1}, "expected update in 0 …"),
        ("position", {"update": 5}, "expected a position"),
        ("position", {"update": math.inf}, "expected update of type int"),
        ("position", {"epoch": 10**100}, "expected epoch in 0 …"),
        ("position", {"batch": 4, "epoch": 0}, "expected a position"),
        ("position", {"batch": 0, "update": 3}, "expected no state"),
        ("sampler", {"batches": 0}, "expected batches in 1 …"),
        ("sampler", {"batch_size": 0}, "expected batch_size in 1 …"),
        ("sampler", {"batch_size": 3}, "expected a state of 24 bytes"),
        ("sampler", {"batch_size": 10**12}, "expected batch_size in 1 …"),
        ("sampler", {"max_tokens": 2.5}, "expected max_tokens of type int"),
        ("sampler", {"seed": -1}, "expected seed in 0 …"),
        ("optimizer", {"name": "Adam"}, "expected name of SGD"),
        ("optimizer", {"lr": 0.0}, "expected lr of a number above 0"),
        ("optimizer", {"lr": -1.0}, "expected lr of a number above 0"),
        ("optimizer", {"lr": math.inf}, "expected lr of type float"),
        ("optimizer", {"carry_state": False}, "expected no state"),
        ("optimizer", {"carry_state": 1}, "expected carry_state of type bool"),
        ("text", {"sha1": 5}, "expected sha1 of type str"),
        ("text", {"name": "\x1b[31m"}, "expected name of printable characters"),
    ],
)
def test_a_section_of_the_metadata_that_is_invalid(
    tmp_path: Path, content: bytes, section: str, values: dict[str, Any], message: str
) -> None:
    refused(tmp_path, set_metadata(content, section, **values), message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "pickle", "expected format of rnn-parity checkpoint"),
        ("version", "1", "expected version 2 of the checkpoint format"),
        ("side", "both", "expected side of scratch or concise"),
        ("vocabulary", ["<unk>", "e"], "expected a vocabulary of 3 tokens"),
        ("vocabulary", ["<unk>", "e", "e"], "expected each token once"),
        ("vocabulary", ["<unk>", "e", "\x1b"], "an item of vocabulary of printable characters"),
        ("vocabulary", ["<unk>", "e", "e" * 10**6], "vocabulary of at most 1,000 characters"),
        ("vocabulary", {"<unk>": 0}, "expected vocabulary of "),
        ("vocabulary", [1, 2, 3], "expected an item of vocabulary of type str"),
        ("model", None, "expected model with"),
        ("state", None, "expected a carried state"),
        ("state", "A" * 23 + "!", "expected a state in base64"),
        ("state", "é" * 24, "expected a state in base64"),
        ("state", "=" * 24, "expected a state"),
        ("state", "//////////////////////8=", "expected a state of 16 bytes"),
        ("state", "AACAfwAAgH8AAIB/AACAfw==", "expected finite numbers in state"),
        ("state", "A" * 28, "expected a state of 16 bytes"),
        ("extra", 1, "extra too"),
        ("position", ..., "no position"),
    ],
)
def test_a_value_of_the_metadata_that_is_invalid(
    tmp_path: Path, content: bytes, name: str, value: Any, message: str
) -> None:
    header, data = taken_apart(content)
    if value is ...:
        del header["__metadata__"][name]
    else:
        header["__metadata__"][name] = value
    refused(tmp_path, put_together(header, data), message)


@pytest.mark.parametrize(
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
def test_metadata_that_are_no_json(tmp_path: Path, content: bytes, text: str, message: str) -> None:
    header, data = taken_apart(content)
    header["__metadata__"] = text % ("0" * 64)
    refused(tmp_path, put_together(header, data), message)


def tensor(header: dict[str, Any], **values: Any) -> dict[str, Any]:
    header["linear.bias"].update(values)
    return header


HEADERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another dtype": lambda h: tensor(h, dtype="I32"),
    "a dtype that is not there": lambda h: tensor(h, dtype="F13"),
    "a dtype that is a list": lambda h: tensor(h, dtype=["F32"]),
    "another shape": lambda h: tensor(h, shape=[1, 3]),
    "a huge shape": lambda h: tensor(h, shape=[2**63, 2**63]),
    "a negative shape": lambda h: tensor(h, shape=[-3]),
    "offsets of the tensor before": lambda h: tensor(h, data_offsets=[12, 24]),
    "offsets past the end": lambda h: tensor(h, data_offsets=[2**62, 2**62 + 12]),
    "offsets from behind": lambda h: tensor(h, data_offsets=[12, 0]),
    "less than is needed": lambda h: h["linear.bias"].pop("shape"),
    "a tensor that is a number": lambda h: h.update({"linear.bias": 3}),
    "a tensor too many": lambda h: h.update({"x": h["linear.bias"]}),
    "a tensor too few": lambda h: h.pop("linear.bias"),
    "another name": lambda h: h.update({"linear.Bias": h.pop("linear.bias")}),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_tensors_that_are_not_those_of_the_model(
    tmp_path: Path, content: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    header, data = taken_apart(content)
    change(header)
    refused(tmp_path, put_together(header, data))


RAW: dict[str, Callable[[bytes], bytes]] = {
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


@pytest.mark.parametrize("change", RAW.values(), ids=RAW)
def test_headers_that_cannot_be_read(
    tmp_path: Path, content: bytes, change: Callable[[bytes], bytes]
) -> None:
    header, (_, data) = header_bytes(content), taken_apart(content)
    assert change(header) != header
    refused(tmp_path, put_together(change(header), data))


def test_a_checkpoint_of_an_older_version_is_recognised(tmp_path: Path) -> None:
    old = {"sha256": "0" * 64, "format": "rnn-parity checkpoint", "version": "1"}
    content = safetensors.numpy.save({"linear.bias": np.zeros(3)}, old)
    refused(tmp_path, content, "expected a checkpoint of this version")


@pytest.mark.parametrize("length", [10**6, 2**32, 2**63, 2**64 - 1])
def test_lengths_that_cannot_be(tmp_path: Path, content: bytes, length: int) -> None:
    damaged = length.to_bytes(8, "little") + content[8:]
    refused(tmp_path, damaged, "expected a checkpoint with a header of at most", f"of {length:,}")


def test_a_digest_in_capitals_is_another_one(tmp_path: Path, content: bytes) -> None:
    digest = taken_apart(content)[0]["__metadata__"]["sha256"].encode()
    assert digest.upper() != digest
    refused(tmp_path, content.replace(digest, digest.upper()), "got a file without its SHA-256")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 98])
def test_files_that_are_too_short(tmp_path: Path, content: bytes, size: int) -> None:
    refused(tmp_path, content[:size], "expected a checkpoint")


def test_a_pickle_is_not_even_opened(tmp_path: Path) -> None:
    refused(
        tmp_path,
        b"\x80\x04\x95" + b"c__builtin__\neval\n" * 20,
        "expected a checkpoint with a header",
    )
