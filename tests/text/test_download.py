"""The download, from a local server with many kinds of faults."""

import errno
import hashlib
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from scratch_rnn.text import Text, load_text
from scratch_rnn.text import download as download_module
from scratch_rnn.text.books import BOOKS, Book
from scratch_rnn.text.corpus import load_book
from tests.scripts import started
from tests.text.server import BOOK, BOOK_SHA1, OTHER_BOOK, WEB_PAGE, Server, put_book


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
WITHOUT_LIMITS = (
    "from dataclasses import replace\n"
    "from scratch_rnn.text import download, load_text\n"
    "from scratch_rnn.text.books import BOOKS\n"
    "download.CONNECT_SECONDS = download.TOTAL_SECONDS = 1e5\n"
)
"""Without time limits of the download, the test does not depend on the speed of the machine."""


@pytest.fixture
def cache(server, tmp_path, monkeypatch):
    """An empty cache, the server in the network's place, and its book in that of the real one."""
    monkeypatch.setattr(download_module, "CONNECT_SECONDS", 1e5)
    monkeypatch.setattr(download_module, "TOTAL_SECONDS", 1e5)
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
    assert text.describe().isprintable()
    assert files_in(cache) == []


def test_the_text_is_downloaded_once_and_kept(cache, server):
    text = load_text()
    assert text == Text("The Time Machine", BOOK, len(BOOK), BOOK_SHA1, "download")
    assert text.describe() == (
        f"The Time Machine, {len(BOOK):,} bytes, SHA-1 {BOOK_SHA1[:8]}, downloaded just now"
    )
    assert files_in(cache) == ["timemachine.txt"]
    assert (cache / "timemachine.txt").read_bytes() == BOOK

    server.behaviour = "missing"
    assert load_text() == Text("The Time Machine", BOOK, len(BOOK), BOOK_SHA1, "cache")
    assert server.hits == 1


def test_a_damaged_copy_is_replaced(cache):
    cache.mkdir()
    (cache / "timemachine.txt").write_bytes(BOOK[:-1])
    assert load_text().source == "download"
    assert (cache / "timemachine.txt").read_bytes() == BOOK
    assert files_in(cache) == ["timemachine.txt"]


def test_several_processes_may_download_at_once(cache, server):
    server.behaviour = "well_together"  # the server answers after three requests
    program = WITHOUT_LIMITS + (
        f"BOOKS['time machine'] = replace(BOOKS['time machine'], sha1={BOOK_SHA1!r})\n"
        "text = load_text()\n"
        "print(text.source, text.sha1, text.note)"
    )
    processes = [started("-c", program) for _ in range(3)]
    outputs = [process.communicate(timeout=800)[0].strip() for process in processes]
    assert outputs == [f"download {BOOK_SHA1}"] * 3
    assert files_in(cache) == ["timemachine.txt"]
    assert (cache / "timemachine.txt").read_bytes() == BOOK


def test_two_copies_being_written_do_not_meet(tmp_path, monkeypatch):
    replace = Path.replace

    def while_another_does_the_same(part, path):
        monkeypatch.setattr(Path, "replace", replace)
        download_module.keep(b"the other", path)
        assert path.read_bytes() == b"the other"
        return replace(part, path)

    monkeypatch.setattr(Path, "replace", while_another_does_the_same)
    download_module.keep(b"the one", tmp_path / "text")
    assert (tmp_path / "text").read_bytes() == b"the one"
    assert files_in(tmp_path) == ["text"]


def test_the_address_is_the_book_s_unless_the_variable_has_another(cache, server, monkeypatch):
    monkeypatch.delenv("RNN_PARITY_URL")
    put_book(monkeypatch, url=server.url)
    assert load_text().source == "download"


