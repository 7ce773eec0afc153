"""Saving fails at each of its system calls in turn, and a checkpoint is there all the same."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from compare.files import atomic
from compare.runs.checkpoint import Checkpoint, Store
from tests.compare.runs.checkpoints import checkpoint, files_in, same
from tests.compare.runs.failing import Crash, Disk, Failing, put_in
from tests.counts import Count

OLD, NEW = 7, 10

pytestmark = pytest.mark.usefixtures("without_checks")


def both(update: int) -> list[Checkpoint]:
    return [checkpoint(update, side=side) for side in ("scratch", "concise")]


@pytest.fixture
def saved(tmp_path: Path) -> Store:
    """A run's checkpoints: two of them, so that the next one makes the oldest go."""
    store = Store(tmp_path / "checkpoints", num_sides=2)
    store.save(both(4))
    store.save(both(OLD))
    shutil.copytree(store.directory, tmp_path / "copy")
    return store


def again(store: Store) -> None:
    """Bring the checkpoints back to where they were, whatever the last failure left."""
    shutil.rmtree(store.directory)
    shutil.copytree(store.directory.with_name("copy"), store.directory)


def assert_a_checkpoint_loads(store: Store) -> int:
    newest, damaged = store.newest()
    update = newest["scratch"].position.update
    assert update in (OLD, NEW)
    for written in both(update):
        assert same(newest[written.side], written)
    assert damaged == []
    return update


def crash_points(saved: Store, monkeypatch: pytest.MonkeyPatch) -> range:
    """Return the numbers of the system calls that a save makes."""
    counting = Failing(0, Crash())
    with monkeypatch.context() as patch:
        put_in(patch, counting)
        saved.save(both(NEW))
    assert set(counting.calls) == {"open", "write", "fsync", "close", "replace", "unlink"}
    return range(1, len(counting.calls) + 1)


@pytest.mark.parametrize("kind", ["crash", "disk full", "Ctrl-C"])
def test_a_save_that_fails_at_any_call_leaves_a_checkpoint(
    kind: str, saved: Store, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    failure: BaseException = {
        "crash": Crash(),
        "disk full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "Ctrl-C": KeyboardInterrupt(),
    }[kind]
    found = set()
    for at in crash_points(saved, monkeypatch):
        again(saved)
        failing = Failing(at, failure, lasting=kind == "crash")
        with monkeypatch.context() as patch:
            put_in(patch, failing)
            with pytest.raises(type(failure)) as caught:
                saved.save(both(NEW))
        if isinstance(failure, OSError):
            assert isinstance(caught.value, OSError)
            assert str(caught.value.filename).startswith(str(saved.directory))
            assert caught.value.errno == failure.errno
        if kind != "crash" and failing.calls[at - 1] not in ("unlink", "close"):
            assert not any(name.endswith(atomic.UNFINISHED) for name in files_in(saved.directory))
        found.add(assert_a_checkpoint_loads(saved))
        with monkeypatch.context() as patch:
            put_in(patch, Failing(0, Crash()))
            saved.save(both(NEW))  # once the disk has space again
        assert assert_a_checkpoint_loads(saved) == NEW
        assert len(files_in(saved.directory)) == 4
        count("crash points tried")
    assert found == {OLD, NEW}


@pytest.mark.parametrize("names_too", [False, True])
def test_when_the_power_fails_at_any_call_the_disk_has_a_checkpoint(
    names_too: bool, saved: Store, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    for at in crash_points(saved, monkeypatch):
        again(saved)
        disk = Disk(at)
        with monkeypatch.context() as patch:
            put_in(patch, disk)
            with pytest.raises(Crash):
                saved.save(both(NEW))
        disk.lose_power(saved.directory, names_too=names_too)
        assert_a_checkpoint_loads(saved)
        count("crash points tried")


def test_after_a_save_nothing_is_left_to_lose(
    saved: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(0)
    with monkeypatch.context() as patch:
        put_in(patch, disk)
        saved.save(both(NEW))
    disk.lose_power(saved.directory, names_too=True)
    assert assert_a_checkpoint_loads(saved) == NEW


@pytest.mark.parametrize("lost", ["fsync", "sync_directory"])
def test_the_failing_disk_notices_what_is_not_forced_onto_it(
    lost: str, saved: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of the test: without either step a power failure does lose a checkpoint."""
    disk = Disk(0)
    with monkeypatch.context() as patch:
        put_in(patch, disk)
        if lost == "fsync":
            patch.setattr(Disk, "fsync", lambda self, descriptor: None, raising=False)
        else:
            patch.setattr(atomic, "sync_directory", lambda directory: None)
        saved.save(both(NEW))
    disk.lose_power(saved.directory, names_too=lost == "sync_directory")
    newest, damaged = saved.newest()
    assert newest["scratch"].position.update == OLD
    assert bool(damaged) == (lost == "fsync")


def test_a_write_that_takes_less_than_it_was_given_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(atomic.System):
        @staticmethod
        def write(descriptor: int, content: memoryview) -> int:
            return os.write(descriptor, content[:3])

    monkeypatch.setattr(atomic, "system", Slow())
    atomic.write_file(tmp_path / "a", [b"0123456789", memoryview(b"abc"), b""])
    assert (tmp_path / "a").read_bytes() == b"0123456789abc"
    assert files_in(tmp_path) == ["a"]


def test_a_directory_that_vanished_is_named(saved: Store) -> None:
    for name in files_in(saved.directory):
        (saved.directory / name).unlink()
    saved.directory.rmdir()
    saved.directory.write_text("a file in its place")
    with pytest.raises(OSError, match="File exists") as caught:
        saved.save(both(NEW))
    assert caught.value.filename == str(saved.directory)
