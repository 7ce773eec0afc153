"""Open a file from an untrusted source: it has to be a regular file, checked once it is open."""

import errno
import os
import sys
from io import BufferedReader
from stat import S_ISDIR, S_ISREG

READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)
NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Flags with which opening a pipe does not wait for its other end."""


def check_regular(descriptor: int, path: str | os.PathLike[str]) -> os.stat_result:
    """Return the status of an open file; close it and raise OSError if it is not a regular file."""
    status = os.fstat(descriptor)
    if S_ISREG(status.st_mode):
        return status
    os.close(descriptor)
    found = "a directory" if S_ISDIR(status.st_mode) else "a pipe or a device"
    raise OSError(errno.EINVAL, found, str(path))


def open_input(path: str | os.PathLike[str], most: int = sys.maxsize) -> BufferedReader:
    """Open a regular file for reading; an OSError says what else it is, or that it is too large."""
    try:
        descriptor = os.open(path, READING | NO_WAITING)
    except ValueError:  # a NUL, or a character that the system's encoding does not have
        raise OSError(errno.EINVAL, "a name that no file can have", str(path)) from None
    size = check_regular(descriptor, path).st_size
    if size > most:
        os.close(descriptor)
        raise OSError(errno.EFBIG, f"{size:,} bytes, more than {most:,}", str(path))
    return os.fdopen(descriptor, "rb")


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the bytes of a regular file that has at most this many of them."""
    with open_input(path, most) as file:
        return file.read(most)
