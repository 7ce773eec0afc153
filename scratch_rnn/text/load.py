"""Make the minibatches and the vocabulary of a text in one call."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, get_args

import numpy as np
from jaxtyping import Int64

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_choice, check_integer
from scratch_rnn.text import store, stream
from scratch_rnn.text.batches import Batches, Sampling
from scratch_rnn.text.corpus import Text, Token, load_text
from scratch_rnn.text.errors import DataError
from scratch_rnn.text.recall import RECALL
from scratch_rnn.text.store import StoredIds
from scratch_rnn.text.vocab import Vocab

DTYPES = {"char": "uint8", "word": "uint32"}
"""Of the codes of tokens."""


def load_corpus(
    text: Text, *, token: Token = "char", max_tokens: int | None = 10_000
) -> tuple[Int64[Array, " N"] | StoredIds, Vocab]:
    """Convert a text to token ids.

    Parameters
    ----------
    text : Text
        As :func:`load_text` returns it.
    token : str
        "char" or "word".
    max_tokens : int or None
        Number of tokens to use, from the start of the text. None: all.

    Returns
    -------
    corpus : int64 ndarray of shape (N,), or StoredIds
        The ids of all lines, without any separator between lines. More than 16 MiB of text are
        not held in memory: their ids are in the cache, in a file that is written in the first call.
    vocab : Vocab
        The vocabulary of the whole text, including the part that `max_tokens` cuts off.

    Raises
    ------
    DataError
        If nothing is left of the text after cleaning.
    """
    if max_tokens is not None:
        max_tokens = check_integer("max_tokens", max_tokens, least=1)
    if not isinstance(text, Text):
        raise TypeError(f"expected text to be a Text, got {type(text).__name__}")
    check_choice("token", token, get_args(Token))
    most = text.num_bytes if max_tokens is None else min(max_tokens, text.num_bytes)
    read = _hold_in_memory if most <= store.MOST_IN_MEMORY else _store_on_disk
    codes, frequencies = read(text, token, most)
    if not frequencies:
        raise DataError(f"expected letters from A to Z in {text.name}, got none")
    vocab = Vocab.from_frequencies(frequencies)
    if token == "char":
        table = np.zeros(128, np.int64)
        table[[ord(letter) for letter in frequencies]] = vocab[list(frequencies)]
    else:
        table = np.array(vocab[list(frequencies)], np.int64)
    if isinstance(codes, np.ndarray):
        return table[codes], vocab
    path, file = codes
    length = min(most, sum(frequencies.values()))
    return StoredIds(path, file, table, length, DTYPES[token]), vocab


def _hold_in_memory(text: Text, token: Token, most: int) -> tuple[Array, dict[str, int]]:
    """Return the codes of the first tokens, and the frequencies of all of them."""
    beginning = np.empty(most, DTYPES[token])
    frequencies: Counter[str] = Counter()
    length = 0
    for piece in _codes(text, token, frequencies):
        piece = piece[: most - length]
        beginning[length : length + len(piece)] = piece
        length += len(piece)
    return beginning[:length], frequencies


def _store_on_disk(
    text: Text, token: Token, most: int
) -> tuple[tuple[Path, BinaryIO], dict[str, int]]:
    """Return the file with the codes of all tokens, and their frequencies; write it if needed."""
    path = store.path_of_codes(text.sha1, token)
    known = store.read_codes(path)
    if known is None:
        counted: Counter[str] = Counter()
        store.write_codes(path, _codes(text, token, counted), counted)
        known = store.read_codes(path)
    if known is None:
        raise DataError(f"expected the token ids just written in {path}, got other files")
    codes, frequencies = known
    return (path, codes), frequencies


def _codes(text: Text, token: Token, frequencies: Counter[str]) -> Iterator[Array]:
    """Yield the codes of all tokens, in pieces, and count the tokens, by first occurrence.

    The code of a character is its byte; that of a word is the number of words seen before it.
    """
    if token == "char":
        for piece in stream.characters(text.pieces()):
            counts = np.bincount(piece, minlength=128)
            new = [k for k in np.flatnonzero(counts) if chr(k) not in frequencies]
            for k in sorted(new, key=lambda k: np.argmax(piece == k)):
                frequencies[chr(k)] = 0
            frequencies.update({letter: int(counts[ord(letter)]) for letter in frequencies})
            yield piece
        return
    numbers: dict[str, int] = {}
    for words in stream.words(text.pieces()):
        frequencies.update(words)
        yield np.array([numbers.setdefault(word, len(numbers)) for word in words], DTYPES[token])


def load_time_machine(
    batch_size: int,
    num_steps: int,
    *,
    sampling: Sampling = "sequential",
    max_tokens: int | None = 10_000,
    seed: int = 0,
    token: Token = "char",
    text: Text | str | os.PathLike[str] | None = None,
) -> tuple[Batches, Vocab]:
    """Return the minibatches and the vocabulary of *The Time Machine*, or of another text.

    Parameters
    ----------
    batch_size, num_steps : int
        Rows B and steps T of a batch.
    sampling : str
        "sequential" or "random"; see :class:`Batches`.
    max_tokens : int or None
        Number of tokens to use, from the start of the text. None: all.
    seed : int
        Seed of the random cuts of the corpus; see :class:`Batches`.
    token : str
        "char" or "word".
    text : Text or path, optional
        A text to use instead of the book; see :func:`load_text`. It is stored as `batches.text`.
        The batches of a generated text have recalls, which are characters.

    Returns
    -------
    batches : Batches
        Iterate over it once in each epoch.
    vocab : Vocab
        Maps tokens to ids, and ids to tokens.

    Raises
    ------
    DataError
        If the text cannot be used, or is too short for one batch.

    Examples
    --------
    >>> batches, vocab = load_time_machine(batch_size=32, num_steps=35)
    >>> print(batches.text.describe())  # doctest: +SKIP
    The Time Machine, 178,979 bytes, SHA-1 090b5e7e, from the cache
    """
    if not isinstance(text, Text):
        text = load_text(text)
    if text.gap is not None and token != "char":
        raise DataError(f"expected the token char with the generated text {RECALL}, got {token}")
    corpus, vocab = load_corpus(text, token=token, max_tokens=max_tokens)
    batches = Batches(corpus, batch_size, num_steps, sampling=sampling, seed=seed, text=text)
    return batches, vocab
