"""A local server with many kinds of faults, and the book that it has."""

import hashlib
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOOK = b"The traveller said: the clock has stopped.\n" * 200
BOOK_SHA1 = hashlib.sha1(BOOK).hexdigest()
WEB_PAGE = b"<!DOCTYPE html><title>Please log in</title>"
ANSWERS = {  # by what the server does: its status, its answer, and the length that it states
    "well": (200, BOOK, len(BOOK)),
    "missing": (404, b"not here", 8),
    "web page": (200, WEB_PAGE, len(WEB_PAGE)),
    "cut off": (200, BOOK[:5000], len(BOOK)),
}


class Server(ThreadingHTTPServer):
    """Answer every request as `behaviour` says, and count them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = "well"
        self.hits = 0
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/timemachine.txt"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.hits += 1
        if self.server.behaviour == "silent":
            self.server.closing.wait()
            return
        name = self.server.behaviour if self.path == "/timemachine.txt" else "missing"
        status, body, length = ANSWERS[name]
        with suppress(OSError):  # the other side may hang up
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format, *args):
        """Print nothing."""
