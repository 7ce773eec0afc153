"""A text whose ids are in a file has the same batches as in memory, and leaves nothing behind."""

import tracemalloc

import numpy as np
import pytest

import scratch_rnn.text.corpus as corpus_module
from scratch_rnn.text import Batches, DataError, load, load_corpus, load_text, sample_text


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
    monkeypatch.setattr(load, "MOST_IN_MEMORY", 100)


@pytest.mark.parametrize(("token", "dtype"), [("char", np.uint8), ("word", np.uint32)])
@pytest.mark.parametrize("max_tokens", [None, 500])
def test_a_text_on_disk_has_the_same_batches_as_in_memory(
    token, dtype, max_tokens, path, tmp_path, request
):
    expected, vocab = load_corpus(load_text(path), token=token, max_tokens=max_tokens)
    assert not isinstance(expected, np.memmap)
    request.getfixturevalue("on_disk")
    ids, same_vocab = load_corpus(load_text(path), token=token, max_tokens=max_tokens)
    assert isinstance(ids, np.memmap)
    assert ids.dtype == dtype
    assert not ids.flags.writeable
    assert same_vocab == vocab
    assert ids.tolist() == expected.tolist()
    assert list((tmp_path / "cache").iterdir()) == []
    for sampling in ("sequential", "random"):
        from_disk = Batches(ids, 3, 5, sampling=sampling)
        assert from_disk.corpus is ids
        for batch, right in zip(from_disk, Batches(expected, 3, 5, sampling=sampling), strict=True):
            for found, array in zip(batch, right, strict=True):
                assert type(found) is np.ndarray
                np.testing.assert_array_equal(found, array, strict=True)


@pytest.mark.usefixtures("on_disk")
def test_a_cache_that_cannot_be_written_is_refused(path, monkeypatch):
    monkeypatch.setenv("RNN_PARITY_CACHE", str(path / "cache"))
    with pytest.raises(DataError, match=r"expected space for the token ids .*, got: \w.* \(RNN"):
        load_corpus(load_text(path))


def test_a_text_that_changes_while_it_is_read_is_refused(path, tmp_path, request):
    for fixture in ("path", "on_disk"):
        request.getfixturevalue(fixture)
        text = load_text(path)
        path.write_text(f"another text of {fixture} " * 100)
        with pytest.raises(DataError, match=r"expected text.txt with SHA-1 .*, got another file"):
            load_corpus(text)
        assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("max_tokens", [None, 10_000])
def test_a_large_text_takes_little_memory(max_tokens, path, monkeypatch, request):
    """All of it on disk, or the beginning of it in memory."""
    if max_tokens is None:
        request.getfixturevalue("on_disk")
    monkeypatch.setattr(corpus_module, "PIECE", 2**16)
    path.write_bytes(path.read_bytes() * 400)  # 5 MB
    text = load_text(path)
    tracemalloc.start()
    batches = Batches(load_corpus(text, max_tokens=max_tokens)[0], 32, 35)
    assert len([*zip(range(8), batches, strict=False)]) == 8
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22 < path.stat().st_size
