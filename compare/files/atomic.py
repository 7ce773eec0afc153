"""Write a file so that a crash at any moment leaves the old one or the new one, whole.

The bytes go to a second file beside the first and are forced onto the disk; then that file takes
the first one's name, which the file system does in one step; and then the directory, which is
where names live, is forced onto the disk too. Whoever reads in between sees the old file.

Every operation on files goes through `system`, so that the tests can make each of them fail in
turn.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".unfinished"
"""What a file is called, after its name, until it is whole. Nobody ever reads such a file."""

BINARY = getattr(os, "O_BINARY", 0)
"""Windows would write a carriage return before each line feed."""


class System:
    """The operations on files that writing and reading need: the operating system's own."""

    mkdir = staticmethod(os.mkdir)
    open = staticmethod(os.open)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    fsync = staticmethod(os.fsync)
    truncate = staticmethod(os.ftruncate)
    close = staticmethod(os.close)
    replace = staticmethod(os.replace)
    unlink = staticmethod(os.unlink)


system = System()


def write_file(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write the pieces, one after the other, as the whole content of a file.

    Raises
    ------
    OSError
        If that is not possible; what was there before is there still, and nothing beside it.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY
        descriptor = system.open(unfinished, flags, 0o666)
        try:
            for piece in pieces:
                write_all(descriptor, piece)
            system.fsync(descriptor)
        finally:
            system.close(descriptor)
        system.replace(unfinished, path)
        sync_directory(path.parent)
    except BaseException as error:  # Ctrl-C among them
        with suppress(OSError):
            system.unlink(unfinished)
        raise named(error, path) from None


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all of the bytes, however many times the system has to be asked."""
    left = memoryview(content).cast("B")
    while left:
        left = left[system.write(descriptor, left) :]


def sync_directory(directory: Path) -> None:
    """Force a directory's list of names onto the disk; on Windows a directory cannot be opened."""
    if os.name == "nt":
        return
    descriptor = system.open(directory, os.O_RDONLY)
    try:
        system.fsync(descriptor)
    finally:
        system.close(descriptor)


def named(error: BaseException, path: Path) -> BaseException:
    """Return the error; a system's error with the name of the file that it is about."""
    if isinstance(error, OSError) and error.errno is not None:
        return OSError(error.errno, os.strerror(error.errno), str(path))
    return error
