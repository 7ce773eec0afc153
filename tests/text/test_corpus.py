"""Reading, cleaning and cutting a text; the order of the sources without a network."""

import codecs
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scratch_rnn.text import (
    DataError,
    Text,
    Vocab,
    load_corpus,
    load_text,
    load_time_machine,
    sample_text,
)
from scratch_rnn.text import download as download_module


def write(directory, raw, name="notes.txt"):
    path = directory / name
    path.write_bytes(raw)
    return path


def refused(source):
    """Return the line that refuses a text."""
    with pytest.raises(DataError) as error:
        load_text(source)
    message = str(error.value)
    assert message.isprintable(), message
    return message


def test_a_file_is_read_and_described(tmp_path):
    raw = b"The sea.\nThe sea!\n"
    text = load_text(write(tmp_path, raw))
    assert text == Text("notes.txt", raw.decode(), hashlib.sha1(raw).hexdigest(), "file")
    assert text.describe() == f"notes.txt, 18 bytes, SHA-1 {text.sha1[:8]}, from a file"
    assert load_text(str(tmp_path / "notes.txt")) == text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"caf\xe9 noir", "expected UTF-8 text in {path}, got byte 0xe9 at offset 3"),  # Latin-1
        (b"\xff\xfeh\x00i\x00", "expected UTF-8 text in {path}, got byte 0xff at offset 0"),
        (b"\xef\xbb\xbfab\xff", "expected UTF-8 text in {path}, got byte 0xff at offset 5"),
        (b"a\xe2\x82", "expected UTF-8 text in {path}, got byte 0xe2 at offset 1"),  # cut off
        (b"\xef\xbb\xbf", "expected a text with letters from A to Z in {path}, got 3 bytes"),
        ("1 … ж".encode(), "expected a text with letters from A to Z in {path}, got 8 bytes"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, raw, message):
    path = write(tmp_path, raw)
    assert refused(path).startswith(message.format(path=path))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    files = [
        ("/dev/zero", "a pipe or a device"),
        (write(tmp_path, b"x") / "below", "not a directory"),
        ("nul\0byte", "a name that no file can have"),
        ("two\nlines", "no such file or directory"),
        ("x" * 5000, "file name too long"),
    ]
    for path, found in files:
        assert re.fullmatch(f"expected a text file at .*, got {found}", refused(path))


@given(raw=st.binary(max_size=200) | st.text().map(str.encode))
@example(b"a\x0cb\x1cc\r\r\nd\xc2\x85e\xe2\x80\xa8f")
@example(b"\xef\xbb\xbfone\rtwo\r\nthree\n")
def test_arbitrary_bytes_give_a_text_or_a_one_line_error(tmp_path_factory, raw):
    path = write(tmp_path_factory.getbasetemp(), raw, name="a\nb\x1b[31m.txt")
    try:
        text = load_text(path)
    except DataError as error:
        assert str(error).isprintable()  # noqa: PT017 - some of the bytes are a good text
        return
    assert text.describe().isprintable()
    assert f" {len(raw.removeprefix(codecs.BOM_UTF8)):,} bytes, " in text.describe()
    ids, vocab = load_corpus(text)
    # the same by another road: the file opened as text, its lines as Python reads them
    with path.open(encoding="utf-8-sig") as lines:
        words = [re.sub("[^a-z]+", " ", re.sub("[A-Z]+", _lower, line)).strip() for line in lines]
    assert "".join(vocab.to_tokens(ids.tolist())) == "".join(words)


def _lower(match):
    return match.group().lower()


def test_tokens_are_characters_and_lines_are_joined_with_nothing_between_them():
    raw = b"flashed and\npassed in"
    text = Text.from_bytes(raw, path="a text", source="file")
    ids, vocab = load_corpus(text)
    assert "".join(vocab.to_tokens(ids.tolist())) == "flashed andpassed in"
    assert vocab == Vocab("flashed andpassed in")
    first, whole = load_corpus(text, max_tokens=2)
    assert (vocab.to_tokens(first), whole) == (["f", "l"], vocab)


