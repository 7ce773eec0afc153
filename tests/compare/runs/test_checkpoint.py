"""A checkpoint is read by PyTorch, too; others are refused; two are kept."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch

from compare import build_models
from compare.parity import read_parameters
from compare.runs import CheckpointError
from compare.runs.checkpoint import VERSION, Store, container, load, save
from tests.compare.runs.checkpoints import checkpoint, files_in
from tests.counts import number


def test_pytorch_loads_the_file_as_a_state_dict(tmp_path):
    options = {"num_layers": 3, "nonlinearity": "relu", "dtype": "float64"}
    scratch, _ = build_models(3, 2, **options)
    _, concise = build_models(3, 2, **options, seed=1)
    written = checkpoint(**options)
    written.weights.update(scratch.parameters)
    save(tmp_path / "a.safetensors", written)

    tensors = safetensors.torch.load_file(tmp_path / "a.safetensors")
    missing, others = concise.load_state_dict(tensors, strict=False)
    assert (missing, others) == ([], ["state.0"])
    for name, array in read_parameters(concise).items():
        np.testing.assert_array_equal(array, scratch.parameters[name], strict=True)


def test_the_safetensors_library_reads_the_metadata(tmp_path):
    save(tmp_path / "a", checkpoint())
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        metadata = json.loads(file.metadata()["rnn-parity"][64:])
    assert metadata["version"] == VERSION
    assert metadata["vocabulary"] == ["<unk>", "e", "é"]
    assert metadata["position"] == {"epoch": 1, "batch": 1, "update": 4}
    assert metadata["optimizer"]["max_norm"] == "inf"


def change(content, change):
    """Return the file with other tensors and values, and the digest that belongs to them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(content)
        tensors, values = container.read(path)
        change(tensors, values)
        container.write(path, tensors, values)
        return path.read_bytes()


OF_SAFETENSORS = "expected a safetensors file in "
INVALID = {  # changes of the file, and a part of the message
    "a pickle": (lambda c: b"\x80\x04\x95" + b"c__builtin__\neval\n" * 20, OF_SAFETENSORS),
    "torch.save": (
        lambda _: b"PK\3\4" + b"?" * 99,
        "got a file of torch.save or numpy.savez, which",
    ),
    "another program's": (
        lambda _: safetensors.numpy.save({"weight_ih_l0": np.zeros(3)}, {"format": "pt"}),
        "got another program's file, which has no vocabulary beside its weights; `rnn-parity train",
    ),
    "a newer version": (
        lambda c: change(c, lambda _, v: v.update({"version": 99, "later": 1})),
        ", got a newer one",
    ),
    "an older version": (
        lambda c: change(c, lambda _, v: v.update({"version": 3})),
        ", got an older one",
    ),
    "version 0.1.0": (
        lambda _: safetensors.numpy.save({"a": np.zeros(3)}, {"rnn-parity": '{"version": "2"}'}),
        ", got an older one",
    ),
    "a setting of a later version": (
        lambda c: change(c, lambda _, v: v.update({"clip": "value"})),
        ", got clip: a newer version of the program may have written it",
    ),
    "a negative learning rate": (
        lambda c: change(c, lambda _, v: v["optimizer"].update({"lr": -1})),
        "expected optimizer.lr of a checkpoint of a number above 0 and at most 1e+30 in ",
    ),
}


@pytest.mark.parametrize("kind", INVALID)
def test_a_file_that_is_no_checkpoint_of_ours_gets_one_line(tmp_path, content, kind):
    damage, message = INVALID[kind]
    path = tmp_path / "damaged"
    path.write_bytes(damage(content))
    with pytest.raises(CheckpointError) as caught:
        load(path)
    line = str(caught.value)
    assert message in line
    assert line.startswith("expected ")
    assert str(path) in line
    assert ", got " in line
    assert line.isprintable()


def test_every_single_bit_of_the_file_counts(content, tmp_path):
    path = tmp_path / "damaged.safetensors"
    step = number(41, 1)  # coprime to 8, so that each of a byte's bits has its turn
    for place in range(0, 8 * len(content), step):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(path)


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path):
    store = Store(tmp_path, num_sides=1)
    for update in (5, 9):
        store.save([checkpoint(update)])
    (tmp_path / "0000009-scratch.safetensors").write_bytes(b"")
    newest, damaged = store.newest()
    assert newest["scratch"].position.update == 5
    [error] = damaged
    where = tmp_path / "0000009-scratch.safetensors"
    assert str(error).startswith(f"expected a safetensors file in {where}, got ")
    store.save([checkpoint(7)])
    assert files_in(tmp_path) == ["0000005-scratch.safetensors", "0000007-scratch.safetensors"]
