"""Write a file atomically: after a crash there is the old file or the new one, and no mixture.

The content is written to a temporary file in the same directory and synchronised. The temporary
file is then renamed, which is one operation of the file system, and the directory is synchronised.

Every operation goes through `system`. Tests replace it to make each operation fail in turn; to
patch `os` itself would make other libraries' calls fail too.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".unfinished"  # suffix of a temporary file, which is never read
BINARY = getattr(os, "O_BINARY", 0)  # flag of `open` on Windows, against carriage returns


class System:
    """The operations of the operating system that write files."""

    mkdir = staticmethod(os.mkdir)
    open = staticmethod(os.open)
    write = staticmethod(os.write)
    fsync = staticmethod(os.fsync)
    truncate = staticmethod(os.ftruncate)
    close = staticmethod(os.close)
    replace = staticmethod(os.replace)
    unlink = staticmethod(os.unlink)


system = System()


def write_file(path: Path, pieces: Iterable[bytes | memoryview], *, replaces: bool = True) -> None:
    """Write the pieces as the content of a file, which has to be new unless it `replaces` another.

    If that fails, the previous file is unchanged, and the temporary file is removed. Its name is
    new, too: a file of this name may be the user's, or a link.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
    with name_file(path):
        unfinished = _find_new(path)
        descriptor = system.open(unfinished, flags, 0o666)
        try:
            try:
                for piece in pieces:
                    write_all(descriptor, piece)
                system.fsync(descriptor)
            finally:
                system.close(descriptor)
            if not replaces:  # FileExistsError if a file has appeared there meanwhile
                system.close(system.open(path, flags, 0o666))
            system.replace(unfinished, path)
            sync_directory(path.parent)
        except BaseException:  # also after Ctrl-C
            with suppress(OSError):
                system.unlink(unfinished)
            raise


def _find_new(path: Path) -> Path:
    """Return a new name for a temporary file, NAME.unfinished or NAME.2.unfinished, for example."""
    unfinished, number = path.with_name(path.name + UNFINISHED), 1
    while os.path.lexists(unfinished):
        number += 1
        unfinished = path.with_name(f"{path.name}.{number}{UNFINISHED}")
    return unfinished


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all bytes, in as many system calls as it takes."""
    left = memoryview(content).cast("B")
    while left:
        left = left[system.write(descriptor, left) :]


def sync_directory(directory: Path) -> None:
    """Synchronise a directory; not on Windows, where a directory cannot be opened."""
    if os.name == "nt":
        return
    descriptor = system.open(directory, os.O_RDONLY)
    try:
        system.fsync(descriptor)
    finally:
        system.close(descriptor)


@contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Add the name of the file to an error of the system."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
