"""Download a book, and store it in the cache.

The bytes of a book are verified when they arrive, and each time that they are read from the cache.
"""

import io
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from scratch_rnn.text.books import Book

SECONDS = 10.0  # for the connection, and for each wait for the next bytes


class DownloadError(Exception):
    """The download failed. The message is the reason, on one line."""


def cache_directory() -> Path:
    """Return the directory of the cache: `RNN_PARITY_CACHE`, or the user's cache directory."""
    if directory := os.environ.get("RNN_PARITY_CACHE"):
        return Path(os.path.expanduser(directory))  # noqa: PTH111 - never raises
    import pooch  # type: ignore[import-untyped]  # here, because it is rarely needed

    return Path(pooch.os_cache("rnn-parity"))


def fetch(book: Book, *, progress: bool = False) -> bytes:
    """Return the bytes at the address of the book. They are not verified.

    Raises
    ------
    DownloadError
        If the download failed for any reason.
    """
    import pooch

    url = os.environ.get(book.url_variable) or book.url
    body = io.BytesIO()
    is_shown = progress and sys.stderr is not None and sys.stderr.isatty()
    try:
        if is_shown:
            _show("downloading the text")
        pooch.HTTPDownloader(timeout=SECONDS)(url, body, None)
    except Exception as error:
        raise DownloadError(_reason(error, url)) from None
    finally:
        if is_shown:
            _show("")
    return body.getvalue()


def keep(content: bytes, path: Path) -> None:
    """Write a file. One that is incomplete is no copy of a book, and is downloaded again.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _show(message: str) -> None:
    """Replace what is in the line of the terminal."""
    sys.stderr.write(f"\r{message:<24}\r")
    sys.stderr.flush()


def _reason(error: Exception, url: str) -> str:
    """Return in a few words why the download failed; the libraries' messages are very long."""
    try:
        host = urlsplit(url).hostname or "the server"
    except ValueError:  # it is no address
        host = "the server"
    kind = type(error).__name__
    if (response := getattr(error, "response", None)) is not None:
        return f"{host} answered {response.status_code}"
    if "Timeout" in kind:
        return f"no answer from {host} in time"
    if kind == "ChunkedEncodingError":
        return f"the connection to {host} was cut off"
    if kind == "ConnectionError":
        return f"no connection to {host}"
    return f"{kind} at {host}"
