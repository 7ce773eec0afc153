"""The file: tensors, and one JSON object in the metadata, as safetensors writes them.

Safetensors has no checksum: with a flipped bit, it is a slightly different model. So the metadata
have the SHA-256 of the tensors and of the JSON. A file with the right digest is as it was
written.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from compare.files import (
    JsonObject,
    RecordError,
    SchemaError,
    excerpt,
    open_input,
    parse_json,
    write_file,
)
from compare.implementations import Array
from compare.terminal import PACKAGE

VERSION = 4
"""The version of a run's files, which a program reads if it is its own."""

NAME = "rnn-parity"
"""The only entry of the metadata, the digest and the JSON: the order of several is random."""

ZIP = b"PK\x03\x04"  # the first bytes of what torch.save and numpy.savez write
OURS = f"a checkpoint of {PACKAGE} run or train"
WITHOUT_VOCABULARY = (
    "which has no vocabulary beside its weights; "
    f"`{PACKAGE} train --model concise` trains a PyTorch model and writes both"
)


class CheckpointError(RecordError):
    """A checkpoint cannot be used; the message is one line and names the file."""


def check_version(version: object, what: str) -> None:
    """Raise a SchemaError if a file or a run has another version than this program's."""
    if version == VERSION:
        return
    got = excerpt(version)
    if isinstance(version, int | str):  # 0.1.0 wrote its own version, as a string
        got = "a newer one" if isinstance(version, int) and version > VERSION else "an older one"
    raise SchemaError(f"{what} of this version of {PACKAGE}", got)


def write(path: Path, tensors: Mapping[str, Array], values: JsonObject) -> None:
    """Write tensors and JSON values atomically."""
    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    text = json.dumps(values, allow_nan=False)
    write_file(path, [safetensors.numpy.save(arrays, {NAME: _digest(arrays, text) + text})])


def read(path: Path) -> tuple[dict[str, Array], JsonObject]:
    """Return the tensors of a file, and its JSON values.

    A SchemaError says why the file cannot be read.
    """
    try:
        with open_input(path) as file:  # a pipe or a device would be waited for
            beginning = file.read(len(ZIP))
        if beginning == ZIP:
            raise SchemaError(OURS, f"a file of torch.save or numpy.savez, {WITHOUT_VOCABULARY}")
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SchemaError:
        raise
    except OSError as error:
        raise SchemaError("a checkpoint", error.strerror or excerpt(error)) from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SchemaError("a safetensors file", excerpt(error)) from None
    if NAME not in metadata:
        raise SchemaError(OURS, f"another program's file, {WITHOUT_VOCABULARY}")
    if metadata[NAME].startswith("{"):
        check_version("0.1.0", "a checkpoint")  # which wrote the JSON alone, without the digest
    stated, text = metadata[NAME][:64], metadata[NAME][64:]
    if (digest := _digest(tensors, text)) != stated:
        raise SchemaError(f"content with the SHA-256 {excerpt(stated)[:8]}…", f"{digest[:8]}…")
    return tensors, parse_json(text)


def _digest(tensors: Mapping[str, Array], text: str) -> str:
    """Return the SHA-256 of the tensors, with names, shapes and dtypes, and of the JSON."""
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        digest.update(array.data)
    return digest.hexdigest()
