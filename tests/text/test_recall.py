"""The generated text: its letters, where its recalls are, and which of them count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.parity.config import GAPS
from scratch_rnn.text import (
    Batches,
    DataError,
    load_corpus,
    load_text,
    load_time_machine,
    recall_text,
)
from scratch_rnn.text.recall import (
    LARGEST_GAP,
    NUM_TOKENS,
    RANDOM,
    RECALL,
    SAID_AGAIN,
    check_gap,
    count_recalls,
    write_recalls,
)

SAMPLINGS = ("sequential", "random")


@given(gap=st.integers(1, 12), num_tokens=st.integers(1, 400), seed=st.integers(0, 2**64))
def test_each_word_is_a_letter_and_random_ones_and_then_its_first_letter_follows(
    gap, num_tokens, seed
):
    text = write_recalls(gap, num_tokens=num_tokens, seed=seed)
    assert len(text) == num_tokens
    *whole, cut = text.split(b" ")
    words, recalls = [*whole, cut][0::2], whole[1::2]
    assert [word[:1] for word, _ in zip(words, recalls, strict=False)] == recalls
    for word in whole[0::2]:
        assert len(word) == gap + 1
        assert word[0] in SAID_AGAIN
        assert set(word[1:]) <= set(RANDOM)


def test_all_letters_occur_equally_often():
    text = write_recalls(10)
    words, recalls = text.split(b" ")[:-1:2], text.split(b" ")[1::2]
    assert abs(len(words) - NUM_TOKENS / 14) < 2
    for letters, allowed in (
        (b"".join(recalls), SAID_AGAIN),
        (b"".join(word[1:] for word in words), RANDOM),
    ):
        counts = np.bincount(list(letters), minlength=128)[list(allowed)]
        assert counts.sum() == len(letters)
        expected = len(letters) / len(allowed)
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)  # five standard deviations


def test_the_text_depends_on_gap_and_seed_alone():
    assert recall_text(6, seed=3) == recall_text(6, seed=3) == load_text(RECALL, gap=6, seed=3)
    assert load_text(RECALL) == recall_text(10, seed=0)
    assert len({recall_text(gap, seed=seed).sha1 for gap in (5, 6) for seed in (3, 4)}) == 4
    text = recall_text(6, num_tokens=90, seed=3)
    assert text.describe().startswith("Recall after 6 letters, 90 bytes, SHA-1 ")
    assert text.describe().endswith(", generated")


def test_a_file_of_that_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / RECALL).write_text("a text")
    assert load_text(RECALL).content == "a text"
    with pytest.raises(DataError, match=r"^expected the generated text recall for a gap, got re"):
        load_text(RECALL, gap=3)


def expected_recalls(corpus, vocab, batch, gap):
    """Find the recalls of a batch in another way: by the letters that its rows have."""
    space = vocab[" "]
    found = np.zeros(batch.inputs.shape, bool)
    for row, row_targets, row_found in zip(batch.inputs, batch.targets, found, strict=True):
        for t in range(gap + 1, len(row)):
            word = row[t - gap - 1 : t]
            if row[t] == space and space not in word:
                assert row_targets[t] == word[0]  # what has to be said is the word's first letter
                row_found[t] = True
    return found


@pytest.mark.parametrize("sampling", SAMPLINGS)
@given(gap=st.integers(1, 8), extra=st.integers(0, 30), seed=st.integers(0, 99))
def test_recalls_are_where_a_word_of_the_row_has_ended(sampling, gap, extra, seed):
    text = recall_text(gap, num_tokens=800, seed=seed)
    corpus, vocab = load_corpus(text)
    batches = Batches(corpus, 3, gap + 2 + extra, sampling=sampling, seed=seed, text=text)
    for batch in batches:
        expected = expected_recalls(corpus, vocab, batch, gap)
        np.testing.assert_array_equal(batch.recalls, expected)
        assert count_recalls(batch) == expected.sum()


def test_what_cannot_have_a_recall_is_refused():
    text = recall_text(6, num_tokens=500)
    with pytest.raises(DataError, match=r"at least 8 steps for a recall after 6 letters, got 7$"):
        load_time_machine(2, 7, text=text)
    assert len(load_time_machine(2, 8, text=text)[0]) > 0
    assert [check_gap(gap) for gap in (GAPS.least, GAPS.most)] == [1, LARGEST_GAP]  # the option's
