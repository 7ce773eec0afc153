"""Token ids in a file: a text that is larger than memory is read from disk, batch by batch.

The file is written once, in pieces, while the text is counted. The ids are not known yet then: the
most frequent token gets the first one. So the file holds a code of each token, and a table gives
the id of each code. A second file has the SHA-256 of both, and the frequencies of the tokens. Files
that do not fit it are written again.
"""

import errno
import hashlib
import json
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Int64

from scratch_rnn.arrays import Array
from scratch_rnn.text import download
from scratch_rnn.text.errors import DataError, escape
from scratch_rnn.text.opening import open_file, read_file

MOST_IN_MEMORY = 2**24
"""A text of more bytes has its tokens in a file; as int64, so many take 128 MiB of memory."""

MOST_FREQUENCIES = 2**27
"""Bytes of the second file."""

FORMAT = 2
"""Changes with the files, so that those of another version are not read."""

PIECE = 2**20
"""Bytes that are read at a time for the SHA-256."""


class StoredIds:
    """The ids of a text as int64, to be indexed like an array of shape (N,); they stay on disk.

    The file stays open. It is not mapped into memory, because a process that reads beyond the end
    of a mapped file is killed.

    Parameters
    ----------
    path : Path
        The codes of at least N tokens.
    codes : file
        The same file, open and checked.
    table : integers
        The id of each code.
    length : int
        N.
    dtype : dtype
        That of the codes.
    """

    def __init__(
        self,
        path: Path,
        codes: BinaryIO,
        table: Int64[Array, " K"],
        length: int,
        dtype: str,
    ) -> None:
        self.path, self.codes, self.table, self.length = path, codes, table, length
        self.dtype = np.dtype(dtype)
        self._unchanged = self._status()
        weakref.finalize(self, codes.close)

    def __len__(self) -> int:
        return self.length

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Read all ids into memory."""
        return self[:].astype(dtype or np.int64, copy=False)

    def __getitem__(self, places: slice | Int[Array, "..."]) -> Int64[Array, "..."]:
        """Return the ids at these places. For each row, one read covers its first to its last id.

        Raises
        ------
        OSError
            If the file has changed since it was checked.
        """
        if isinstance(places, slice):
            places = np.arange(*places.indices(self.length))
        if not places.size:
            return np.zeros(places.shape, np.int64)
        rows = np.atleast_2d(places).reshape(-1, places.shape[-1] if places.ndim else 1)
        firsts = rows.min(axis=1)
        counts = rows.max(axis=1) + 1 - firsts
        read = b"".join(map(self._read, firsts.tolist(), counts.tolist()))
        if self._status() != self._unchanged or len(read) < counts.sum() * self.dtype.itemsize:
            raise OSError(errno.EIO, "token ids that have changed", str(self.path))
        begins = (np.cumsum(counts) - counts - firsts)[:, None]  # of each row, in what was read
        ids: Array = self.table[np.frombuffer(read, self.dtype)[begins + rows]]
        return ids.reshape(places.shape)

    def _read(self, first: int, count: int) -> bytes:
        self.codes.seek(first * self.dtype.itemsize)
        return self.codes.read(count * self.dtype.itemsize)

    def _status(self) -> tuple[int, int]:
        status = os.fstat(self.codes.fileno())
        return status.st_size, status.st_mtime_ns


def path_of_codes(sha1: str, token: str) -> Path:
    """Return where in the cache the codes of a text are."""
    return download.cache_directory() / f"{sha1}-{token}.{FORMAT}.ids"


def path_of_frequencies(codes: Path) -> Path:
    """Return where the frequencies of a text are, given the path of its codes."""
    return codes.with_suffix(".frequencies")


def read_codes(path: Path) -> tuple[BinaryIO, dict[str, int]] | None:
    """Open the codes of a text, and read how often each token occurs; None unless both are whole.

    Unfinished files of killed processes are removed from the cache.
    """
    download.remove_parts(path.parent)
    try:
        stated, counted = read_file(path_of_frequencies(path), MOST_FREQUENCIES).split(b"\n", 1)
        codes = open_file(path)
    except (OSError, ValueError):  # ValueError: there is no such line
        return None
    digest = hashlib.sha256()
    while piece := codes.read(PIECE):
        digest.update(piece)
    digest.update(counted)
    if digest.hexdigest().encode() != stated:
        codes.close()
        return None
    return codes, json.loads(counted)


def write_codes(path: Path, codes: Iterator[Array], frequencies: dict[str, int]) -> None:
    """Write the codes of a text; then the frequencies, which are complete when all are read.

    Raises
    ------
    DataError
        If they cannot be written.
    """
    digest = hashlib.sha256()

    def hash_pieces() -> Iterator[Array]:
        for piece in codes:
            digest.update(piece.data)
            yield piece

    try:
        download.keep(hash_pieces(), path)
        content = json.dumps(frequencies).encode()
        digest.update(content)
        download.keep([digest.hexdigest().encode() + b"\n", content], path_of_frequencies(path))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DataError(
            f"expected space for the token ids of the text in {escape(path.parent)}, got: {reason} "
            "(RNN_PARITY_CACHE names another directory)"
        ) from None
