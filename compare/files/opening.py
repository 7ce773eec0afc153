"""Open and read files: each is a regular file, and may have a limit on its size."""

import sys
from io import BufferedReader
from pathlib import Path
from typing import Any

from compare.files.schema import parse_json
from scratch_rnn.text import opening

MOST_BYTES_OF_JSON = 2**20  # of a file of JSON whose reader names no other size


def open_input(path: Path, most: int = sys.maxsize) -> BufferedReader:
    """Open a regular file of at most so many bytes for reading; an OSError says what else it is."""
    return opening.open_file(path, most)


def read_file(path: Path, most: int) -> bytes:
    """Return the content of a file; see `open_input`."""
    with open_input(path, most) as file:
        return file.read(most)


def read_json(path: Path, most: int = MOST_BYTES_OF_JSON) -> Any:
    """Return the value in a file of JSON; an OSError or a SchemaError says why there is none."""
    return parse_json(read_file(path, most))
