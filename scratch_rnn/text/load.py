"""Make the minibatches and the vocabulary of a text in one call."""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import get_args

import numpy as np
from jaxtyping import Integer

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_choice, check_integer
from scratch_rnn.text import download
from scratch_rnn.text.batches import Batches, Sampling
from scratch_rnn.text.corpus import Text, Token, load_text
from scratch_rnn.text.errors import DataError, escape
from scratch_rnn.text.recall import RECALL
from scratch_rnn.text.vocab import Vocab

MOST_IN_MEMORY = 2**24
"""Number of ids; as int64, so many take 128 MiB. More are in a file, mapped into memory."""

_CLEAN = bytes(
    byte if chr(byte) in ascii_lowercase + "\n" else ord(" ")
    for byte in bytes(range(256)).replace(b"\r", b"\n").lower()
)
"""What becomes of each byte of UTF-8: every byte of a non-ASCII character is 128 or larger."""


def load_corpus(
    text: Text, *, token: Token = "char", max_tokens: int | None = 10_000
) -> tuple[Integer[Array, " N"], Vocab]:
    """Convert a text to token ids.

    It is read twice, piece by piece: for the vocabulary, then for the ids.

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
    corpus : int64 ndarray of shape (N,), or memmap
        The ids of all lines, without any separator between lines. More than 16,777,216 of them are
        not held in memory: they are a read-only `numpy.memmap` of uint8, or of uint32 for words.
    vocab : Vocab
        The vocabulary of the whole text, including the part that `max_tokens` cuts off.

    Raises
    ------
    DataError
        If the file has changed since it was loaded, or there is no space for the ids.
    """
    if max_tokens is not None:
        max_tokens = check_integer("max_tokens", max_tokens, least=1)
    if not isinstance(text, Text):
        raise TypeError(f"expected text to be a Text, got {type(text).__name__}")
    check_choice("token", token, get_args(Token))
    frequencies: Counter[str] = Counter()
    for tokens in _read_tokens(text, token):
        _count(tokens, frequencies)
    vocab = Vocab.from_frequencies(frequencies)
    length = sum(frequencies.values())
    length = length if max_tokens is None else min(length, max_tokens)
    ids = _number(_read_tokens(text, token), vocab, length)
    if length > MOST_IN_MEMORY:
        return _map_into_memory(ids), vocab
    return np.concatenate(list(ids)).astype(np.int64), vocab


def _read_tokens(text: Text, token: Token) -> Iterator[Sequence[str]]:
    """Yield the tokens that `tokenize` makes of the clean text, piece by piece.

    Letters are joined where only the end of a line is between them; words are not.
    """
    gap = rb" *\n[ \n]*"  # between two lines
    rest = b"\n" if token == "char" else b""  # held back until the next piece
    for piece in text.pieces():
        piece = rest + piece.translate(_CLEAN)
        if token == "word":
            *words, rest = piece.replace(b"\n", b" ").split(b" ")
            yield [word.decode() for word in words if word]
            continue
        letters = piece.rstrip(b" \n")
        rest = b"\n" if b"\n" in piece[len(letters) :] else piece[len(letters) :][:1]
        yield re.sub(rb"  +", b" ", re.sub(gap, b"", letters)).decode()
    if token == "word" and rest:
        yield [rest.decode()]


def _count(tokens: Sequence[str], frequencies: Counter[str]) -> None:
    """Count the tokens of a piece, in the order of their first occurrence."""
    if isinstance(tokens, str):  # an order of magnitude faster than one letter after the other
        for letter in sorted(set(tokens), key=tokens.index):
            frequencies[letter] += tokens.count(letter)
    else:
        frequencies.update(tokens)


def _number(pieces: Iterable[Sequence[str]], vocab: Vocab, length: int) -> Iterator[Array]:
    """Yield the ids of the first tokens, piece by piece: uint8 of letters, uint32 of words."""
    table = {ord(token): idx for token, idx in vocab.token_to_idx.items() if len(token) == 1}
    for tokens in pieces:
        if isinstance(tokens, str):
            ids: Array = np.frombuffer(tokens.translate(table).encode("latin-1"), np.uint8)
        else:
            ids = np.array(vocab[list(tokens)], np.uint32)
        yield ids[:length]
        length -= len(ids)
        if length <= 0:
            return


def _map_into_memory(pieces: Iterable[Array]) -> Integer[Array, " N"]:
    """Return the ids as a read-only memmap of a file without a name, which ends with it.

    They are written and not assigned, because a full disk would then end the process.
    """
    directory, dtype = download.cache_directory(), np.dtype(np.uint8)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            for piece in pieces:
                dtype = piece.dtype
                file.write(piece.data)
            file.flush()
            return np.memmap(file, dtype, mode="r")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DataError(
            f"expected space for the token ids of the text in {escape(directory)}, got: {reason} "
            "(RNN_PARITY_CACHE names another directory)"
        ) from None


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
