"""The command `write`: serve the page to write in, with its site, on this machine."""

import io
import os
import webbrowser
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from compare.files import is_page
from compare.study.config import WriteConfig
from compare.study.writing.build import MARK
from compare.terminal import Terminal, UsageError

TYPES = {
    "": "application/octet-stream",
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
"""The type of a file by the end of its name: a system's own table may have another for scripts."""


PAGES = ("index.html", "index.htm")
"""The page that is shown of a folder; a folder without one is listed."""

HOSTS = ("127.0.0.1", "localhost")
"""The names of this machine in a request: a page of another site could have the name of its own."""


class Handler(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and what its links lead to in the folder, to this machine."""

    extensions_map = TYPES

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Send the head of a file, or of an error, and return the file."""
        if self.headers.get("Host", "").partition(":")[0] not in HOSTS:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        if not self._is_in_folder():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_in_folder(self) -> bool:
        """Return whether the file of a request, or the page of a folder, is in the folder."""
        path, root = Path(self.translate_path(self.path)), Path(self.directory).resolve()
        try:
            page = next((path / name for name in PAGES if (path / name).exists()), path)
            is_there = page.is_file() or page.is_dir()  # no pipe, no device
            return is_there and page.resolve().is_relative_to(root)
        except OSError:  # as of a name that is too long
            return False

    def log_message(self, *_: object) -> None:
        """Print nothing for a request."""


class Server(ThreadingHTTPServer):
    """A server that shares its port with no other; Windows would allow that."""

    allow_reuse_address = os.name == "posix"


def write(config: WriteConfig, terminal: Terminal | None = None) -> None:
    """Serve the page until Ctrl-C; UsageError without the page, or if the port is taken."""
    terminal = terminal or Terminal(quiet=True)
    config.check()
    page = config.site / "write" / "index.html"
    if not is_page(page, MARK):
        raise UsageError(
            f"expected the page {page}, got none; `make site` builds it in a checkout; "
            "without a checkout: rnn-parity new my_rnn.py"
        )
    with make_server(config) as server:
        address = f"http://127.0.0.1:{server.server_port}/write/"
        terminal.line(f"Write at {address}  (Ctrl-C ends it.)", whole=True)
        if config.open:
            webbrowser.open(address)
        server.serve_forever()


def make_server(config: WriteConfig) -> ThreadingHTTPServer:
    """Return the server of the site, for this machine alone; UsageError if the port is taken."""
    handler = partial(Handler, directory=str(config.site))
    try:
        return Server(("127.0.0.1", config.port), handler)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"expected a free --port, got {config.port}: {reason}") from None
