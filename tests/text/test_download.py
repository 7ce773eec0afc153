"""The download, from a local server with many kinds of faults."""

import contextlib
import errno
import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
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


LIMITS = (download_module.CONNECT_SECONDS, download_module.TOTAL_SECONDS)


@pytest.fixture
def cache(server, tmp_path, monkeypatch):
    """An empty cache, the server in the network's place, and its book in that of the real one.

    Without time limits of the download, the test does not depend on the speed of the machine.
    """
    for limit in ("CONNECT_SECONDS", "TOTAL_SECONDS"):
        monkeypatch.setattr(download_module, limit, 1e5)
    put_book(monkeypatch, sha1=BOOK_SHA1)
    monkeypatch.delenv("RNN_PARITY_DATA", raising=False)
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RNN_PARITY_URL", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def files_in(cache):
    return sorted(path.name for path in cache.rglob("*"))


def assert_fell_back(text, cache, reason):
    assert text.source == "built-in sample"
    assert text.note == f"The Time Machine could not be downloaded: {reason}"
    assert text.describe().endswith(f", the built-in sample ({text.note})")
    assert files_in(cache) == []


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
    assert (cache / "timemachine.txt").read_bytes() == BOOK
    assert files_in(cache) == ["timemachine.txt"]


def test_two_copies_being_written_do_not_meet(tmp_path):
    path, copies = tmp_path / "text", (100_000 * b"a", 90_000 * b"b")

    def keep(copy):
        for _ in range(20):
            download_module.keep(copy, path)
            assert path.read_bytes() in copies

    with ThreadPoolExecutor(2) as two:
        assert [*two.map(keep, copies)] == [None, None]
    assert files_in(tmp_path) == ["text"]


def test_another_book_is_one_more_entry(cache, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_book(monkeypatch, sha1="0" * 40)
    other = Book("Clocks", "clocks.txt", server.url, "CLOCKS_URL", BOOK_SHA1, len(BOOK))
    put_book(monkeypatch, "clocks", other)
    assert load_text("clocks") == Text("Clocks", BOOK, len(BOOK), BOOK_SHA1, "download")
    assert files_in(cache) == ["clocks.txt"]
    assert load_text(cache / "clocks.txt").name == "Clocks"
    (cache / "clocks.txt").unlink()
    monkeypatch.setenv("CLOCKS_URL", f"{server.url}/nowhere")
    assert load_book(other).note == "Clocks could not be downloaded: 127.0.0.1 answered 404"
    monkeypatch.delenv("CLOCKS_URL")
    too_large = load_book(replace(other, most_bytes=len(BOOK) - 1))
    assert too_large.note.endswith(f"expected at most {len(BOOK) - 1:,} bytes, got more")
    Path("clocks").write_bytes(b"The clock has stopped.\n")
    assert load_text("clocks").source == "file"


PAGE_SHA1 = hashlib.sha1(WEB_PAGE).hexdigest()
REASONS = {  # why there is no download, by what the server does
    "missing": "127.0.0.1 answered 404",
    "web_page": f"expected SHA-1 {BOOK_SHA1[:8]}, got 43 bytes with {PAGE_SHA1[:8]}",
    "cut_off": "the connection to 127.0.0.1 was cut off",
    "no_http": "no connection to 127.0.0.1",
    "endless": "expected at most 1,000,000 bytes, got more",
}


@pytest.mark.parametrize(("behaviour", "reason"), REASONS.items())
def test_a_bad_answer_falls_back_to_the_sample(cache, server, monkeypatch, behaviour, reason):
    monkeypatch.setenv("RNN_PARITY_URL", server.url.replace("http://", "http://me:secret@"))
    server.behaviour = behaviour
    assert_fell_back(load_text(), cache, reason)  # which says nothing of the password
    assert server.hits == 1
    server.behaviour = "well"  # a failure is not remembered
    assert load_text().source == "download"


@pytest.mark.parametrize(
    ("behaviour", "limit"),
    [("silent", "CONNECT_SECONDS"), ("drip", "TOTAL_SECONDS")],  # drip: each byte comes in time
)
def test_a_server_that_never_ends_is_given_up(cache, server, monkeypatch, behaviour, limit):
    assert LIMITS[0] < LIMITS[1] < 15
    monkeypatch.setattr(download_module, limit, 0.3)
    server.behaviour = behaviour
    assert_fell_back(load_text(), cache, "no answer from 127.0.0.1 in time")
    server.closing.set()


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://127.0.0.1/", "http://"])
def test_an_address_that_cannot_be_used_is_no_crash(cache, monkeypatch, url):
    monkeypatch.setenv("RNN_PARITY_URL", url)
    text = load_text()
    assert text.source == "built-in sample"
    assert text.note.startswith("The Time Machine could not be downloaded: ")
    assert text.note.isprintable()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_a_download_at_once_and_leaves_nothing(cache, server):
    server.behaviour = "interrupting"
    with pytest.raises(KeyboardInterrupt):
        load_text()
    assert server.hits == 1
    assert files_in(cache) == []


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("mkdir", errno.ENOTDIR),
        ("open", errno.EROFS),
        ("fsync", errno.ENOSPC),
        ("replace", errno.EISDIR),
    ],
)
def test_a_full_or_read_only_disk_costs_only_the_copy(cache, monkeypatch, error, method):
    def refused(*_, **__):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os if method == "fsync" else Path, method, refused)
    text = load_text()
    assert (text.source, text.sha1) == ("download", BOOK_SHA1)
    assert text.note == f"not kept in the cache: {os.strerror(error).lower()}"
    assert files_in(cache) == []


@pytest.mark.parametrize(
    ("is_terminal", "progress", "behaviour", "shown"),
    [
        (False, True, "well", []),
        (True, False, "well", []),
        (True, True, "well", ["looking for the text", "100%"]),
        (True, True, "missing", ["looking for the text"]),
    ],
)
def test_progress_is_one_line_on_a_terminal_and_erased_at_the_end(
    cache, server, capsys, is_terminal, progress, behaviour, shown
):
    server.behaviour = behaviour
    screen = type("Screen", (io.StringIO,), {"isatty": lambda _: is_terminal})()
    with contextlib.redirect_stderr(screen):
        load_text(progress=progress)
    errors = screen.getvalue()
    assert (capsys.readouterr(), bool(errors)) == (("", ""), bool(shown))
    assert all(words in errors for words in shown)
    assert "\n" not in errors
    assert not shown or errors.split("\r")[-2].strip() == ""


def test_no_standard_error_is_no_terminal(cache):
    with contextlib.redirect_stderr(None):
        assert load_text(progress=True).source == "download"
