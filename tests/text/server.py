"""A local server with many kinds of faults, and the book that it has."""

import hashlib
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from scratch_rnn.text.books import BOOKS

BOOK = b"The traveller said: the clock has stopped.\n" * 200
BOOK_SHA1 = hashlib.sha1(BOOK).hexdigest()
WEB_PAGE = b"<!DOCTYPE html><title>Please log in</title>"
ANSWERS = {"well": (BOOK, 200), "missing": (b"not here", 404), "web_page": (WEB_PAGE, 200)}


def put_book(monkeypatch, name="time machine", book=None, **fields):
    """Change fields of a book, or add one."""
    monkeypatch.setitem(BOOKS, name, replace(book or BOOKS[name], **fields))


class Server(ThreadingHTTPServer):
    """Answer every request with the method named by `behaviour`, and count them."""

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
        with suppress(OSError):  # the other side may hang up
            name = self.server.behaviour if self.path == "/timemachine.txt" else "missing"
            if name in ANSWERS:
                self.answer(*ANSWERS[name])
            else:
                getattr(self, name)()

    def answer(self, body, status, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def cut_off(self):
        self.answer(BOOK[:5000], 200, length=len(BOOK))

    def no_http(self):
        self.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")

    def endless(self):
        self.answer(BOOK * 200, 200)

    def silent(self):
        self.server.closing.wait()

    def interrupting(self):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        self.server.closing.wait()

    def drip(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.wait(0.02):
            self.wfile.write(b".")

    def log_message(self, format, *args):
        """Print nothing."""
