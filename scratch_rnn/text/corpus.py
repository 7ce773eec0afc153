"""Load a text, verify its SHA-1, and split it into tokens.

    file -> bytes -> Text -> lines of a to z -> tokens

:func:`load_text` tries four sources in this order: the directory in `RNN_PARITY_DATA`, the cache,
the network, and the sample that is part of this package. The SHA-1 identifies the text;
:meth:`Text.describe` returns it with the source in one line. One text is generated: `recall`.
"""

import codecs
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from scratch_rnn.checks import check_choice
from scratch_rnn.text import download
from scratch_rnn.text.books import BOOKS, Book, sha1_of
from scratch_rnn.text.errors import DataError, escape
from scratch_rnn.text.opening import open_input
from scratch_rnn.text.recall import GAP, NUM_TOKENS, RECALL, is_generated, write_recalls

Source = Literal["file", "RNN_PARITY_DATA", "cache", "download", "built-in sample", "generated"]
Token = Literal["char", "word"]

PIECE = 2**18
"""Bytes of a file that are read at a time."""

SAMPLE = "The Two Clocks of Quarry Light"

_WHENCE: dict[Source, str] = {
    "file": "from a file",
    "RNN_PARITY_DATA": "from RNN_PARITY_DATA",
    "cache": "from the cache",
    "download": "downloaded just now",
    "built-in sample": "the built-in sample",
    "generated": "generated",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its source. A user's file is not kept in memory; it is read when it is needed.

    Attributes
    ----------
    name : str
        Title of the book, or name of the file.
    raw : bytes or Path
        The bytes of the file, or the path of the file.
    num_bytes : int
        Size of the text in UTF-8, in bytes, without a byte order mark.
    sha1 : str
        SHA-1 of the file's bytes, 40 hexadecimal digits.
    source : str
        "file", "RNN_PARITY_DATA", "cache", "download", "built-in sample" or "generated".
    note : str
        A remark on the source, such as why a download failed.
    gap : int or None
        Of the generated text; see `scratch_rnn.text.recall`.
    """

    name: str
    raw: bytes | Path
    num_bytes: int
    sha1: str
    source: Source
    note: str = ""
    gap: int | None = None

    @classmethod
    def from_bytes(
        cls,
        raw: bytes | Path,
        *,
        path: object,
        source: Source,
        name: str = "",
        note: str = "",
        gap: int | None = None,
    ) -> "Text":
        """Check the bytes of a file, in one pass; `path` is its name in error messages.

        A known book gets its own title, and any other text gets `name`.

        Raises
        ------
        DataError
            If the bytes are not UTF-8, or contain no letter.
        """
        digest, size, has_letters = hashlib.sha1(usedforsecurity=False), 0, False
        decoder = codecs.getincrementaldecoder("utf-8")()
        for piece in _pieces(raw):
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                raise _utf8_error(error, size + len(piece), path) from None
            digest.update(piece)
            size += len(piece)
            has_letters = has_letters or re.search(b"[A-Za-z]", piece) is not None
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise _utf8_error(error, size, path) from None
        if not has_letters:
            raise DataError(
                f"expected a text with letters from A to Z in {escape(path)}, "
                f"got {size:,} bytes without one"
            )
        begins = next(iter(_pieces(raw)))
        num_bytes = size - (len(codecs.BOM_UTF8) if begins.startswith(codecs.BOM_UTF8) else 0)
        sha1 = digest.hexdigest()
        name = next((book.title for book in BOOKS.values() if book.sha1 == sha1), name)
        return cls(name, raw, num_bytes, sha1, source, note, gap)

    def pieces(self) -> Iterator[bytes]:
        """Yield the file's bytes in pieces.

        Raises
        ------
        DataError
            If the file has changed since it was checked.
        """
        digest = hashlib.sha1(usedforsecurity=False)
        for piece in _pieces(self.raw):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.sha1:
            raise DataError(f"expected {self.name} with SHA-1 {self.sha1[:8]}, got another file")

    @property
    def content(self) -> str:
        """The whole text, without a byte order mark."""
        return b"".join(self.pieces()).decode("utf-8-sig")

    def describe(self) -> str:
        """Return one line: name, size, the first digits of the SHA-1, source, and the note."""
        line = f"{self.name}, {self.num_bytes:,} bytes, SHA-1 {self.sha1[:8]}"
        line += f", {_WHENCE[self.source]}"
        return f"{line} ({self.note})" if self.note else line


def load_text(
    path: str | os.PathLike[str] | None = None,
    *,
    progress: bool = True,
    gap: int | None = None,
    seed: int = 0,
) -> Text:
    """Load the file at `path`, or a book: without a path, *The Time Machine* by H. G. Wells.

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
        no such file, it may be the name of a book in `scratch_rnn.text.books`, or "recall", the
        text that `scratch_rnn.text.recall` generates.
    progress : bool
        Say while the text is downloaded, if standard error is a terminal.
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
    if path is None:
        path = "time machine"
    elif not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected path to be a str or a path, got {type(path).__name__}")
    if is_generated(path):
        return recall_text(GAP if gap is None else gap, seed=seed)
    if gap is not None:
        raise DataError(f"expected the generated text {RECALL} for a gap, got {escape(path)}")
    if str(path) not in BOOKS or Path(path).exists():
        return _read_file(path)
    return load_book(BOOKS[str(path)], progress=progress)


def load_book(book: Book, *, progress: bool = True) -> Text:
    """Load a book, from the places that `load_text` describes, or else the built-in sample."""
    if directory := os.environ.get("RNN_PARITY_DATA"):
        return _read_data_directory(book, Path(directory))
    cached = download.cache_directory() / book.file
    if (raw := _read_if_book(book, cached)) is not None:
        return Text.from_bytes(raw, path=cached, source="cache")
    return _download(book, cached, progress)


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


def tokenize(lines: list[str], token: Token = "char") -> list[list[str]]:
    """Split each line into its characters ("char") or its words ("word").

    Examples
    --------
    >>> tokenize(["the traveller", "said"], token="word")
    [['the', 'traveller'], ['said']]
    """
    if not isinstance(lines, list):
        raise TypeError(f"expected lines to be a list of str, got {type(lines).__name__}")
    if not all(isinstance(line, str) for line in lines):
        raise TypeError("expected lines to be a list of str, got something else in it")
    check_choice("token", token, get_args(Token))
    return [list(line) if token == "char" else line.split() for line in lines]


def _read_file(path: str | os.PathLike[str]) -> Text:
    with _readable(path):
        return Text.from_bytes(Path(path), path=path, source="file", name=escape(Path(path).name))


def _read_data_directory(book: Book, directory: Path) -> Text:
    path = directory / book.file
    try:
        raw = _read(path)
    except DataError as error:
        raise DataError(f"RNN_PARITY_DATA: {error}") from None
    if not book.is_text(raw):
        raise DataError(
            f"RNN_PARITY_DATA: expected {escape(path)} with SHA-1 {book.sha1}, got {sha1_of(raw)}"
        )
    return Text.from_bytes(raw, path=path, source="RNN_PARITY_DATA")


def _download(book: Book, cached: Path, progress: bool) -> Text:
    try:
        raw = download.fetch(book, progress=progress)
        if not book.is_text(raw):
            raise download.DownloadError(
                f"expected SHA-1 {book.sha1[:8]}, got {len(raw):,} bytes with {sha1_of(raw)[:8]}"
            )
    except download.DownloadError as error:
        return sample_text(f"{book.title} could not be downloaded: {error}")
    try:
        download.keep(raw, cached)
        note = ""
    except OSError as error:
        note = f"not kept in the cache: {_describe(error)}"
    return Text.from_bytes(raw, path=cached, source="download", note=note)


def _read_if_book(book: Book, path: Path) -> bytes | None:
    try:
        raw = _read(path)
    except DataError:
        return None
    return raw if book.is_text(raw) else None


def _read(path: Path) -> bytes:
    with _readable(path), open_input(path) as file:
        return file.read()


def _describe(error: OSError | MemoryError) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _pieces(raw: bytes | Path) -> Iterator[bytes]:
    """Yield bytes in pieces of `PIECE`; at least one, which may be empty."""
    if isinstance(raw, bytes):
        yield raw
        return
    with open_input(raw) as file:
        yield file.read(PIECE)
        while piece := file.read(PIECE):
            yield piece


def _utf8_error(error: UnicodeDecodeError, end: int, path: object) -> DataError:
    offset = end - len(error.object) + error.start
    return DataError(
        f"expected UTF-8 text in {escape(path)}, got byte 0x{error.object[error.start]:02x} "
        f"at offset {offset}"
    )


@contextmanager
def _readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an error of reading a file into a DataError."""
    try:
        yield
    except (OSError, MemoryError) as error:
        found = _describe(error)
        raise DataError(f"expected a text file at {escape(path)}, got {found}") from None
