"""Each system call that writes a file fails in turn: a checkpoint can be loaded, a run resumed."""

import errno
import os
import shutil

import pytest

from compare.files import atomic
from compare.runs.checkpoint import Store
from tests.compare.runs.checkpoints import checkpoint, files_in, same
from tests.compare.runs.failing import Crash, Disk, Failing, calls_of, error, put_in

OLD, NEW = 7, 10

pytestmark = pytest.mark.usefixtures("without_checks")


def both(update):
    return [checkpoint(update, side=side) for side in ("scratch", "concise")]


@pytest.fixture
def saved(tmp_path):
    """A run's checkpoints: two of them, so that the next one makes the oldest go."""
    store = Store(tmp_path / "checkpoints", num_sides=2)
    store.save(both(4))
    store.save(both(OLD))
    shutil.copytree(store.directory, tmp_path / "copy")
    return store


def again(store):
    """Bring the checkpoints back to where they were, whatever the last failure left."""
    shutil.rmtree(store.directory)
    shutil.copytree(store.directory.with_name("copy"), store.directory)


def assert_a_checkpoint_loads(store):
    newest, damaged = store.newest()
    update = newest["scratch"].position.update
    assert update in (OLD, NEW)
    for written in both(update):
        assert same(newest[written.side], written)
    assert damaged == []
    return update


POWER = {"the power fails": False, "the power fails, names are lost": True}
FAILURES = {"crash": Crash(), "disk full": error(errno.ENOSPC), "Ctrl-C": KeyboardInterrupt()}


@pytest.mark.parametrize("kind", [*FAILURES, *POWER])
def test_a_save_that_fails_at_any_call_leaves_a_checkpoint(kind, saved):
    calls = calls_of(lambda: saved.save(both(NEW)))
    assert set(calls) == {"open", "write", "fsync", "close", "replace", "unlink"}
    found = set()
    for at, call in enumerate(calls, start=1):
        again(saved)
        failure = FAILURES.get(kind, Crash())
        system = Disk(at) if kind in POWER else Failing(at, failure, lasting=kind == "crash")
        with put_in(system), pytest.raises(type(failure)) as caught:
            saved.save(both(NEW))
        if isinstance(system, Disk):
            system.lose_power(saved.directory, names_too=POWER[kind])
        if isinstance(caught.value, OSError):
            assert str(caught.value.filename).startswith(str(saved.directory))
            assert caught.value.errno == errno.ENOSPC
        if kind in ("disk full", "Ctrl-C") and call not in ("unlink", "close"):
            assert not any(name.endswith(atomic.UNFINISHED) for name in files_in(saved.directory))
        found.add(assert_a_checkpoint_loads(saved))
        with put_in(Failing()):
            saved.save(both(NEW))  # once the disk has space again
        assert assert_a_checkpoint_loads(saved) == NEW
        assert len(files_in(saved.directory)) == 4
    assert found == {OLD, NEW}


def test_a_write_that_takes_less_than_it_was_given_is_asked_again(tmp_path, monkeypatch):
    class Slow(atomic.System):
        @staticmethod
        def write(descriptor, content):
            return os.write(descriptor, content[:3])

    monkeypatch.setattr(atomic, "system", Slow())
    (tmp_path / "b").write_text("b")
    (tmp_path / "a.unfinished").symlink_to(tmp_path / "b")  # which is not followed
    atomic.write_file(tmp_path / "a", [b"0123456789", memoryview(b"abc"), b""])
    assert (tmp_path / "a").read_bytes() == b"0123456789abc"
    assert (tmp_path / "b").read_text() == "b"
    assert files_in(tmp_path) == ["a", "a.unfinished", "b"]
