"""File systems that fail, in the place of `compare.files.atomic.system`."""

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from compare import files
from compare.files import atomic
from compare.runs.checkpoint import store


class Crash(BaseException):
    """The process has ended: this is not caught, and nothing is cleaned up."""


class Failing:
    """The system, until its call number `at` (from 1; 0: never) fails.

    If it is `lasting`, all later calls fail too, as if the process had ended.
    """

    def __init__(self, at=0, failure=None, *, lasting=False):
        failure = failure or Crash()
        self.at, self.failure, self.lasting = at, failure, lasting
        self.calls = []

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            number = len(self.calls)
            if number == self.at or (self.lasting and self.at and number > self.at):
                if number == self.at and name == "write":  # a write fails half-way
                    self.perform(name, arguments[0], arguments[1][: len(arguments[1]) // 2])
                if name == "close":  # also after an error the descriptor is closed
                    self.perform(name, *arguments)
                raise self.failure
            return self.perform(name, *arguments)

        return call

    def perform(self, name, *arguments):
        if name == "fsync":  # the power fails only in tests with a `Disk`
            return None
        return getattr(atomic.System, name)(*arguments)


class Disk(Failing):
    """A system whose power fails at a call, and whose disk then has only what was synchronised.

    Until a file is synchronised, its bytes may be missing; until a directory is, the names in it
    may be the old ones. `lose_power` does the worst of that.
    """

    def __init__(self, at):
        super().__init__(at, Crash("the power failed"), lasting=True)
        self.synced = {}  # bytes of each inode that was written to
        self.undo = []  # of changes to a directory

    def perform(self, name, *arguments):
        if name == "write":
            self.synced.setdefault(os.fstat(arguments[0]).st_ino, 0)
        elif name == "mkdir":
            made = Path(arguments[0])
            self.undo.append((made.parent, lambda: shutil.rmtree(made)))
        elif name == "fsync":
            status = os.fstat(arguments[0])
            self.synced[status.st_ino] = status.st_size
            self.undo = [
                (directory, undo)
                for directory, undo in self.undo
                if not directory.exists() or directory.stat().st_ino != status.st_ino
            ]
        elif name == "replace":
            source, target = map(Path, arguments)
            before = target.read_bytes() if target.exists() else None

            def rename_back():
                target.replace(source)
                if before is not None:
                    target.write_bytes(before)

            self.undo.append((target.parent, rename_back))
        elif name == "unlink":
            path = Path(arguments[0])
            if path.exists():
                content = path.read_bytes()
                self.undo.append((path.parent, lambda: path.write_bytes(content)))
        return super().perform(name, *arguments)

    def lose_power(self, directory, *, names_too):
        """Leave in the directory what the disk has; `names_too`: lose also new names."""
        for path in directory.rglob("*"):
            status = path.stat()
            if path.is_file() and status.st_ino in self.synced:
                kept = self.synced[status.st_ino]
                os.truncate(path, kept + max(0, status.st_size - kept) // 2)
        if names_too:
            for _, undo in reversed(self.undo):
                with suppress(FileNotFoundError):
                    undo()


@contextmanager
def put_in(system):
    """Replace the system in all modules that write files, while the body runs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (atomic, files, store):
            patch.setattr(module, "system", system)
        yield system


def calls_of(action):
    with put_in(Failing()) as counting:
        action()
    return counting.calls


def error(number):
    return OSError(number, os.strerror(number))
