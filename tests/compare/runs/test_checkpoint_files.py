"""Paths that are no checkpoint, and the newest two that are kept."""

from compare.runs.checkpoint import Store
from tests.compare.runs.checkpoints import checkpoint, files_in, same


def stored(directory, *updates, sides=("scratch",)):
    store = Store(directory, num_sides=len(sides))
    for update in updates:
        store.save([checkpoint(update, side=side, seed=update) for side in sides])
    return store


def test_the_newest_two_are_kept(tmp_path):
    store = stored(tmp_path / "checkpoints", 0, 2, 5, 9)
    names = ["0000005-scratch.safetensors", "0000009-scratch.safetensors"]
    assert files_in(store.directory) == names
    newest, damaged = store.newest()
    assert list(newest) == ["scratch"]
    assert same(newest["scratch"], checkpoint(9, seed=9))
    assert damaged == []


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
