"""A text on disk has the same batches as in memory."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratch_rnn.text.corpus as corpus_module
from scratch_rnn.text import Batches, DataError, load_corpus, load_text, sample_text, store
from scratch_rnn.text.store import StoredIds


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text that is read in pieces of a thousand bytes."""
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus_module, "PIECE", 1000)
    path = tmp_path / "text.txt"
    path.write_text(sample_text().content)
    return path


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(store, "MOST_IN_MEMORY", 100)


def stored(path: Path, **options: Any) -> tuple[StoredIds, list[str]]:
    ids, vocab = load_corpus(load_text(path), **options)
    assert isinstance(ids, StoredIds)
    return ids, vocab.idx_to_token


@pytest.mark.parametrize("token", ["char", "word"])
@pytest.mark.parametrize("max_tokens", [None, 500])
def test_a_text_on_disk_has_the_same_batches_as_in_memory(
    token: Any, max_tokens: int | None, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_the_ids_are_written_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, _ = stored(path)
    [counted] = ids.path.parent.glob("*.json")
    assert sorted(ids.path.parent.iterdir()) == sorted([ids.path, counted])
    before = ids.path.stat()
    assert np.array_equal(stored(path)[0], ids)
    after = ids.path.stat()  # st_atime may differ
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("damage", ["ids cut", "no ids", "counts cut", "counts of a list", "none"])
def test_what_is_not_complete_is_written_again(damage: str, path: Path) -> None:
    ids, tokens = stored(path, max_tokens=None)
    expected = np.asarray(ids)
    counted = ids.path.with_suffix(".json")
    if damage == "ids cut":
        ids.path.write_bytes(ids.path.read_bytes()[:-1])
    elif damage == "no ids":
        ids.path.unlink()
    elif damage == "counts cut":
        counted.write_bytes(counted.read_bytes()[:-1])
    elif damage == "counts of a list":
        counted.write_text("[1, 2]")
    again, same = stored(path, max_tokens=None)
    assert same == tokens
    assert np.array_equal(again, expected)


@pytest.mark.usefixtures("on_disk")
def test_a_cache_that_cannot_be_written_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNN_PARITY_CACHE", str(path / "cache"))
    with pytest.raises(DataError, match=r"expected space for the token ids .*, got: \w.* \(RNN"):
        stored(path)


@pytest.mark.usefixtures("on_disk")
def test_a_text_that_changes_while_it_is_read_leaves_nothing(path: Path, tmp_path: Path) -> None:
    text = load_text(path)
    path.write_text("another text " * 100)
    with pytest.raises(DataError, match="got another file"):
        load_corpus(text)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("on_disk")
def test_of_a_text_on_disk_nothing_is_held(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "PIECE", 2**18)
    path.write_bytes(path.read_bytes() * 1000)  # 13 MB
    tracemalloc.start()
    batches = Batches(stored(path, max_tokens=None)[0], 32, 35)
    for _ in zip(range(50), batches, strict=False):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23 < path.stat().st_size
