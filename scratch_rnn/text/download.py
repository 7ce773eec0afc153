"""Download a book, and store it in the cache.

The bytes are collected in memory. They are written to the disk only when they are complete and
verified, so an interrupted download leaves no file behind. A refused connection fails at once. A
connection without an answer fails after `CONNECT_SECONDS`. The whole download fails after
`TOTAL_SECONDS`.
"""

import io
import os
import queue
import secrets
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from scratch_rnn.text.books import Book
from scratch_rnn.text.opening import open_input

CONNECT_SECONDS = 10.0  # for the connection, and for each wait for the next bytes
TOTAL_SECONDS = 14.0  # for everything together


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

    A second thread downloads. A name lookup and attempts to connect cannot be interrupted, so this
    thread only waits, and Ctrl-C works.

    Raises
    ------
    DownloadError
        If the download failed for any reason.
    """
    import pooch  # before the time is taken: on a slow machine it takes seconds

    url = os.environ.get(book.url_variable) or book.url
    body = _Body(book.most_bytes, deadline=time.monotonic() + TOTAL_SECONDS)
    bar = _Progress(visible=progress and _is_terminal())
    answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            get = pooch.HTTPDownloader(progressbar=bar, timeout=CONNECT_SECONDS)
            get(url, body, None)
            answer.put(None)
        except Exception as error:
            answer.put(error)

    try:
        threading.Thread(target=work, name="download", daemon=True).start()
        failure = answer.get(timeout=TOTAL_SECONDS)
    except queue.Empty:
        failure = TimeoutError()
    finally:
        body.deadline = 0.0  # the second thread stops at its next write
        bar.erase()
    if failure is not None:
        raise DownloadError(_reason(failure, url))
    return body.getvalue()


def keep(content: bytes, path: Path) -> None:
    """Write a file atomically: other processes see the complete file or none.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_parts(path.parent)
    part, file = _new_part(path)
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":  # where an open file cannot be renamed
                file.close()
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _remove_parts(directory: Path) -> None:
    """Remove unfinished files of killed processes; a living process holds a lock on its file."""
    for part in directory.glob(".*." + "[0-9a-f]" * 32):
        with suppress(OSError), ExitStack() as stack:
            if os.name != "nt":  # where an open file cannot be removed
                _lock(stack.enter_context(open_input(part)), waiting=False)
            part.unlink()


def _new_part(path: Path) -> tuple[Path, BinaryIO]:
    """Make and lock the file that will take the place of `path`."""
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(16)}")
        file = part.open("xb")
        with suppress(OSError):  # a file system without locks
            _lock(file, waiting=True)
        if part.exists():  # not removed before it was locked
            return part, file
        file.close()


def _lock(file: BinaryIO, *, waiting: bool) -> None:
    """Lock a file until it is closed or the process ends; not on Windows."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | (0 if waiting else fcntl.LOCK_NB))


class _Body(io.BytesIO):
    """The bytes received so far; refuses more after the deadline, or than `most_bytes`."""

    def __init__(self, most_bytes: int, deadline: float) -> None:
        super().__init__()
        self.most_bytes = most_bytes
        self.deadline = deadline

    def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
        if time.monotonic() > self.deadline:
            raise TimeoutError
        if self.tell() + len(chunk) > self.most_bytes:
            raise DownloadError(f"expected at most {self.most_bytes:,} bytes, got more")
        return super().write(chunk)


class _Progress:
    """A line on standard error, with the four attributes that pooch expects of a progress bar."""

    def __init__(self, visible: bool) -> None:
        self.visible = visible
        self.total = 0
        self.done = 0
        self.show("looking for the text")

    def update(self, num_bytes: int) -> None:
        self.done += num_bytes
        if self.total:
            self.show(f"downloading: {min(self.done / self.total, 1):4.0%}")

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.erase()

    def show(self, message: str) -> None:
        if self.visible:
            sys.stderr.write(f"\r{message:<24}\r")
            sys.stderr.flush()

    def erase(self) -> None:
        self.show("")
        self.visible = False


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


def _reason(error: Exception, url: str) -> str:
    """Return in a few words why the download failed; the libraries' messages are very long."""
    try:
        host = urlsplit(url).hostname or "the server"
    except ValueError:
        host = "the server"
    kind = type(error).__name__
    if isinstance(error, DownloadError):
        return str(error)
    if (response := getattr(error, "response", None)) is not None:
        return f"{host} answered {response.status_code}"
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return f"no answer from {host} in time"
    if kind == "ChunkedEncodingError":
        return f"the connection to {host} was cut off"
    if isinstance(error, ConnectionError) or kind == "ConnectionError":
        return f"no connection to {host}"
    return f"{kind} at {host}"
