"""The format of the file: safetensors, with metadata that begin with a digest of every byte.

Safetensors has no checksum: with a flipped bit, it is a slightly different model. So the metadata
begin with the SHA-256 of the whole file, in which its own 64 digits count as zeros. It guards
against damage, not against malicious files, so the contents are checked too.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import numpy as np
import safetensors
import safetensors.numpy

from compare.files import JsonObject, SchemaError, excerpt, open_file, parse_json, write_file
from compare.files import read as read_as
from compare.implementations import Array
from compare.terminal import DATA, PACKAGE, CommandError

MOST_HEADER_BYTES = 16 * 2**20
MOST_BYTES = 512 * 2**20

NAME = "rnn-parity"
"""The only entry of the file's metadata; safetensors does not keep the order of several."""

ZEROS = "0" * 64
DIGITS = re.compile(rb'\{"__metadata__":\{"rnn-parity":"\{\\"sha256\\": \\"([0-9a-f]{64})\\"')

END = re.compile(rb'"data_offsets":\[\d{1,15},(\d{1,15})\]')
"""Of a tensor, in the bytes behind the header."""

DTYPES = {"F32": "float32", "F64": "float64"}

ZIP = b"PK\x03\x04"  # the first bytes of what torch.save and numpy.savez write
OURS = f"a checkpoint of {PACKAGE} run or train"
WITHOUT_VOCABULARY = (
    "which has no vocabulary beside its weights; "
    f"`{PACKAGE} train --model concise` trains a model of PyTorch and writes both"
)

PIECE = 2**20  # bytes of a file that are read at a time for its digest
Shapes = Mapping[str, tuple[tuple[int, ...], str]]  # the shape and the dtype of each tensor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor in the header of a file."""

    dtype: Literal["F32", "F64"]
    shape: list[int]
    data_offsets: list[int]


class CheckpointError(CommandError, ValueError):
    """A checkpoint cannot be used; the message is one line and names the file."""

    exit_code = DATA


def write(path: Path, tensors: Mapping[str, Array], metadata: JsonObject) -> None:
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
    start, stop = _place_of_digits(content, 8)
    digest = hashlib.sha256(content).hexdigest().encode()
    write_file(path, [memoryview(content)[:start], digest, memoryview(content)[stop:]])


def read(
    path: Path, check: Callable[[Shapes, object], T], within: Path | None = None
) -> tuple[dict[str, Array], T]:
    """Return the tensors of a file, writable, and what `check` returns of its metadata.

    `check` gets the shape and the dtype of each tensor too, before the tensors are read. A
    SchemaError says why the file cannot be read, or that it leads out of the directory `within`.
    """
    try:
        with open_file(path, within) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise SchemaError(f"a checkpoint of at most {MOST_BYTES:,} bytes", f"{size:,}")
            metadata = check(*_parse(_header(file, size)))
            file.seek(0)
            content = file.read(size)
    except OSError as error:
        raise SchemaError("a checkpoint", error.strerror) from None
    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SchemaError("a safetensors file", excerpt(error)) from None
    return {name: array.copy() for name, array in tensors.items()}, metadata


def _header(file: BinaryIO, size: int) -> bytes:
    """Return the header of a file that has the digest it states."""
    number = int.from_bytes(length := file.read(8), "little")
    if length.startswith(ZIP):
        raise SchemaError(OURS, f"a file of torch.save or numpy.savez, {WITHOUT_VOCABULARY}")
    if number > min(MOST_HEADER_BYTES, size - 8):
        raise SchemaError(
            f"a checkpoint with a header of at most {MOST_HEADER_BYTES:,} bytes",
            f"{size:,} bytes, a header of {number:,} among them",
        )
    header = file.read(number)
    start, stop = _place_of_digits(header, 0)
    whole = 8 + number + max((int(end[1]) for end in END.finditer(header)), default=0)
    if size != whole:
        raise SchemaError(f"a checkpoint of {whole:,} bytes", f"{size:,}")
    digest = hashlib.sha256(length)
    for part in (memoryview(header)[:start], ZEROS.encode(), memoryview(header)[stop:]):
        digest.update(part)
    while piece := file.read(PIECE):
        digest.update(piece)
    digits = header[start:stop].decode()
    if digest.hexdigest() != digits:
        raise SchemaError(f"content with the SHA-256 {digits[:8]}…", f"{digest.hexdigest()[:8]}…")
    return header


def _parse(header: bytes) -> tuple[Shapes, object]:
    """Return the shape and dtype of each tensor, and the metadata without the digest."""
    values = parse_json(header)
    metadata = parse_json(values.pop("__metadata__")[NAME])
    del metadata["sha256"]
    kinds = {name: read_as(_Tensor, tensor, "a tensor") for name, tensor in values.items()}
    return {name: (tuple(kind.shape), DTYPES[kind.dtype]) for name, kind in kinds.items()}, metadata


def _place_of_digits(content: bytes, begin: int) -> tuple[int, int]:
    """Return the first and the last position of the digest, in a header that begins there."""
    match = DIGITS.match(content, begin)
    if match is None:
        if NAME.encode() not in content[begin : begin + 1000]:
            raise SchemaError(OURS, f"another program's file, {WITHOUT_VOCABULARY}")
        raise SchemaError("a checkpoint of this version", "a file without its SHA-256")
    return match.span(1)
