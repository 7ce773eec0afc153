"""Make the minibatches and the vocabulary of a text in one call."""

import os

import numpy as np
from jaxtyping import Int64

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_integer
from scratch_rnn.text.batches import Batches, Sampling
from scratch_rnn.text.corpus import Text, clean, load_text
from scratch_rnn.text.vocab import Vocab


def load_corpus(text: Text, *, max_tokens: int | None = 10_000) -> tuple[Int64[Array, " N"], Vocab]:
    """Convert a text to token ids. A token is a character.

    Parameters
    ----------
    text : Text
        As :func:`load_text` returns it.
    max_tokens : int or None
        Number of tokens to use, from the start of the text. None: all.

    Returns
    -------
    corpus : int64 ndarray of shape (N,)
        The ids of all lines, without any separator between lines.
    vocab : Vocab
        The vocabulary of the whole text, including the part that `max_tokens` cuts off.
    """
    if max_tokens is not None:
        max_tokens = check_integer("max_tokens", max_tokens, least=1)
    if not isinstance(text, Text):
        raise TypeError(f"expected text to be a Text, got {type(text).__name__}")
    characters = "".join(clean(text.content))
    vocab = Vocab(characters)
    return np.array(vocab[list(characters[:max_tokens])], np.int64), vocab


def load_time_machine(
    batch_size: int,
    num_steps: int,
    *,
    sampling: Sampling = "sequential",
    max_tokens: int | None = 10_000,
    seed: int = 0,
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
    text : Text or path, optional
        A text to use instead of the book; see :func:`load_text`. It is stored as `batches.text`.
        The batches of a generated text have recalls.

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
    corpus, vocab = load_corpus(text, max_tokens=max_tokens)
    batches = Batches(corpus, batch_size, num_steps, sampling=sampling, seed=seed, text=text)
    return batches, vocab
