"""The file: safetensors, written in one way only, with a digest of every byte.

A safetensors file is a length, a JSON header and the tensors' bytes::

    8 bytes      N, little-endian
    N bytes      {"__metadata__":{"sha256":"…", …},"linear.bias":{"dtype":"F32",
                  "shape":[28],"data_offsets":[0,112]}, …}, and spaces up to a multiple of 8
    the rest     the tensors, one after the other, little-endian, rows first

The format has no checksum of its own: a flipped bit in it is a slightly different model. So the
first entry of the metadata is the SHA-256 of the whole file, in which its own 64 digits are taken
to be zeros.

Reading trusts nothing. Each size is compared with what the file has and with a limit before
memory is set aside for it, and the tensors must be those that the metadata promise, in that order,
up to the last byte.
"""

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np

from compare.runs.atomic import BINARY, system, write_file
from compare.terminal import DATA, CommandError

MOST_HEADER_BYTES = 16 * 2**20
MOST_BRACKETS = 10_000  # opened in a header: a small header can describe millions of empty lists
MOST_BYTES = 512 * 2**20

NONBLOCK = getattr(os, "O_NONBLOCK", 0)
"""A pipe must not hold us up."""

CODES = {"float32": "F32", "float64": "F64"}
_OPENING = b'{"__metadata__":{"sha256":"'
_DIGITS = 64
_CHUNK = 2**20

Shapes = dict[str, tuple[int, ...]]


class CheckpointError(CommandError, ValueError):
    """A file is no checkpoint that can be used; the message is one line and names the file."""

    exit_code = DATA


