"""Open and read files that a user named, and those of a directory that may come from others.

Each is a regular file, and may have a limit on its size. A file that the user named may be
anywhere; no link leads out of the directory `within`.
"""

import errno
import os
import sys
from io import BufferedReader
from pathlib import Path
from typing import Any

from compare.files.schema import parse_json
from scratch_rnn.text import opening

MOST_BYTES_OF_JSON = 2**20  # of a file of JSON whose reader names no other size


def open_input(path: Path, most: int = sys.maxsize, within: Path | None = None) -> BufferedReader:
    """Open a regular file of at most so many bytes for reading; an OSError says what else it is."""
    return opening.open_file(path if within is None else real_path(path, within), most)


def read_file(path: Path, most: int, within: Path | None = None) -> bytes:
    """Return the content of a file; see `open_input`."""
    with open_input(path, most, within) as file:
        return file.read(most)


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
