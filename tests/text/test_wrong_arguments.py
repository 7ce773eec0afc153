"""Wrong arguments of the functions of `scratch_rnn.text`: the messages in full.

Annotations are not checked here: users do not have these checks either.
"""

from typing import Any

import numpy as np
import pytest

import scratch_rnn.text
from tests.annotations import unchecked

COUNT = "to be an int, got"

CASES = {
    # numbers
    "Batches(ids, 2.0, 3)": f"TypeError: expected batch_size {COUNT} float",
    "Batches(ids, True, 3)": f"TypeError: expected batch_size {COUNT} bool",
    "Batches(ids, 0, 3)": "ValueError: expected batch_size to be at least 1, got 0",
    "Batches(ids, 2, 3, seed=-1)": "ValueError: expected seed to be at least 0, got -1",
    "Batches(ids, 2, 3).epoch(-1)": "ValueError: expected k to be at least 0, got -1",
    "sequential_batches(ids, 0, 3, 0)": "ValueError: expected batch_size to be at least 1, got 0",
    "sequential_batches(ids, 2, 3, -1)": "ValueError: expected offset to be at least 0, got -1",
    "load_corpus(sample_text(), max_tokens=0)": (
        "ValueError: expected max_tokens to be at least 1, got 0"
    ),
    "Vocab('ab', min_freq=-1)": "ValueError: expected min_freq to be at least 0, got -1",
    # names
    "Batches(ids, 2, 3, sampling='shuffled')": (
        "ValueError: expected sampling to be one of ('sequential', 'random'), got 'shuffled'"
    ),
    "tokenize(['a'], token='line')": (
        "ValueError: expected token to be one of ('char', 'word'), got 'line'"
    ),
    # arrays and other objects
    "Batches(ids.reshape(2, -1), 2, 3)": (
        "ValueError: expected a corpus of shape (N,), got (2, 50)"
    ),
    "Batches(5, 2, 3)": "ValueError: expected a corpus of shape (N,), got ()",
    "Batches(ids / 1, 2, 3)": "TypeError: expected a corpus of integers, got float64",
    "Batches(['a'] * 99, 2, 3)": "TypeError: expected a corpus of integers, got <U1",
    "random_batches(ids, 2, 3, 0, 7)": "TypeError: expected rng to be a numpy Generator, got int",
    "clean(None)": "TypeError: expected text to be a str, got NoneType",
    "tokenize('a cab')": "TypeError: expected lines to be a list of str, got str",
    "load_text(3)": "TypeError: expected path to be a str or a path, got int",
    "load_corpus('a text')": "TypeError: expected text to be a Text, got str",
    "load_time_machine(2, 3, text=b'x')": (
        "TypeError: expected path to be a str or a path, got bytes"
    ),
    # tokens
    "Vocab([1, 2])": "TypeError: expected tokens to be str or lists of str, got int",
    "Vocab([['a', 2]])": "TypeError: expected tokens of type str, got int",
    "Vocab('ab', reserved_tokens='cd')": (
        "TypeError: expected reserved_tokens to be a list of str, got a str"
    ),
    "Vocab.from_list(['a', 'b'])": "ValueError: expected '<unk>' as the first token, got ['a']",
    "Vocab.from_list(['<unk>', 'a', 'a'])": ("ValueError: expected each token once, got 'a' twice"),
    "Vocab.from_list(['<unk>', 1])": "TypeError: expected tokens of type str, got int",
    "Vocab('ab')[1]": "TypeError: expected tokens to be a str or a list, got int",
    "Vocab('ab')[['a', None]]": "TypeError: expected tokens to be a str or a list, got NoneType",
    "Vocab('ab').to_tokens(1.0)": "TypeError: expected indices to be ints, got float",
    "Vocab('ab').to_tokens(True)": "TypeError: expected indices to be ints, got bool",
    "Vocab('ab').to_tokens(['a'])": "TypeError: expected indices to be ints, got str",
    "Vocab('ab').to_tokens(3)": "IndexError: expected indices from 0 to 2, got 3",
    # and nothing is wrong with these
    "Batches(ids, np.int64(2), np.uint8(3), seed=np.int32(1))": "fine",
    "Batches(ids.astype(np.uint8), 2, 3)": "fine",
    "Batches(list(range(100)), 2, 3)": "fine",
    "load_corpus(sample_text(), max_tokens=np.int64(5))": "fine",
    "Vocab(['a', ('b', 'c'), []])": "fine",
}

NAMES: dict[str, Any] = {name: getattr(scratch_rnn.text, name) for name in scratch_rnn.text.__all__}


@pytest.mark.parametrize("call", CASES)
def test_the_message_is_what_was_expected_and_what_was_passed(call: str) -> None:
    names = NAMES | {"np": np, "ids": np.arange(100), "rng": np.random.default_rng(0)}
    result = "fine"
    with unchecked():
        try:
            eval(call, names)
        except (ValueError, TypeError, IndexError) as error:
            result = f"{type(error).__name__}: {error}"
    assert result == CASES[call]
