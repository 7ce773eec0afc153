"""The format of the file: safetensors, with metadata that begin with a digest of every byte.

Safetensors has no checksum: with a flipped bit, it is a slightly different model. So the metadata
begin with the SHA-256 of the whole file, in which its own 64 digits count as zeros. It guards
against damage, not against malicious files, so the contents are checked too.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from compare.files import SchemaError, excerpt, parse_json, write_file
from compare.terminal import DATA, CommandError

MOST_HEADER_BYTES = 16 * 2**20
MOST_BYTES = 512 * 2**20
MOST_TENSORS = 10_000

NAME = "rnn-parity"
"""The only entry of the file's metadata; safetensors does not keep the order of several."""

ZEROS = "0" * 64
DIGITS = re.compile(rb'\{"__metadata__":\{"rnn-parity":"\{\\"sha256\\": \\"([0-9a-f]{64})\\"')


class CheckpointError(CommandError, ValueError):
    """A checkpoint cannot be used; the message is one line and names the file."""

    exit_code = DATA


def write(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata atomically; a ValueError says that the file would be too large."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    text = json.dumps({"sha256": ZEROS, **metadata}, allow_nan=False)
    content = safetensors.numpy.save(arrays, {NAME: text})
    header = int.from_bytes(content[:8], "little")
    if header > MOST_HEADER_BYTES or len(content) > MOST_BYTES:
        raise ValueError(
            f"expected a checkpoint of at most {MOST_BYTES:,} bytes, with a header of at most "
            f"{MOST_HEADER_BYTES:,}, got {len(content):,} and {header:,}"
        )
    start, stop = _place_of_digits(content)
    digest = hashlib.sha256(content).hexdigest().encode()
    write_file(path, [memoryview(content)[:start], digest, memoryview(content)[stop:]])


def read(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Return the tensors of a file, writable, and its metadata, without the digest and unchecked.

    A SchemaError says that it cannot be read or is damaged.
    """
    content = _content(path)
    start, stop = _place_of_digits(content)
    digest = hashlib.sha256(memoryview(content)[:start])
    digest.update(ZEROS.encode())
    digest.update(memoryview(content)[stop:])
    digits = content[start:stop].decode()
    if digest.hexdigest() != digits:
        raise SchemaError(f"content with the SHA-256 {digits[:8]}…", f"{digest.hexdigest()[:8]}…")
    number = content.count(b'"data_offsets"')
    if number > MOST_TENSORS:
        raise SchemaError(f"at most {MOST_TENSORS:,} tensors", f"{number:,}")
    try:
        tensors = {name: array.copy() for name, array in safetensors.numpy.load(content).items()}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SchemaError("a safetensors file", excerpt(error)) from None
    header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = parse_json(header["__metadata__"][NAME])
    del metadata["sha256"]
    return tensors, metadata


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):  # reading a pipe would wait
            raise SchemaError("a checkpoint", "something that is no file")
        if status.st_size > MOST_BYTES:
            raise SchemaError(
                f"a checkpoint of at most {MOST_BYTES:,} bytes", f"{status.st_size:,}"
            )
        return path.read_bytes()
    except SchemaError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SchemaError("a checkpoint", getattr(error, "strerror", None) or error) from None


def _place_of_digits(content: bytes) -> tuple[int, int]:
    """Return the first and the last position of the digest."""
    header = int.from_bytes(content[:8], "little")
    if header > min(MOST_HEADER_BYTES, len(content) - 8):
        raise SchemaError(
            f"a checkpoint with a header of at most {MOST_HEADER_BYTES:,} bytes",
            f"{len(content):,} bytes, a header of {header:,} among them",
        )
    match = DIGITS.match(content, 8)
    if match is None:
        raise SchemaError("a checkpoint of this version", "a file without its SHA-256")
    return match.span(1)
