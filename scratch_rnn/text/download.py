"""Download *The Time Machine*, and keep it.

The bytes are collected in memory and reach the disk only when they are complete and verified, so
an interrupted download leaves nothing behind. Waiting has an end: a refused connection is noticed
at once, a silent one after `CONNECT_SECONDS`, and no download lasts longer than `TOTAL_SECONDS`.
"""

import io
import os
import queue
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

URL = "https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
CONNECT_SECONDS = 10.0  # for the connection, and for each wait for the next bytes
TOTAL_SECONDS = 14.0  # for everything together
MOST_BYTES = 1_000_000  # the book has 178,979


class DownloadError(Exception):
    """The download failed; the message says why, on one line."""


def cache_directory() -> Path:
    """Return where downloads are kept: `RNN_PARITY_CACHE`, or the user's cache directory."""
    if directory := os.environ.get("RNN_PARITY_CACHE"):
        return Path(os.path.expanduser(directory))  # noqa: PTH111 - never raises
    import pooch  # type: ignore[import-untyped]  # not before the book is looked for

    return Path(pooch.os_cache("rnn-parity"))


def fetch(*, progress: bool = False) -> bytes:
    """Return what `URL`, or `RNN_PARITY_URL` in its place, has to offer, unverified.

    The work is done by a second thread, because looking up a name and trying one address after
    another cannot be interrupted, and because this one then stays open for Ctrl-C.

    Raises
    ------
    DownloadError
        Whatever went wrong.
    """
    url = os.environ.get("RNN_PARITY_URL") or URL
    body = _Body(deadline=time.monotonic() + TOTAL_SECONDS)
    bar = _Progress(visible=progress and _on_terminal())
    answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def work() -> None:
        import pooch

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
        body.deadline = 0.0  # whoever still writes is told to stop
        bar.erase()
    if failure is not None:
        raise DownloadError(_reason(failure, url))
    return body.getvalue()


def keep(content: bytes, path: Path) -> None:
    """Write a file so that other processes see all of it or nothing.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Body(io.BytesIO):
    """The bytes received so far; refuses more after the deadline or past `MOST_BYTES`."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
        if time.monotonic() > self.deadline:
            raise TimeoutError
        if self.tell() + len(chunk) > MOST_BYTES:
            raise DownloadError(f"expected at most {MOST_BYTES:,} bytes, got more")
        return super().write(chunk)


class _Progress:
    """A line on standard error, through the four names that pooch expects of a progress bar."""

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


def _on_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


def _reason(error: Exception, url: str) -> str:
    """Say in a few words why the download failed; the libraries' own messages fill a screen."""
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
