"""Make the minibatches and the vocabulary of a text in one call."""

import os
from collections import Counter
from typing import get_args

import numpy as np
from jaxtyping import Int64

from scratch_rnn.text import stream
from scratch_rnn.text.batches import Batches, Sampling
from scratch_rnn.text.checks import DataError, check_choice, whole_number
from scratch_rnn.text.corpus import Text, Token, load_text
from scratch_rnn.text.vocab import Vocab


def load_corpus(
    text: Text, *, token: Token = "char", max_tokens: int | None = 10_000
) -> tuple[Int64[np.ndarray, " N"], Vocab]:
    """Convert a text to token ids.

    Parameters
    ----------
    text : Text
        What :func:`load_text` returns.
    token : str
        "char" or "word".
    max_tokens : int or None
        Number of tokens to use, from the start of the text. None: all.

    Returns
    -------
    corpus : int64 ndarray of shape (N,)
        The ids of all lines, without any separator between lines.
    vocab : Vocab
        The vocabulary of the whole text, including the part that `max_tokens` cuts off.

    Raises
    ------
    DataError
        If nothing is left of the text after cleaning.
    """
    if max_tokens is not None:
        max_tokens = whole_number("max_tokens", max_tokens, least=1)
    if not isinstance(text, Text):
        raise TypeError(f"expected text to be a Text, got {type(text).__name__}")
    check_choice("token", token, get_args(Token))
    read = _characters if token == "char" else _words
    beginning, frequencies = read(text, max_tokens)
    if not frequencies:
        raise DataError(f"expected letters from A to Z in {text.name}, got none")
    vocab = Vocab.from_frequencies(frequencies)
    return np.array(vocab[beginning], dtype=np.int64), vocab


def _characters(text: Text, most: int | None) -> tuple[list[str], dict[str, int]]:
    """Return the first characters, and the count of each, ordered by first occurrence."""
    beginning = bytearray()
    counts, order = np.zeros(128, np.int64), ""
    for piece in stream.characters(text.pieces()):
        beginning += piece[: None if most is None else most - len(beginning)].tobytes()
        now = np.bincount(piece, minlength=128)
        new = [chr(code) for code in np.flatnonzero((now > 0) & (counts == 0))]
        order += "".join(sorted(new, key=lambda letter: np.argmax(piece == ord(letter))))
        counts += now
    return list(beginning.decode()), {letter: int(counts[ord(letter)]) for letter in order}


def _words(text: Text, most: int | None) -> tuple[list[str], dict[str, int]]:
    """Return the first words, and the count of each, ordered by first occurrence."""
    beginning: list[str] = []
    frequencies: Counter[str] = Counter()
    for piece in stream.words(text.pieces()):
        beginning += piece[: None if most is None else most - len(beginning)]
        frequencies.update(piece)
    return beginning, frequencies


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
    corpus, vocab = load_corpus(text, token=token, max_tokens=max_tokens)
    batches = Batches(corpus, batch_size, num_steps, sampling=sampling, seed=seed, text=text)
    return batches, vocab
