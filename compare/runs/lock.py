"""One process at a time in a run's directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compare.terminal import DATA, CommandError


class LockError(CommandError, RuntimeError):
    """Another process is at work in the directory; the message is one line."""

    exit_code = DATA


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other processes out of a directory while the body runs.

    The lock is the kernel's, on the directory itself: it leaves no file behind, and ends with the
    process, however that may end. A file system that knows no locks goes without.

    Raises
    ------
    LockError
        If another process has the lock.
    OSError
        If the directory cannot be opened.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockError(
            f"expected {directory} for this process alone, got one that another is writing in"
        ) from None
    except OSError:
        return
