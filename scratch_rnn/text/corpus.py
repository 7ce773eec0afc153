"""Load a text: a file, the book, the built-in sample, or the generated text `recall`.

The SHA-1 identifies a text; :meth:`Text.describe` returns it with the source in one line.
"""

import hashlib
import io
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from scratch_rnn.text import download
from scratch_rnn.text.errors import DataError, escape
from scratch_rnn.text.opening import open_input
from scratch_rnn.text.recall import GAP, NUM_TOKENS, RECALL, is_generated, write_recalls

Source = Literal["file", "RNN_PARITY_DATA", "cache", "built-in sample", "generated"]

SAMPLE = "The Two Clocks of Quarry Light"

_WHENCE: dict[Source, str] = {
    "file": "from a file",
    "RNN_PARITY_DATA": "from RNN_PARITY_DATA",
    "cache": "from the cache",
    "built-in sample": "the built-in sample",
    "generated": "generated",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its source.

    Attributes
    ----------
    name : str
        Title of the book, or name of the file.
    content : str
        The text, without a byte order mark.
    sha1 : str
        SHA-1 of the file's bytes, 40 hexadecimal digits.
    source : str
        "file", "RNN_PARITY_DATA", "cache", "built-in sample" or "generated".
    note : str
        A remark on the source, such as why a download failed.
    gap : int or None
        Of the generated text; see `scratch_rnn.text.recall`.
    """

    name: str
    content: str
    sha1: str
    source: Source
    note: str = ""
    gap: int | None = None

    @classmethod
    def from_bytes(
        cls,
        raw: bytes,
        *,
        path: object,
        source: Source,
        name: str = "",
        note: str = "",
        gap: int | None = None,
    ) -> "Text":
        """Check the bytes of a file; `path` is its name in error messages.

        The book gets its own title, and any other text gets `name`.

        Raises
        ------
        DataError
            If the bytes are not UTF-8, or contain no letter.
        """
        try:
            content = raw.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"expected UTF-8 text in {escape(path)}, got byte 0x{raw[error.start]:02x} "
                f"at offset {error.start}"
            ) from None
        if re.search("[A-Za-z]", content) is None:
            raise DataError(
                f"expected a text with letters from A to Z in {escape(path)}, "
                f"got {len(raw):,} bytes without one"
            )
        sha1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        name = download.TITLE if sha1 == download.SHA1 else name
        return cls(name, content.removeprefix("\ufeff"), sha1, source, note, gap)

    def describe(self) -> str:
        """Return one line: name, size in UTF-8, first digits of the SHA-1, source, and the note."""
        line = f"{self.name}, {len(self.content.encode()):,} bytes, SHA-1 {self.sha1[:8]}"
        line += f", {_WHENCE[self.source]}"
        return f"{line} ({self.note})" if self.note else line


def load_text(
    path: str | os.PathLike[str] | None = None, *, gap: int | None = None, seed: int = 0
) -> Text:
    """Load the file at `path`; without a path, *The Time Machine* by H. G. Wells.

    The book is looked for in `$RNN_PARITY_DATA/timemachine.txt`, in the cache, and on the network.
    It is used only if its SHA-1 is right. The cache is the user's cache directory, or the directory
    in `RNN_PARITY_CACHE`. `RNN_PARITY_URL` replaces the address of the download. If the download
    fails, the built-in sample is used instead, and the text's `note` is the reason. A missing
    network is not an error. A wrong file in `RNN_PARITY_DATA` is an error, because the user chose
    this directory.

    Parameters
    ----------
    path : path, optional
        A text file in UTF-8, with or without a byte order mark, with any line endings. If there is
        no such file, it may be "recall", the text that `scratch_rnn.text.recall` generates.
    gap : int, optional
        Random letters between a letter and its recall, 10 if none is given. Of the generated text
        alone.
    seed : int
        Seed of the generated text.

    Raises
    ------
    DataError
        If the file at `path` or in `RNN_PARITY_DATA` cannot be used, or it has no `gap`.
    """
    if path is not None and not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    if is_generated(path):
        return recall_text(GAP if gap is None else gap, seed=seed)
    if gap is not None:
        raise DataError(f"expected the generated text {RECALL} for a gap, got {escape(path)}")
    if path is None:
        return load_book()
    return Text.from_bytes(_read(path), path=path, source="file", name=escape(Path(path).name))


def load_book() -> Text:
    """Load the book, from the places that `load_text` describes, or else the built-in sample."""
    if directory := os.environ.get("RNN_PARITY_DATA"):
        return _read_data_directory(Path(directory))
    try:
        path = download.fetch()
    except download.DownloadError as error:
        return sample_text(f"{download.TITLE} could not be downloaded: {error}")
    return Text.from_bytes(_read(path), path=path, source="cache")


def sample_text(note: str = "") -> Text:
    """Return the built-in sample, a short story written for this package."""
    raw = files("scratch_rnn.text").joinpath("sample.txt").read_bytes()
    return Text.from_bytes(raw, path="sample.txt", source="built-in sample", name=SAMPLE, note=note)


def recall_text(gap: int = GAP, *, num_tokens: int = NUM_TOKENS, seed: int = 0) -> Text:
    """Return the text of `write_recalls`, in which the model has to repeat a letter."""
    raw = write_recalls(gap, num_tokens=num_tokens, seed=seed)
    name = f"Recall after {gap} letters"
    return Text.from_bytes(raw, path=RECALL, source="generated", name=name, gap=gap)


def clean(text: str) -> list[str]:
    r"""Reduce each line to lower-case words of a to z with single spaces between them.

    A line ends with LF, CRLF or CR. Lines without a letter become empty strings.

    Examples
    --------
    >>> clean("I -- the traveller --\r\nsaid: \"8 o'clock!\"")
    ['i the traveller', 'said o clock']
    """
    if not isinstance(text, str):
        raise TypeError(f"expected text to be a str, got {type(text).__name__}")
    lines = io.StringIO(text, newline=None)  # None: every kind of line end becomes LF
    return [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in lines]


def _read_data_directory(directory: Path) -> Text:
    path = directory / download.FILE
    try:
        text = Text.from_bytes(_read(path), path=path, source="RNN_PARITY_DATA")
    except DataError as error:
        raise DataError(f"RNN_PARITY_DATA: {error}") from None
    if text.sha1 != download.SHA1:
        raise DataError(
            f"RNN_PARITY_DATA: expected {escape(path)} with SHA-1 {download.SHA1}, got {text.sha1}"
        )
    return text


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open_input(path) as file:
            return file.read()
    except (OSError, MemoryError) as error:
        reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
        raise DataError(f"expected a text file at {escape(path)}, got {reason}") from None
