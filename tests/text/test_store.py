"""A text on disk has the same batches as in memory."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import scratch_rnn.text.corpus as corpus_module
from scratch_rnn.text import (
    Batches,
    DataError,
    download,
    load_corpus,
    load_text,
    sample_text,
    store,
)
from scratch_rnn.text.store import StoredIds


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A text that is read in pieces of a thousand bytes."""
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus_module, "PIECE", 1000)
    path = tmp_path / "text.txt"
    path.write_text(sample_text().content)
    return path


@pytest.fixture
def on_disk(monkeypatch, path):
    monkeypatch.setattr(store, "MOST_IN_MEMORY", 100)


def stored(path, **options):
    ids, vocab = load_corpus(load_text(path), **options)
    assert isinstance(ids, StoredIds)
    return ids, vocab.idx_to_token


@pytest.mark.parametrize("token", ["char", "word"])
@pytest.mark.parametrize("max_tokens", [None, 500])
def test_a_text_on_disk_has_the_same_batches_as_in_memory(token, max_tokens, path, monkeypatch):
    expected, vocab = load_corpus(load_text(path), token=token, max_tokens=max_tokens)
    assert isinstance(expected, np.ndarray)
    monkeypatch.setattr(store, "MOST_IN_MEMORY", 100)
    ids, tokens = stored(path, token=token, max_tokens=max_tokens)
    assert tokens == vocab.idx_to_token
    assert len(ids) == len(expected)
    assert np.asarray(ids).tolist() == expected.tolist()
    for sampling in ("sequential", "random"):
        in_memory = Batches(expected, 3, 5, sampling=sampling)
        from_disk = Batches(ids, 3, 5, sampling=sampling)
        for (x, y), batch in zip(in_memory, from_disk, strict=True):
            assert batch.inputs.dtype == batch.targets.dtype == np.int64
            assert np.array_equal(batch.inputs, x)
            assert np.array_equal(batch.targets, y)


@pytest.mark.usefixtures("on_disk")
def test_the_ids_are_written_once(path):
    ids, _ = stored(path)
    counted = store.path_of_frequencies(ids.path)
    assert sorted(ids.path.parent.iterdir()) == [counted, ids.path]
    before = ids.path.stat()
    assert np.array_equal(stored(path)[0], ids)
    after = ids.path.stat()  # st_atime may differ
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def flip(place):
    def change(file):
        content = bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)

    return change


def replace_by(make):
    return lambda file: (file.unlink(), make(file))


DAMAGES = {
    "nothing": lambda file: None,
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"e"),
    "empty": lambda file: file.write_bytes(b""),
    "missing": Path.unlink,
    "the first bit": flip(0),
    "a bit in the middle": flip(70),
    "the last bit": flip(-1),
    "another version": lambda file: file.write_bytes(b'{"a": 1}'),
    "a link to nothing": replace_by(lambda file: file.symlink_to("nothing")),
    "a link to a device": replace_by(lambda file: file.symlink_to("/dev/zero")),
    "a pipe": replace_by(lambda file: os.mkfifo(file)),
}


@pytest.mark.skipif(os.name != "posix", reason="needs pipes with a name")
@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("of", ["codes", "frequencies"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_whole_is_written_again(damage, of, path):
    ids, tokens = stored(path, max_tokens=None)
    expected = np.asarray(ids)
    DAMAGES[damage](ids.path if of == "codes" else store.path_of_frequencies(ids.path))
    again, same = stored(path, max_tokens=None)
    assert same == tokens
    assert np.array_equal(again, expected)
    assert len(list(ids.path.parent.iterdir())) == 2


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "the last bit"])
def test_ids_that_change_while_they_are_read_are_refused(damage, path):
    batches = Batches(stored(path)[0], 3, 5)
    passed = batches.epoch(0)
    next(passed)
    ids = batches.corpus
    assert isinstance(ids, StoredIds)
    DAMAGES[damage](ids.path)
    with pytest.raises(OSError, match="token ids that have changed") as caught:
        next(passed)
    assert caught.value.filename == str(ids.path)


@pytest.mark.skipif(os.name != "posix", reason="on Windows no lock is needed")
@pytest.mark.usefixtures("on_disk")
def test_what_a_killed_process_left_is_removed_and_not_what_another_writes(path):
    cache = download.cache_directory()
    half = cache / f".{store.path_of_codes('0' * 40, 'char').name}.{'0' * 32}"

    def pieces():
        yield b"a"
        half.write_bytes(b"half")
        stored(path)
        yield b"b"

    download.keep(pieces(), cache / "other")
    assert (cache / "other").read_bytes() == b"ab"
    assert len(list(cache.iterdir())) == 3
    assert not half.exists()


@pytest.mark.usefixtures("on_disk")
def test_a_cache_that_cannot_be_written_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.setenv("RNN_PARITY_CACHE", str(path / "cache"))
    with pytest.raises(DataError, match=r"expected space for the token ids .*, got: \w.* \(RNN"):
        stored(path)


@pytest.mark.usefixtures("on_disk")
def test_a_text_that_changes_while_it_is_read_leaves_nothing(path, tmp_path):
    text = load_text(path)
    path.write_text("another text " * 100)
    with pytest.raises(DataError, match="got another file"):
        load_corpus(text)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("on_disk")
def test_of_a_text_on_disk_nothing_is_held(path, monkeypatch):
    monkeypatch.setattr(corpus_module, "PIECE", 2**18)
    path.write_bytes(path.read_bytes() * 1000)  # 13 MB
    tracemalloc.start()
    batches = Batches(stored(path, max_tokens=None)[0], 32, 35)
    for _ in zip(range(50), batches, strict=False):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23 < path.stat().st_size