@pytest.fixture
def book(monkeypatch, tmp_path):
    """A short book that takes the place of the real one, an empty cache, and no network."""
    raw = b"I - The traveller\r\nsmiled.\n"
    monkeypatch.setattr(download_module, "SHA1", hashlib.sha1(raw).hexdigest())
    monkeypatch.delenv("RNN_PARITY_DATA", raising=False)
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RNN_PARITY_URL", "http://127.0.0.1:1/")
    return raw


def test_the_data_directory_comes_first_and_is_verified(book, tmp_path, monkeypatch):
    monkeypatch.setenv("RNN_PARITY_DATA", str(tmp_path))
    path = write(tmp_path, book, name="timemachine.txt")
    text = load_text()
    assert (text.source, text.name, text.note) == ("RNN_PARITY_DATA", "The Time Machine", "")
    assert text.describe().endswith(", from RNN_PARITY_DATA")
    copy = load_text(write(tmp_path, book, name="copy.txt"))  # recognised under any name
    assert (copy.name, copy.source) == ("The Time Machine", "file")

    path.write_bytes(book.replace(b"smiled", b"snored"))
    line = refused(None)
    assert line.startswith("RNN_PARITY_DATA: expected ")
    assert hashlib.sha1(book).hexdigest() in line
    assert hashlib.sha1(path.read_bytes()).hexdigest() in line

    path.unlink()
    assert re.match(r"RNN_PARITY_DATA: .*no such file", refused(None))
    # a file that is named outright comes before the directory
    assert load_text(write(tmp_path, b"other")).source == "file"


def test_a_verified_copy_in_the_cache_is_used(book, tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir()
    path = write(tmp_path / "cache", book, name="timemachine.txt")
    monkeypatch.setenv("RNN_PARITY_DATA", "")  # empty, it counts as unset
    assert load_text().source == "cache"
    path.write_bytes(book[:-1])
    text = load_text()
    assert text.source == "built-in sample"
    assert text.note == "The Time Machine could not be downloaded: no connection to 127.0.0.1"


def test_the_default_cache_belongs_to_the_user(monkeypatch):
    monkeypatch.delenv("RNN_PARITY_CACHE", raising=False)
    assert "rnn-parity" in download_module.cache_directory().parts
    monkeypatch.setenv("RNN_PARITY_CACHE", "~/here")
    assert download_module.cache_directory() == Path.home() / "here"


def test_the_sample_is_long_enough_and_holds_the_whole_alphabet():
    text = sample_text("offline")
    ids, vocab = load_corpus(text, max_tokens=None)
    assert len(ids) >= 12_500
    assert sorted(vocab.idx_to_token) == sorted(["<unk>", " ", *"abcdefghijklmnopqrstuvwxyz"])
    assert text.content.isascii()
    assert text.describe().endswith(", the built-in sample (offline)")


def test_one_call_gives_batches_and_vocabulary(book, tmp_path):
    text = sample_text()
    batches, vocab = load_time_machine(32, 35, text=text, seed=3, sampling="random")
    assert batches.text is text
    assert (batches.seed, batches.sampling, len(batches.corpus)) == (3, "random", 10_000)
    assert (len(vocab), len(batches)) == (28, 8)
    assert len(load_time_machine(4, 5, text=text, max_tokens=None)[0].corpus) > 12_500
    path = write(tmp_path, b"to and fro and to")  # a path, or it finds the text itself
    batches, vocab = load_time_machine(1, 2, text=path)
    assert vocab.idx_to_token == ["<unk>", " ", "o", "t", "a", "n", "d", "f", "r"]
    assert batches.text == load_text(path)
    assert load_time_machine(2, 3)[0].text == load_text()
    with pytest.raises(DataError, match=r"at least 1,156 tokens .* got 17"):
        load_time_machine(32, 35, text=path)
