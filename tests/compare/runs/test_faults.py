"""Each system call that writes a file fails in turn: a checkpoint can be loaded, a run resumed."""

import errno
import os
import shutil
from contextlib import nullcontext

import pytest

from compare.cli import main
from compare.files import atomic
from compare.runs.checkpoint import Store
from tests.compare.runs.checkpoints import checkpoint, files_in, same
from tests.compare.runs.failing import Crash, Disk, Failing, calls_of, error, put_in
from tests.compare.runs.runs import contents, only
from tests.counts import number

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
def test_a_save_that_fails_at_any_call_leaves_a_checkpoint(kind, saved, count):
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
        count("crash points tried")
    assert found == {OLD, NEW}


@pytest.mark.parametrize("lost", ["nothing", "fsync", "sync_directory"])
def test_after_a_save_nothing_is_left_to_lose(lost, saved, monkeypatch):
    """Without either step a power failure does lose a checkpoint, which tests the `Disk`."""
    with put_in(disk := Disk(0)):
        if lost == "fsync":
            monkeypatch.setattr(Disk, "fsync", lambda self, descriptor: None, raising=False)
        elif lost == "sync_directory":
            monkeypatch.setattr(atomic, "sync_directory", lambda directory: None)
        saved.save(both(NEW))
    disk.lose_power(saved.directory, names_too=lost != "fsync")
    newest, damaged = saved.newest()
    assert newest["scratch"].position.update == (NEW if lost == "nothing" else OLD)
    assert bool(damaged) == (lost == "fsync")


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize("kind", ["disk full", *POWER])
def test_a_training_that_fails_at_any_call_can_be_resumed(kind, trainings, capsys, count):
    """From some call on all fail; then the disk has space again, or the power is back."""
    command = "train --model scratch" if kind in POWER else "run --state carried"
    variant = f"{command} --checkpoint-seconds 0 --epochs 1"
    whole = trainings.whole(variant)
    calls = calls_of(lambda: main(trainings.flags(variant, to="counted")))
    if kind in POWER:  # the third checkpoint
        first = begun = calls.index("unlink") + 1
    else:  # four files of JSON, weights, and a checkpoint of either side
        first, begun = 1, [at for at, name in enumerate(calls, start=1) if name == "replace"][6]
    for at in range(first, len(calls) + 1, number(19, 1)):
        runs = trainings.folder / f"failed-{at}"
        capsys.readouterr()
        system = Disk(at) if kind in POWER else Failing(at, error(errno.ENOSPC), lasting=True)
        with put_in(system), pytest.raises(Crash) if kind in POWER else nullcontext():
            assert main(trainings.flags(variant, to=runs.name)) == 3
        shown = capsys.readouterr()
        count("crash points tried")
        if isinstance(system, Disk):
            system.lose_power(runs, names_too=POWER[kind])
        else:
            assert shown.err.startswith("rnn-parity: expected ")
            assert "No space left on device" in shown.err
            assert shown.err.count("\n") == 1
            if not any(runs.iterdir()):
                continue  # not even a directory
            metrics = only(runs) / "metrics.jsonl"
            if metrics.exists() and metrics.read_text():  # something was trained
                assert "To resume:  rnn-parity run --resume " in shown.out
        ended = (only(runs) / "result.json").exists()
        with put_in(Failing()):
            code = main([command.split()[0], "--resume", str(only(runs))])
        if at < begun or (at == begun and kind == "disk full"):
            assert code == 3  # nothing was trained yet
        else:
            assert code == (2 if ended else 0)  # 2: nothing is left to do
            assert contents(only(runs)) == contents(whole)
            count("resumes compared bit for bit")


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
    assert files_in(tmp_path) == ["a", "b"]


def test_a_directory_that_vanished_is_named(saved):
    for name in files_in(saved.directory):
        (saved.directory / name).unlink()
    saved.directory.rmdir()
    saved.directory.write_text("a file in its place")
    with pytest.raises(OSError, match="File exists") as caught:
        saved.save(both(NEW))
    assert caught.value.filename == str(saved.directory)