class Problem(ValueError):
    """What is wrong with the content of a file whose name is known further up."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(expected, got)
        self.expected, self.got = expected, got


def write(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write tensors, all of one dtype, and metadata.

    Raises
    ------
    ValueError
        If the file would be larger than any that is read again.
    OSError
        If it cannot be written; then the file that was there before is there still.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    dtype = next(iter(arrays.values())).dtype.name
    header = _header(shapes, dtype, {"sha256": "0" * _DIGITS, **metadata})
    pieces = [_little_endian(array).data.cast("B") for array in arrays.values()]
    size = 8 + len(header) + sum(piece.nbytes for piece in pieces)
    if len(header) > MOST_HEADER_BYTES or size > MOST_BYTES:
        raise ValueError(
            f"expected a checkpoint of at most {MOST_BYTES:,} bytes, with a header of at most "
            f"{MOST_HEADER_BYTES:,}, got {size:,} and {len(header):,}"
        )
    length = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(length + header)
    for piece in pieces:
        digest.update(piece)
    signed = _OPENING + digest.hexdigest().encode() + header[len(_OPENING) + _DIGITS :]
    write_file(path, [length, signed, *pieces])


def read(
    path: Path, promised: Callable[[dict[str, str]], tuple[Shapes, str]]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what `write` wrote.

    Parameters
    ----------
    path : Path
    promised : function of the metadata
        Returns the shapes of the tensors and their dtype, or raises `Problem`. The metadata have
        not been compared with the digest by then.

    Returns
    -------
    tensors : dict of str to ndarray
        Writable, and of the machine's own byte order.
    metadata : dict of str to str
        Without the digest.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or is not byte for byte what `write` writes.
    """
    try:
        descriptor = system.open(path, os.O_RDONLY | BINARY | NONBLOCK)
        try:
            return _read(descriptor, promised)
        finally:
            system.close(descriptor)
    except Problem as problem:
        raise CheckpointError(
            f"expected {problem.expected} in {shown(path)}, got {problem.got}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"expected a checkpoint at {shown(path)}, got: {reason}") from None


def _read(
    descriptor: int, promised: Callable[[dict[str, str]], tuple[Shapes, str]]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        raise Problem("a checkpoint", "something that is no file")
    size = status.st_size
    if not 8 + len(_OPENING) + _DIGITS <= size <= MOST_BYTES:
        raise Problem(f"a checkpoint of up to {MOST_BYTES:,} bytes", f"{size:,} bytes")
    length = _read_bytes(descriptor, 8)
    header_size = int.from_bytes(length, "little")
    most = min(MOST_HEADER_BYTES, size - 8)
    if not len(_OPENING) + _DIGITS <= header_size <= most:
        raise Problem(f"a header of up to {most:,} bytes", f"a length of {header_size:,}")
    header = bytes(_read_bytes(descriptor, header_size))
    digits, blank_header = _blanked(header)
    entries, metadata = _parse(header)
    shapes, dtype = promised(metadata)
    data_size = sum(math.prod(shape) for shape in shapes.values()) * np.dtype(dtype).itemsize
    if data_size != size - 8 - header_size:
        raise Problem(f"{data_size:,} bytes of tensors", f"{size - 8 - header_size:,}")
    if entries != _entries(shapes, dtype):
        raise Problem(f"the tensors {_summary(shapes)}", "others")
    digest = hashlib.sha256(bytes(length) + blank_header)
    data = _read_bytes(descriptor, data_size, digest)
    if digest.hexdigest() != digits:
        raise Problem(
            f"content with the SHA-256 that stands there, {digits[:8]}…", digest.hexdigest()[:8]
        )
    return _tensors(data, shapes, dtype), metadata


def _read_bytes(descriptor: int, size: int, digest: Any = None) -> bytearray:
    """Read exactly `size` bytes, and let the digest see them."""
    content = bytearray(size)
    filled = 0
    while filled < size:
        chunk = system.read(descriptor, min(_CHUNK, size - filled))
        if not chunk:
            raise Problem(f"{size:,} more bytes", f"{filled:,}: the file was cut off")
        content[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
        if digest is not None:
            digest.update(chunk)
    return content


def _blanked(header: bytes) -> tuple[str, bytes]:
    """Return the digest that stands in a header, and the header with zeros in its place."""
    start, stop = len(_OPENING), len(_OPENING) + _DIGITS
    if not header.startswith(_OPENING):
        raise Problem("a header that begins with a SHA-256", excerpt(header[:start]))
    return header[start:stop].decode("ascii", "replace"), (
        header[:start] + b"0" * _DIGITS + header[stop:]
    )


def _parse(header: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the header's tensors and its metadata."""
    brackets = header.count(b"{") + header.count(b"[")
    if brackets > MOST_BRACKETS:
        raise Problem(f"at most {MOST_BRACKETS:,} brackets in the header", f"{brackets:,}")
    entries = parse_json(header)
    metadata = entries.pop("__metadata__", None) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict):
        raise Problem("a header with metadata", "one without")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise Problem("metadata of text", "something else")
    del metadata["sha256"]
    return entries, metadata


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text in which each key stands once and each number is finite.

    Raises
    ------
    Problem
        If it is not such a text.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise Problem("each key once", f"{excerpt(twice)} twice")
        return values

    def no_constant(name: str) -> None:
        raise Problem("finite numbers", name)

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except Problem:
        raise
    except (ValueError, RecursionError) as error:
        raise Problem("JSON", excerpt(error)) from None


def _header(shapes: Shapes, dtype: str, metadata: Mapping[str, str]) -> bytes:
    entries = {"__metadata__": metadata, **_entries(shapes, dtype)}
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8)


def _entries(shapes: Shapes, dtype: str) -> dict[str, Any]:
    """Return what the header says of the tensors, which lie one after the other."""
    entries: dict[str, Any] = {}
    start = 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape) * np.dtype(dtype).itemsize
        entries[name] = {
            "dtype": CODES[dtype],
            "shape": list(shape),
            "data_offsets": [start, stop],
        }
        start = stop
    return entries


def _tensors(data: bytearray, shapes: Shapes, dtype: str) -> dict[str, np.ndarray]:
    kind = np.dtype(dtype).newbyteorder("<")
    tensors, start = {}, 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        array = np.frombuffer(data, kind, count, start * kind.itemsize).reshape(shape)
        tensors[name] = array.astype(dtype, copy=False)
        start += count
    return tensors


def _little_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _summary(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:4]) + ", …"


def excerpt(value: object) -> str:
    """Return some of a value that comes from a file, on one line."""
    return ascii(value if isinstance(value, str) else str(value))[:80]


def shown(path: Path) -> str:
    """Return a path as printable text on one line."""
    return str(path) if str(path).isprintable() else ascii(str(path))
