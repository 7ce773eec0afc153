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
    token, dtype, max_tokens, path, tmp_path, monkeypatch, request
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
        in_memory = Batches(expected, 3, 5, sampling=sampling)
        from_disk = Batches(ids, 3, 5, sampling=sampling)
        assert from_disk.corpus is ids
        for (x, y), batch in zip(in_memory, from_disk, strict=True):
            assert type(batch.inputs) is type(batch.targets) is np.ndarray
            assert batch.inputs.dtype == batch.targets.dtype == np.int64
            assert np.array_equal(batch.inputs, x)
            assert np.array_equal(batch.targets, y)


@pytest.mark.usefixtures("on_disk")
def test_a_cache_that_cannot_be_written_is_refused(path, monkeypatch):
    monkeypatch.setenv("RNN_PARITY_CACHE", str(path / "cache"))
    with pytest.raises(DataError, match=r"expected space for the token ids .*, got: \w.* \(RNN"):
        load_corpus(load_text(path))


@pytest.mark.usefixtures("on_disk")
def test_a_text_that_changes_while_it_is_read_leaves_nothing(path, tmp_path):
    text = load_text(path)
    path.write_text("another text " * 100)
    with pytest.raises(DataError, match="got another file"):
        load_corpus(text)
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("on_disk")
def test_a_text_on_disk_takes_little_memory(path, monkeypatch):
    monkeypatch.setattr(corpus_module, "PIECE", 2**18)
    path.write_bytes(path.read_bytes() * 1000)  # 13 MB
    text = load_text(path)
    tracemalloc.start()
    batches = Batches(load_corpus(text, max_tokens=None)[0], 32, 35)
    for _ in zip(range(50), batches, strict=False):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23 < path.stat().st_size
