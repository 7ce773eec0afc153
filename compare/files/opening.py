"""Open and read files: each is a regular file, and may have a limit on its size."""

from pathlib import Path
from typing import Any

from compare.files.schema import parse_json
from scratch_rnn.text.opening import open_input, read_file

__all__ = ["open_input", "read_file", "read_json"]

MOST_BYTES_OF_JSON = 2**20  # of a file of JSON whose reader names no other size


def read_json(path: Path, most: int = MOST_BYTES_OF_JSON) -> Any:
    """Return the value in a file of JSON; an OSError or a SchemaError says why there is none."""
    return parse_json(read_file(path, most))
