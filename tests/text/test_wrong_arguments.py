"""What a caller is told about wrong arguments.

The other tests run with annotations that are checked at every call, so a float for an int never
reaches the function there. Users have no such net: the calls below are made in a process of its
own, without it.
"""

import json
import subprocess
import sys

import pytest

COUNT = "to be an int, got"

CASES = {
    # numbers
    "Batches(ids, 2.0, 3)": f"TypeError: expected batch_size {COUNT} float",
    "Batches(ids, 2, '3')": f"TypeError: expected num_steps {COUNT} str",
    "Batches(ids, True, 3)": f"TypeError: expected batch_size {COUNT} bool",
    "Batches(ids, 0, 3)": "ValueError: expected batch_size to be at least 1, got 0",
    "Batches(ids, 2, -3)": "ValueError: expected num_steps to be at least 1, got -3",
    "Batches(ids, 2, 3, seed=None)": f"TypeError: expected seed {COUNT} NoneType",
    "Batches(ids, 2, 3, seed=-1)": "ValueError: expected seed to be at least 0, got -1",
    "Batches(ids, 2, 3).epoch(-1)": "ValueError: expected k to be at least 0, got -1",
    "Batches(ids, 2, 3).epoch(1.0)": f"TypeError: expected k {COUNT} float",
    "sequential_batches(ids, 0, 3, 0)": "ValueError: expected batch_size to be at least 1, got 0",
    "sequential_batches(ids, 2, 3.5, 0)": f"TypeError: expected num_steps {COUNT} float",
    "sequential_batches(ids, 2, 3, -1)": "ValueError: expected offset to be at least 0, got -1",
    "random_batches(ids, 2, 0, 0, rng)": "ValueError: expected num_steps to be at least 1, got 0",
    "random_batches(ids, 2, 3, None, rng)": f"TypeError: expected offset {COUNT} NoneType",
    "load_corpus(sample_text(), max_tokens=0)": (
        "ValueError: expected max_tokens to be at least 1, got 0"
    ),
    "load_corpus(sample_text(), max_tokens=2.5)": f"TypeError: expected max_tokens {COUNT} float",
    "Vocab('ab', min_freq=-1)": "ValueError: expected min_freq to be at least 0, got -1",
    "Vocab('ab', min_freq=1.5)": f"TypeError: expected min_freq {COUNT} float",
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
    "Vocab.from_list([])": "ValueError: expected '<unk>' as the first token, got []",
    "Vocab.from_list(['a', 'b'])": "ValueError: expected '<unk>' as the first token, got ['a']",
    "Vocab.from_list(['<unk>', 'a', 'a'])": ("ValueError: expected each token once, got 'a' twice"),
    "Vocab.from_list(['<unk>', 1])": "TypeError: expected tokens of type str, got int",
    "Vocab('ab')[1]": "TypeError: expected tokens to be a str or a list, got int",
    "Vocab('ab')[['a', None]]": "TypeError: expected tokens to be a str or a list, got NoneType",
    "Vocab('ab').to_tokens(1.0)": "TypeError: expected indices to be ints, got float",
    "Vocab('ab').to_tokens(True)": "TypeError: expected indices to be ints, got bool",
    "Vocab('ab').to_tokens(['a'])": "TypeError: expected indices to be ints, got str",
    "Vocab('ab').to_tokens(3)": "IndexError: expected indices from 0 to 2, got 3",
    "Vocab('ab').to_tokens([0, -1])": "IndexError: expected indices from 0 to 2, got -1",
    # and nothing is wrong with these
    "Batches(ids, np.int64(2), np.uint8(3), seed=np.int32(1))": "fine",
    "Batches(ids.astype(np.uint8), 2, 3)": "fine",
    "Batches(list(range(100)), 2, 3)": "fine",
    "load_corpus(sample_text(), max_tokens=np.int64(5))": "fine",
    "Vocab(['a', ('b', 'c'), []])": "fine",
}

PROGRAM = """
import json, sys
import numpy as np
from scratch_rnn.text import *

ids, rng = np.arange(100), np.random.default_rng(0)
for call in json.load(sys.stdin):
    try:
        eval(call)
        print("fine")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(list(CASES)),
        capture_output=True,
        text=True,
        timeout=800,
        check=True,
    )
    return dict(zip(CASES, process.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("call", CASES)
def test_the_answer_says_what_was_expected_and_what_came(
    answers: dict[str, str], call: str
) -> None:
    assert answers[call] == CASES[call]
