"""A lock on a directory, for one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from compare.terminal import DATA, CommandError

LOCK = ".lock"  # the locked file. It is empty, and removed when the lock is released.


class LockError(CommandError, RuntimeError):
    """Another process has locked the directory; the message is one line."""

    exit_code = DATA


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Lock a directory while the body runs; a LockError says that another process has locked it.

    The operating system releases the lock when the process ends. A process that was killed leaves
    the empty file, and the next process locks it again.
    """
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockError(f"another process is writing in {directory}") from None
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file stays, and `release` removes it
            (directory / LOCK).unlink()
        lock.release()
