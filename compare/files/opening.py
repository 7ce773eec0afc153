"""Open and read the files of a directory that may come from somebody else.

Each is a regular file, which no link leads out of its directory, and has a limited size. A file
that the user named may be anywhere.
"""

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from compare.files.schema import parse_json
from scratch_rnn.text import opening

MOST_BYTES_OF_JSON = 2**20  # of a file of JSON whose reader names no other size


def open_file(path: Path, within: Path | None = None) -> BinaryIO:
    """Open a regular file for reading; an OSError says that it is none, or not in `within`."""
    return opening.open_file(path if within is None else real_path(path, within))


def read_file(path: Path, most: int, within: Path | None = None) -> bytes:
    """Return the content of a file of at most this number of bytes; see `open_file`."""
    return opening.read_file(path if within is None else real_path(path, within), most)


def read_json(path: Path, most: int = MOST_BYTES_OF_JSON, within: Path | None = None) -> Any:
    """Return the value in a file of JSON; an OSError or a SchemaError says why there is none."""
    return parse_json(read_file(path, most, within))


def real_path(path: Path, directory: Path) -> Path:
    """Return the path without links; OSError if one of them leads out of the directory."""
    try:
        real = Path(os.path.realpath(path))
        inside = real.is_relative_to(os.path.realpath(directory))
    except ValueError:  # a NUL in the name
        inside, real = True, path
    if not inside:
        raise OSError(errno.ELOOP, "a link out of its directory", str(path))
    return real