def test_another_book_is_one_more_entry(cache, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_book(monkeypatch, sha1="0" * 40)
    other = Book("Clocks", "clocks.txt", server.url, "CLOCKS_URL", BOOK_SHA1, len(BOOK))
    monkeypatch.setitem(BOOKS, "clocks", other)
    assert load_text("clocks") == Text("Clocks", BOOK, len(BOOK), BOOK_SHA1, "download")
    assert files_in(cache) == ["clocks.txt"]
    assert load_text(cache / "clocks.txt").name == "Clocks"
    (cache / "clocks.txt").unlink()
    monkeypatch.setenv("CLOCKS_URL", f"{server.url}/nowhere")
    assert load_book(other).note == "Clocks could not be downloaded: 127.0.0.1 answered 404"
    monkeypatch.delenv("CLOCKS_URL")
    too_large = load_book(replace(other, most_bytes=len(BOOK) - 1))
    assert too_large.note.endswith(f"expected at most {len(BOOK) - 1:,} bytes, got more")
    Path("clocks").write_bytes(OTHER_BOOK)
    assert load_text("clocks").source == "file"


def wrong_hash(body):
    found = hashlib.sha1(body).hexdigest()
    return f"expected SHA-1 {BOOK_SHA1[:8]}, got {len(body):,} bytes with {found[:8]}"


REASONS = {  # why there is no download, by what the server does
    "missing": "127.0.0.1 answered 404",
    "broken": "127.0.0.1 answered 503",
    "web_page": wrong_hash(WEB_PAGE),
    "other_text": wrong_hash(OTHER_BOOK),
    "nothing": wrong_hash(b""),
    "cut_off": "the connection to 127.0.0.1 was cut off",
    "cut_off_without_a_length": wrong_hash(BOOK[:5000]),
    "no_http": "no connection to 127.0.0.1",
    "endless": "expected at most 1,000,000 bytes, got more",
}


@pytest.mark.parametrize(("behaviour", "reason"), REASONS.items())
def test_a_bad_answer_falls_back_to_the_sample(cache, server, behaviour, reason):
    server.behaviour = behaviour
    assert_fell_back(load_text(), cache, reason)
    assert server.hits == 1
    server.behaviour = "well"  # a failure is not remembered
    assert load_text().source == "download"


def test_without_a_network_the_sample_comes_at_once(cache, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and nobody else gets it
        monkeypatch.setenv("RNN_PARITY_URL", f"http://127.0.0.1:{unused.getsockname()[1]}/")
        assert_fell_back(load_text(), cache, "no connection to 127.0.0.1")


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


def test_a_password_in_the_address_is_not_shown(cache, server, monkeypatch):
    server.behaviour = "missing"
    monkeypatch.setenv("RNN_PARITY_URL", server.url.replace("http://", "http://me:secret@"))
    assert_fell_back(load_text(), cache, "127.0.0.1 answered 404")


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_a_download_at_once_and_leaves_nothing(cache, server):
    server.behaviour = "silent"
    program = WITHOUT_LIMITS + (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited\n"
        "load_text()"
    )
    with started("-c", program) as process:
        assert server.requested.wait(800)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=800)
    assert process.returncode != 0
    assert errors.strip().endswith("KeyboardInterrupt")
    assert files_in(cache) == []


@pytest.mark.parametrize("method", ["open", "fsync", "replace"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_or_read_only_disk_costs_only_the_copy(cache, monkeypatch, error, method):
    def refused(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os if method == "fsync" else Path, method, refused)
    text = load_text()
    assert (text.source, text.sha1) == ("download", BOOK_SHA1)
    assert text.note == f"not kept in the cache: {os.strerror(error).lower()}"
    assert files_in(cache) == []


def test_something_in_the_way_costs_only_the_copy(cache, tmp_path, monkeypatch):
    (cache / "timemachine.txt").mkdir(parents=True)
    text = load_text()
    assert (text.source, text.sha1) == ("download", BOOK_SHA1)
    assert text.note == "not kept in the cache: is a directory"
    assert files_in(cache) == ["timemachine.txt"]
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "file" / "cache"))
    assert load_text().note == "not kept in the cache: not a directory"


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
    cache, server, monkeypatch, capsys, is_terminal, progress, behaviour, shown
):
    server.behaviour = behaviour
    if is_terminal:
        monkeypatch.setattr(download_module, "_is_terminal", lambda: True)
    load_text(progress=progress)
    output, errors = capsys.readouterr()
    assert (output, bool(errors)) == ("", bool(shown))
    assert all(words in errors for words in shown)
    assert "\n" not in errors
    assert not shown or errors.split("\r")[-2].strip() == ""


def test_no_standard_error_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert not download_module._is_terminal()
