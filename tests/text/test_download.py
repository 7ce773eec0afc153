"""The download, from a local server with many kinds of faults."""

import threading

import pytest

from scratch_rnn.text import Text, load_text
from scratch_rnn.text import download as download_module
from tests.text.server import BOOK, BOOK_SHA1, Server


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
    monkeypatch.setattr(download_module, "SHA1", BOOK_SHA1)
    monkeypatch.delenv("RNN_PARITY_DATA", raising=False)
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RNN_PARITY_URL", server.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def test_the_text_is_downloaded_once_and_kept(cache, server):
    text = load_text()
    assert text == Text("The Time Machine", BOOK.decode(), BOOK_SHA1, "cache")
    assert text.describe() == (
        f"The Time Machine, {len(BOOK):,} bytes, SHA-1 {BOOK_SHA1[:8]}, from the cache"
    )
    server.behaviour = "missing"
    assert load_text() == text
    assert server.hits == 1
    server.behaviour = "well"
    (cache / "timemachine.txt").write_bytes(BOOK[:-1])  # a damaged copy is replaced
    assert load_text() == text
    assert [path.read_bytes() for path in cache.iterdir()] == [BOOK]


REASONS = {  # why there is no download, by what the server does
    "missing": "127.0.0.1 answered 404",
    "web page": "127.0.0.1 has another file",
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
    assert not list(cache.glob("*"))
    server.behaviour = "well"  # a failure is not remembered
    assert load_text().source == "cache"


@pytest.mark.parametrize(
    ("url", "kind"), [("nonsense", "MissingSchema"), ("http://[", "InvalidURL")]
)
def test_an_address_that_cannot_be_used_is_no_crash(cache, monkeypatch, url, kind):
    monkeypatch.setenv("RNN_PARITY_URL", url)
    reason = f"{kind} at the server"
    assert load_text().note == f"The Time Machine could not be downloaded: {reason}"


def test_a_cache_that_cannot_be_written_falls_back_to_the_sample(cache):
    cache.write_text("a file")
    assert load_text().note == (
        "The Time Machine could not be downloaded: it cannot be kept in the cache: not a directory"
    )
