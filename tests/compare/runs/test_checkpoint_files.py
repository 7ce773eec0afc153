"""Paths that are no checkpoint, files that are too large, and the newest two that are kept."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from compare.runs.checkpoint import Checkpoint, CheckpointError, Store, container, load, save
from tests.compare.runs.checkpoints import (
    checkpoint,
    files_in,
    header_bytes,
    limited_memory,
    put_together,
    same,
    taken_apart,
)


def test_a_path_without_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "a\nb", Path("a\0b"), tmp_path / ("x" * 5000)):
        with pytest.raises(CheckpointError, match="expected a checkpoint in ") as caught:
            load(path)
        assert str(caught.value).isprintable()


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="got something that is no file"):
        load(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes with a name")
def test_a_pipe_does_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    answer: list[BaseException] = []

    def ask() -> None:
        try:
            load(tmp_path / "pipe")
        except CheckpointError as error:
            answer.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(800)
    assert [str(error) for error in answer] == [
        f"expected a checkpoint in {tmp_path / 'pipe'}, got something that is no file"
    ]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="expected a /dev/zero, got none")
def test_a_device_is_refused() -> None:
    with pytest.raises(CheckpointError, match="got something that is no file"):
        load(Path("/dev/zero"))


def sparse(path: Path, content: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.truncate(size)


def enormous(content: bytes, kind: str) -> tuple[bytes, int]:
    """The beginning of a file, and the size that it claims to have; signed where it is whole."""
    header, most = header_bytes(content).rstrip()[:-1], container.MOST_HEADER_BYTES

    def filled(start: bytes, pattern: bytes, end: bytes) -> tuple[bytes, int]:
        count = (most - len(header) - 100) // len(pattern)
        whole = put_together(header + b',"x":' + start + pattern * count + end + b"}", b"")
        return whole, len(whole)

    match kind:
        case "a terabyte":
            return content, 2**40
        case "the largest size":
            return content, container.MOST_BYTES
        case "a header of the largest size":
            return most.to_bytes(8, "little") + content[8:], most + 8
        case "millions of lists":
            return filled(b"[", b"[],", b"0]")
        case "millions of objects":
            return filled(b"[", b'{"a":0},', b"0]")
        case "millions of texts":
            return filled(b"[", b'"ab",', b"0]")
        case "millions of keys":
            return filled(b"{", b'"a":0,', b'"b":0}')
    assert kind == "many tensors"
    names = "".join(
        f',"{k}":{{"dtype":"F32","shape":[0],"data_offsets":[92,92]}}' for k in range(200_000)
    )
    many = put_together(header + names.encode() + b"}", taken_apart(content)[1])
    return many, len(many)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("a terabyte", "expected a checkpoint of at most 536,870,912 bytes"),
        ("the largest size", "expected content with the SHA-256"),
        ("a header of the largest size", "expected content with the SHA-256"),
        ("millions of lists", "expected a safetensors file"),
        ("millions of objects", "expected a safetensors file"),
        ("millions of texts", "expected a safetensors file"),
        ("millions of keys", "expected a safetensors file"),
        ("many tensors", "expected at most 10,000 tensors"),
    ],
)
def test_enormous_files_are_refused_with_little_memory(
    tmp_path: Path, content: bytes, kind: str, message: str
) -> None:
    path = tmp_path / "enormous"
    sparse(path, *enormous(content, kind))
    with limited_memory(2**30), pytest.raises(CheckpointError, match=message):
        load(path)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="expected /proc, got none")
def test_more_memory_than_is_allowed_would_be_noticed() -> None:
    with pytest.raises(MemoryError), limited_memory(2**20):
        bytearray(2**30)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "checkpoints", num_sides=1)
    for update in (0, 2, 5, 9):
        store.save([checkpoint(update, seed=update)])
    names = ["0000005-scratch.safetensors", "0000009-scratch.safetensors"]
    assert files_in(store.directory) == names
    newest, damaged = store.newest()
    assert list(newest) == ["scratch"]
    assert same(newest["scratch"], checkpoint(9, seed=9))
    assert damaged == []


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path) -> None:
    store = Store(tmp_path, num_sides=1)
    for update in (5, 9):
        store.save([checkpoint(update)])
    (tmp_path / "0000009-scratch.safetensors").write_bytes(b"")
    newest, damaged = store.newest()
    assert newest["scratch"].position.update == 5
    assert [str(error) for error in damaged] == [
        "expected a checkpoint with a header of at most 16,777,216 bytes in "
        f"{tmp_path / '0000009-scratch.safetensors'}, got 0 bytes, a header of 0 among them"
    ]
    store.save([checkpoint(7)])
    assert files_in(tmp_path) == ["0000005-scratch.safetensors", "0000007-scratch.safetensors"]


def test_if_all_are_damaged_the_error_is_that_of_the_newest(tmp_path: Path) -> None:
    store = Store(tmp_path, num_sides=1)
    for update in (5, 9):
        store.save([checkpoint(update)])
        (tmp_path / f"000000{update}-scratch.safetensors").write_bytes(b"x" * update)
    with pytest.raises(CheckpointError, match=r"0000009-scratch\.safetensors, got 9 bytes"):
        store.newest()


def test_a_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match=r"expected a checkpoint in .*, got none"):
            Store(directory, num_sides=1).newest()


def test_with_two_models_a_checkpoint_is_complete_with_both_files(tmp_path: Path) -> None:
    store = Store(tmp_path, num_sides=2)

    def both(update: int) -> list[Checkpoint]:
        return [checkpoint(update, side=side) for side in ("scratch", "concise")]

    store.save(both(5))
    store.save(both(9))
    (tmp_path / "0000009-concise.safetensors").unlink()
    newest, damaged = store.newest()
    assert {side: c.position.update for side, c in newest.items()} == {"scratch": 5, "concise": 5}
    assert damaged == []
    store.save(both(11))
    assert {name[:7] for name in files_in(tmp_path)} == {"0000005", "0000011"}
    assert len(files_in(tmp_path)) == 4


def test_either_model_continues_a_run_of_one(tmp_path: Path) -> None:
    store = Store(tmp_path, num_sides=1)
    store.save([checkpoint(5)])
    store.save([checkpoint(9, side="concise")])
    assert list(store.newest()[0]) == ["concise"]
    assert len(files_in(tmp_path)) == 2


@pytest.mark.parametrize("other", [{"update": 6}, {"side": "concise"}])
def test_a_file_under_a_wrong_name_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    save(tmp_path / "0000005-scratch.safetensors", checkpoint(**{"update": 5, **other}))
    with pytest.raises(CheckpointError, match="expected update 5 of scratch in "):
        Store(tmp_path, num_sides=1).newest()


def test_other_files_are_no_checkpoints(tmp_path: Path) -> None:
    store = Store(tmp_path, num_sides=1)
    store.save([checkpoint(5)])
    for name in ("9-scratch.safetensors", "0000009-scratch.safetensors.unfinished", "notes.txt"):
        (tmp_path / name).write_text("?")
    assert store.newest()[0]["scratch"].position.update == 5
