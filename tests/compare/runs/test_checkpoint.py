"""A checkpoint is read as it was saved, also by PyTorch; others are refused; two are kept."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch

from compare import build_models
from compare.parity import parameters_as_arrays
from compare.runs import CheckpointError
from compare.runs.checkpoint import Store, container, load, save
from tests.compare.runs.checkpoints import checkpoint, files_in, same
from tests.counts import number


@pytest.mark.parametrize(
    ("dtype", "update", "carry_state", "model"),
    [
        ("float32", 0, True, {}),
        ("float64", 3, True, {"cell": "lstm"}),
        ("float32", 4, True, {"cell": "lstm"}),
        ("float64", 4, False, {"bias": False}),
        (
            "float64",
            1_000_001,
            True,
            {"num_layers": 3, "bidirectional": True, "nonlinearity": "relu"},
        ),
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


@pytest.mark.parametrize(
    ("num_layers", "nonlinearity", "dtype"), [(1, "tanh", "float32"), (3, "relu", "float64")]
)
def test_pytorch_loads_the_file_as_a_state_dict(tmp_path, num_layers, nonlinearity, dtype):
    scratch, _ = build_models(3, 2, num_layers, nonlinearity, dtype=dtype)
    _, concise = build_models(3, 2, num_layers, nonlinearity, dtype=dtype, seed=1)
    written = checkpoint(num_layers=num_layers, nonlinearity=nonlinearity, dtype=dtype)
    written.weights.update(scratch.parameters)
    save(tmp_path / "a.safetensors", written)

    tensors = safetensors.torch.load_file(tmp_path / "a.safetensors")
    missing, others = concise.load_state_dict(tensors, strict=False)
    assert (missing, others) == ([], ["state.0"])
    for name, array in parameters_as_arrays(concise).items():
        np.testing.assert_array_equal(array, scratch.parameters[name], strict=True)


def test_the_safetensors_library_reads_the_metadata(tmp_path):
    save(tmp_path / "a", checkpoint())
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        metadata = json.loads(file.metadata()["rnn-parity"][64:])
    assert metadata["version"] == 3
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
    "a later version": (
        lambda c: change(c, lambda _, v: v.update({"version": 99, "later": 1})),
        "expected version 2 or 3 of the checkpoint format in ",
    ),
    "a missing field": (
        lambda c: change(c, lambda _, v: v.pop("position")),
        "expected position of a checkpoint: Field required in ",
    ),
    "an unknown cell": (
        lambda c: change(c, lambda _, v: v["model"].update({"cell": "x"})),
        "expected model.cell of a checkpoint: 'rnn', ",
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


def stored(directory, *updates, sides=("scratch",)):
    store = Store(directory, num_sides=len(sides))
    for update in updates:
        store.save([checkpoint(update, side=side, seed=update) for side in sides])
    return store


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path):
    store = stored(tmp_path, 5, 9)
    (tmp_path / "0000009-scratch.safetensors").write_bytes(b"")
    newest, damaged = store.newest()
    assert newest["scratch"].position.update == 5
    [error] = damaged
    where = tmp_path / "0000009-scratch.safetensors"
    assert str(error).startswith(f"expected a safetensors file in {where}, got ")
    store.save([checkpoint(7)])
    assert files_in(tmp_path) == ["0000005-scratch.safetensors", "0000007-scratch.safetensors"]


def test_with_two_models_a_checkpoint_is_complete_with_both_files(tmp_path):
    sides = ("scratch", "concise")
    store = stored(tmp_path, 5, 9, sides=sides)
    (tmp_path / "0000009-concise.safetensors").unlink()
    newest, damaged = store.newest()
    assert {side: c.position.update for side, c in newest.items()} == {"scratch": 5, "concise": 5}
    assert damaged == []
    stored(tmp_path, 11, sides=sides)
    assert {name[:7] for name in files_in(tmp_path)} == {"0000005", "0000011"}
    assert len(files_in(tmp_path)) == 4


def test_either_model_continues_a_run_of_one(tmp_path):
    stored(tmp_path, 5)
    assert list(stored(tmp_path, 9, sides=("concise",)).newest()[0]) == ["concise"]
    assert len(files_in(tmp_path)) == 2


def test_other_files_are_no_checkpoints(tmp_path):
    store = stored(tmp_path, 5)
    for name in ("9-scratch.safetensors", "0000009-scratch.safetensors.unfinished", "notes.txt"):
        (tmp_path / name).write_text("?")
    assert store.newest()[0]["scratch"].position.update == 5
