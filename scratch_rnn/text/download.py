"""*The Time Machine* by H. G. Wells: download it, and keep it in the cache.

pooch verifies its SHA-1 each time, and downloads a damaged copy again.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

TITLE, FILE = "The Time Machine", "timemachine.txt"
URL = "https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"

SECONDS = 10.0  # for the connection, and for each wait for the next bytes


class DownloadError(Exception):
    """The download failed. The message is the reason, on one line."""


def cache_directory() -> Path:
    """Return the directory of the cache: `RNN_PARITY_CACHE`, or the user's cache directory."""
    if directory := os.environ.get("RNN_PARITY_CACHE"):
        return Path(os.path.expanduser(directory))  # noqa: PTH111 - never raises
    import pooch  # type: ignore[import-untyped]  # here, because it is rarely needed

    return Path(pooch.os_cache("rnn-parity"))


def fetch() -> Path:
    """Return the path of the book in the cache; it is downloaded if it is not there.

    Raises
    ------
    DownloadError
        If the download failed for any reason.
    """
    import pooch

    url = os.environ.get("RNN_PARITY_URL") or URL
    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(timeout=SECONDS)
    try:
        return Path(pooch.retrieve(url, f"sha1:{SHA1}", FILE, cache_directory(), None, downloader))
    except Exception as error:
        raise DownloadError(_reason(error, url)) from None


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
    if kind == "ValueError":  # of pooch, about the SHA-1
        return f"{host} has another file"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be kept in the cache: {error.strerror.lower()}"
    return f"{kind} at {host}"
