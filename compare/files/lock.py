"""One process at a time in a run's directory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path

from filelock import FileLock, Timeout

from compare.terminal import DATA, CommandError

LOCK = ".lock"
"""The file that is locked. It is empty, and is removed when the lock is released."""


class LockError(CommandError, RuntimeError):
    """Another process is at work in the directory; the message is one line."""

    exit_code = DATA


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other processes out of a directory while the body runs.

    The operating system holds the lock and releases it when the process ends, however it ends. A
    process that is killed leaves the empty file behind, and the next one takes it over.

    Raises
    ------
    LockError
        If another process has the lock.
    OSError
        If the directory is not there or cannot be written in.
    """
    if not directory.is_dir():  # FileLock would make it
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(directory))
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockError(
            f"expected {directory} for this process alone, got one that another is writing in"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file stays, and `release` removes it
            (directory / LOCK).unlink()
        lock.release()
