"""Token ids in a file: a text that is larger than memory is read from disk, batch by batch.

The file is written once, in pieces, while the text is counted. The ids are not known yet then: the
most frequent token gets the first one. So the file holds a code of each token, and a table gives
the id of each code.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Int64

from scratch_rnn.text import download
from scratch_rnn.text.errors import DataError, shown

MOST_IN_MEMORY = 2**24
"""A text of more bytes has its tokens in a file; as int64, so many take 128 MiB of memory."""

READS = 100
"""Reads after which the file is mapped again. Each read leaves a few pages per row in memory."""

FORMAT = 1
"""Changes with the codes of a text, so that files of another version are not read."""


class StoredIds:
    """The ids of a text as int64, to be indexed like an array of shape (N,); they stay on disk.

    Parameters
    ----------
    path : Path
        The codes of at least N tokens.
    table : integers
        The id of each code.
    length : int
        N.
    dtype : dtype
        That of the codes.
    """

    def __init__(self, path: Path, table: Int64[np.ndarray, " K"], length: int, dtype: str) -> None:
        self.path, self.table, self.length, self.dtype = path, table, length, dtype
        self._reads = 0

    def __len__(self) -> int:
        return self.length

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read all ids into memory."""
        return self[:].astype(dtype or np.int64, copy=False)

    def __getitem__(self, places: slice | Int[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
        """Return the ids at these places.

        The file is mapped again now and then, so that what was read does not stay in memory.
        """
        if self._reads % READS == 0:
            self._codes = np.memmap(self.path, self.dtype, mode="r", shape=self.length)
        self._reads += 1
        ids: np.ndarray = self.table[self._codes[places]]
        return ids


def path_of_codes(sha1: str, token: str) -> Path:
    """Return where in the cache the codes of a text are."""
    return download.cache_directory() / f"{sha1}-{token}.{FORMAT}.ids"


def read_frequencies(path: Path, itemsize: int) -> dict[str, int] | None:
    """Return how often each token occurs in a file of codes; None unless the file is complete."""
    try:
        frequencies: dict[str, int] = json.loads(path.with_suffix(".json").read_text("utf-8"))
        complete = path.stat().st_size == itemsize * sum(frequencies.values())
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return frequencies if complete else None


def write_codes(path: Path, codes: Iterator[np.ndarray], frequencies: dict[str, int]) -> None:
    """Write the codes of a text; then the frequencies, which are complete when all are read.

    Raises
    ------
    DataError
        If they cannot be written.
    """
    try:
        download.keep(codes, path)
        counted = json.dumps(frequencies).encode()
        download.keep([counted], path.with_suffix(".json"))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DataError(
            f"expected space for the token ids of the text in {shown(path.parent)}, got: {reason} "
            "(RNN_PARITY_CACHE names another directory)"
        ) from None
