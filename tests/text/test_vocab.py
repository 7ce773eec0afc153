"""Numbers for tokens and tokens for numbers."""

import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.text import Vocab, load_corpus, load_text

words = st.text("abcdef", min_size=1, max_size=2)
texts = st.lists(words, max_size=36)


def test_worked_by_hand():
    # c occurs three times, a and b twice, d once. b comes before a in the text, so it comes first.
    vocab = Vocab(["b", "c", "a", "c", "a", "b", "c", "d"])
    assert vocab.idx_to_token == ["<unk>", "c", "b", "a", "d"]
    assert vocab.token_to_idx == {"<unk>": 0, "c": 1, "b": 2, "a": 3, "d": 4}
    assert len(vocab) == 5
    assert "a" in vocab
    assert "x" not in vocab
    assert 0 not in vocab
    assert repr(vocab) == "<Vocab of 5 tokens>"
    assert vocab == Vocab("bcacabcd")


def test_look_up():
    vocab = Vocab("banana")  # a 3, n 2, b 1
    assert vocab["a"] == 1
    assert vocab["?"] == 0
    assert vocab[["b", "a", "?"]] == [3, 1, 0]
    assert vocab[("n",)] == [2]
    assert vocab[[["b"], [], ["a", "n"]]] == [[3], [], [1, 2]]
    assert vocab[[]] == []


def test_back_to_tokens():
    vocab = Vocab("banana")
    assert vocab.to_tokens(1) == "a"
    assert vocab.to_tokens([3, 1, 0]) == ["b", "a", "<unk>"]
    assert vocab.to_tokens([[3], [1]]) == [["b"], ["a"]]
    assert vocab.to_tokens(np.int64(2)) == "n"
    assert vocab.to_tokens(np.array([2])) == ["n"]
    assert vocab.to_tokens(np.array([[3, 1]])) == [["b", "a"]]
    for wrong in (4, -1, [0, 4], np.array([9])):
        with pytest.raises(IndexError, match=r"from 0 to 3, got (4|-1|9)"):
            vocab.to_tokens(wrong)


@given(texts)
def test_order_and_round_trip(tokens):
    vocab = Vocab(tokens)
    frequency = Counter(tokens)

    first, *rest = vocab.idx_to_token
    assert first == "<unk>"
    assert rest == sorted({*tokens}, key=lambda t: (-frequency[t], tokens.index(t)))

    assert vocab.to_tokens(vocab[tokens]) == tokens
    assert vocab.to_tokens(vocab[[tokens, ["?"]]]) == [tokens, ["<unk>"]]
    numbers = list(range(len(vocab)))
    assert vocab[vocab.to_tokens(numbers)] == numbers
    again = Vocab.from_list(vocab.idx_to_token)
    assert again == vocab
    assert again.token_to_idx == vocab.token_to_idx
    assert again.idx_to_token is not vocab.idx_to_token
    assert vocab not in (Vocab([*tokens, "g"]), vocab.idx_to_token)


@pytest.mark.skipif(
    not os.environ.get("RNN_PARITY_DATA"), reason="RNN_PARITY_DATA names no copy of the real text"
)
def test_the_time_machine_gives_the_lecture_s_vocabulary():
    corpus, vocab = load_corpus(load_text(), max_tokens=None)
    assert vocab.idx_to_token == ["<unk>", " ", *"etainoshrdlmucfwgypbvkxzjq"]
    assert len(corpus) == 170_580
    assert len(load_corpus(load_text())[0]) == 10_000
