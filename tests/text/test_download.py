"""The download, from a local server with many kinds of faults."""

import contextlib
import hashlib
import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from scratch_rnn.text import Text, load_text
from scratch_rnn.text import download as download_module
from scratch_rnn.text.books import Book
from scratch_rnn.text.corpus import load_book
from tests.text.server import BOOK, BOOK_SHA1, WEB_PAGE, Server, put_book


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(server, tmp_path, monkeypatch):
    """An empty cache, the server in the network's place, and its book in that of the real one."""
    monkeypatch.setattr(download_module, "SECONDS", 1e5)  # on however slow a machine
    put_book(monkeypatch, sha1=BOOK_SHA1)
    monkeypatch.delenv("RNN_PARITY_DATA", raising=False)
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RNN_PARITY_URL", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def test_the_text_is_downloaded_once_and_kept(cache, server):
    text = load_text()
    assert text == Text("The Time Machine", BOOK, len(BOOK), BOOK_SHA1, "download")
    assert text.describe() == (
        f"The Time Machine, {len(BOOK):,} bytes, SHA-1 {BOOK_SHA1[:8]}, downloaded just now"
    )
    server.behaviour = "missing"
    assert load_text() == replace(text, source="cache")
    assert server.hits == 1
    server.behaviour = "well"
    (cache / "timemachine.txt").write_bytes(BOOK[:-1])  # a damaged copy is replaced
    assert load_text() == text
    assert [path.read_bytes() for path in cache.iterdir()] == [BOOK]


def test_another_book_is_one_more_entry(cache, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_book(monkeypatch, sha1="0" * 40)
    other = Book("Clocks", "clocks.txt", server.url, "CLOCKS_URL", BOOK_SHA1)
    put_book(monkeypatch, "clocks", other)
    assert load_text("clocks") == Text("Clocks", BOOK, len(BOOK), BOOK_SHA1, "download")
    assert load_text(cache / "clocks.txt").name == "Clocks"
    (cache / "clocks.txt").unlink()
    monkeypatch.setenv("CLOCKS_URL", f"{server.url}/nowhere")
    assert load_book(other).note == "Clocks could not be downloaded: 127.0.0.1 answered 404"
    Path("clocks").write_bytes(b"The clock has stopped.\n")
    assert load_text("clocks").source == "file"


PAGE_SHA1 = hashlib.sha1(WEB_PAGE).hexdigest()
REASONS = {  # why there is no download, by what the server does
    "missing": "127.0.0.1 answered 404",
    "web page": f"expected SHA-1 {BOOK_SHA1[:8]}, got 43 bytes with {PAGE_SHA1[:8]}",
    "cut off": "the connection to 127.0.0.1 was cut off",
    "silent": "no answer from 127.0.0.1 in time",
}


@pytest.mark.parametrize(("behaviour", "reason"), REASONS.items())
def test_a_bad_answer_falls_back_to_the_sample(cache, server, monkeypatch, behaviour, reason):
    monkeypatch.setenv("RNN_PARITY_URL", server.url.replace("http://", "http://me:secret@"))
    server.behaviour = behaviour
    with monkeypatch.context() as patch:
        patch.setattr(download_module, "SECONDS", 0.3 if behaviour == "silent" else 1e5)
        text = load_text()
    assert text.source == "built-in sample"
    assert text.note == f"The Time Machine could not be downloaded: {reason}"  # no password
    assert text.describe().endswith(f", the built-in sample ({text.note})")
    assert not cache.exists()
    server.behaviour = "well"  # a failure is not remembered
    assert load_text().source == "download"


@pytest.mark.parametrize(
    ("url", "kind"), [("nonsense", "MissingSchema"), ("http://[", "InvalidURL")]
)
def test_an_address_that_cannot_be_used_is_no_crash(cache, monkeypatch, url, kind):
    monkeypatch.setenv("RNN_PARITY_URL", url)
    reason = f"{kind} at the server"
    assert load_text().note == f"The Time Machine could not be downloaded: {reason}"


def test_a_cache_that_cannot_be_written_costs_only_the_copy(cache):
    cache.write_text("a file")
    text = load_text()
    assert (text.source, text.sha1) == ("download", BOOK_SHA1)
    assert text.note == "not kept in the cache: file exists"


@pytest.mark.parametrize("behaviour", ["well", "missing"])
@pytest.mark.parametrize(
    ("is_terminal", "progress"), [(True, True), (True, False), (False, True), (None, True)]
)
def test_a_download_is_one_line_on_a_terminal_and_erased_at_the_end(
    cache, server, is_terminal, progress, behaviour
):
    server.behaviour = behaviour
    screen = None  # standard error is closed
    if is_terminal is not None:
        screen = type("Screen", (io.StringIO,), {"isatty": lambda _: is_terminal})()
    with contextlib.redirect_stderr(screen):
        load_text(progress=progress)
    shown = screen.getvalue().split("\r") if screen else [""]
    lines = ["", "downloading the text", "", "", ""] if is_terminal and progress else [""]
    assert [line.strip() for line in shown] == lines
