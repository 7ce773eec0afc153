"""Cut a corpus into minibatches, in sequence or at random.

A corpus is one long sequence of N token ids. Both kinds of sampling first drop a random number of
tokens at the start, so the cuts change from epoch to epoch. Both give batches of B rows and T
steps:

    inputs[b, t]  = corpus[start_b + t]
    targets[b, t] = corpus[start_b + t + 1]        the model should predict the next token

**Sequential**: the corpus is cut into B long rows, and the batches are read along these rows. Row b
of a batch continues row b of the previous batch, so a hidden state can be carried over.
**Random**: the corpus is cut into pieces of T tokens, and each row is a piece drawn without
replacement. Rows that follow each other are unrelated.

The batches of a text with recalls also have the places at which the target is a recall.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int, Int64, Integer

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_choice, check_integer
from scratch_rnn.text.corpus import Text
from scratch_rnn.text.errors import DataError
from scratch_rnn.text.recall import fewest_steps, find_recalls

Sampling = Literal["sequential", "random"]
Corpus = Sequence[int] | Integer[Array, " N"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One minibatch; it unpacks as `inputs, targets = batch`.

    Attributes
    ----------
    inputs : int64 ndarray of shape (B, T)
        Token ids that the model reads.
    targets : int64 ndarray of shape (B, T)
        Token ids that it should predict: the inputs shifted by one step.
    recalls : bool ndarray of shape (B, T), or None
        Whether a target is a recall; see `scratch_rnn.text.recall`. None in any other text.
    """

    inputs: Int64[Array, "B T"]
    targets: Int64[Array, "B T"]
    recalls: Bool[Array, "B T"] | None = None

    def __iter__(self) -> Iterator[Int64[Array, "B T"]]:
        yield self.inputs
        yield self.targets


class Batches:
    """The minibatches of a corpus, cut differently in each epoch.

    Epoch k is a pure function of `seed` and k: :meth:`epoch` returns the same batches in each call.
    The first loop `for batch in batches` runs through epoch 0, the second through epoch 1, and so
    on. Each epoch has `len(batches)` batches. This is the number that is left when the largest
    number of tokens is dropped at the start.

    Parameters
    ----------
    corpus : integers of shape (N,)
        Token ids, as :func:`load_corpus` returns them. They are copied, except for a
        `numpy.memmap`, which stays on disk.
    batch_size : int
        Number of rows B.
    num_steps : int
        Number of steps T.
    sampling : str
        "sequential" (drops 0 .. T tokens) or "random" (drops 0 .. T - 1).
    seed : int
        Seed of the random cuts, 0 or larger.
    text : Text, optional
        The text of the corpus, stored as the attribute `text`. If it has a `gap`, the batches have
        recalls.

    Raises
    ------
    DataError
        If the corpus is too short for one batch in every epoch, or T for a recall.
    ValueError, TypeError
        If another argument has a wrong value or type.

    Examples
    --------
    >>> batches = Batches(range(100), batch_size=2, num_steps=5)
    >>> len(batches)
    9
    >>> batch = next(batches.epoch(0))
    >>> batch.inputs
    array([[ 5,  6,  7,  8,  9],
           [52, 53, 54, 55, 56]])
    """

    def __init__(
        self,
        corpus: Corpus,
        batch_size: int,
        num_steps: int,
        *,
        sampling: Sampling = "sequential",
        seed: int = 0,
        text: Text | None = None,
    ) -> None:
        check_choice("sampling", sampling, get_args(Sampling))
        ids = _token_ids(corpus)
        if not isinstance(ids, np.memmap):
            ids = ids.astype(np.int64)
            ids.flags.writeable = False
        self.corpus = ids
        self.batch_size = check_integer("batch_size", batch_size, least=1)
        self.num_steps = check_integer("num_steps", num_steps, least=1)
        self.sampling: Sampling = sampling
        self.seed = check_integer("seed", seed, least=0)
        self.text = text
        self._gap = None if text is None else text.gap
        if self._gap is not None:
            _check_steps(self.num_steps, self._gap)
        self._passes = 0
        _check_length(len(self.corpus), self.batch_size, self.num_steps, self._max_offset)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        last = len(self.corpus) - 1  # the last token is a target only
        return (last - self._max_offset) // (self.batch_size * self.num_steps)

    def __iter__(self) -> Iterator[Batch]:
        """Return the batches of the next epoch: epoch 0 in the first call, then 1, and so on."""
        self._passes += 1
        return self.epoch(self._passes - 1)

    def epoch(self, k: int, start: int = 0) -> Iterator[Batch]:
        """Return the batches of epoch k, from `start` on; they depend only on `seed` and k."""
        rng = np.random.default_rng([self.seed, check_integer("k", k, least=0)])
        offset = int(rng.integers(0, self._max_offset, endpoint=True))
        start = check_integer("start", start, least=0)
        return islice(self._cut(offset, rng, start), max(0, len(self) - start))

    @property
    def _max_offset(self) -> int:
        return self.num_steps if self.sampling == "sequential" else self.num_steps - 1

    def _cut(self, offset: int, rng: np.random.Generator, start: int) -> Iterator[Batch]:
        sizes = (self.corpus, self.batch_size, self.num_steps, offset)
        if self.sampling == "sequential":
            return sequential_batches(*sizes, start=start, gap=self._gap)
        return random_batches(*sizes, rng, start=start, gap=self._gap)


def sequential_batches(
    corpus: Corpus,
    batch_size: int,
    num_steps: int,
    offset: int,
    *,
    start: int = 0,
    gap: int | None = None,
) -> Iterator[Batch]:
    """Cut the corpus into B long rows and read them T steps at a time.

    Parameters
    ----------
    corpus : integers of shape (N,)
        Token ids.
    batch_size, num_steps : int
        B and T.
    offset : int
        Number of tokens dropped from the front.
    start : int
        Number of batches left out at the start.
    gap : int, optional
        That of a text with recalls, which the batches then have.

    Returns
    -------
    iterator of Batch
        (N - 1 - offset) // (B * T) of them, less `start`.
    """
    ids = _check(corpus, batch_size, num_steps, offset)
    width = (len(ids) - 1 - offset) // batch_size  # the last token is a target only
    starts = offset + width * np.arange(batch_size)
    return (
        _batch(ids, starts + column, num_steps, gap)
        for column in range(start * num_steps, width - num_steps + 1, num_steps)
    )


def random_batches(
    corpus: Corpus,
    batch_size: int,
    num_steps: int,
    offset: int,
    rng: np.random.Generator,
    *,
    start: int = 0,
    gap: int | None = None,
) -> Iterator[Batch]:
    """Cut the corpus into pieces of T tokens, shuffle them, and put B of them into each batch.

    Parameters
    ----------
    corpus, batch_size, num_steps, offset, start, gap
        As in `sequential_batches`.
    rng : Generator
        Shuffles the pieces, once, before this function returns.

    Returns
    -------
    iterator of Batch
        (N - 1 - offset) // (B * T) of them, less `start`.
    """
    ids = _check(corpus, batch_size, num_steps, offset)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"expected rng to be a numpy Generator, got {type(rng).__name__}")
    num_pieces = (len(ids) - 1 - offset) // num_steps
    pieces = rng.permutation(num_pieces)
    return (
        _batch(ids, offset + num_steps * pieces[row : row + batch_size], num_steps, gap)
        for row in range(start * batch_size, num_pieces - batch_size + 1, batch_size)
    )


def _batch(
    ids: Integer[Array, " N"], starts: Int[Array, " B"], num_steps: int, gap: int | None
) -> Batch:
    places = starts[:, None] + np.arange(num_steps)  # (B, T)
    recalls = None if gap is None else find_recalls(places, gap)
    return Batch(ids[places].astype(np.int64), ids[places + 1].astype(np.int64), recalls)


def _check(corpus: Corpus, batch_size: int, num_steps: int, offset: int) -> Integer[Array, " N"]:
    ids = _token_ids(corpus)
    check_integer("batch_size", batch_size, least=1)
    check_integer("num_steps", num_steps, least=1)
    check_integer("offset", offset, least=0)
    _check_length(len(ids), batch_size, num_steps, offset)
    return ids


def _token_ids(corpus: Corpus) -> Integer[Array, " N"]:
    ids = corpus if isinstance(corpus, np.memmap) else np.asarray(corpus)
    if ids.ndim != 1:
        raise ValueError(f"expected a corpus of shape (N,), got {ids.shape}")
    if ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(f"expected a corpus of integers, got {ids.dtype}")
    return ids if ids.size else ids.astype(np.int64)


def _check_length(num_tokens: int, batch_size: int, num_steps: int, dropped: int) -> None:
    needed = dropped + batch_size * num_steps + 1
    if num_tokens < needed:
        raise DataError(
            f"expected a text of at least {needed:,} tokens for batches of {batch_size} rows and "
            f"{num_steps} steps, got {num_tokens:,}"
        )


def _check_steps(num_steps: int, gap: int) -> None:
    if num_steps < fewest_steps(gap):
        raise DataError(
            f"expected at least {fewest_steps(gap):,} steps for a recall after {gap:,} letters, "
            f"got {num_steps:,}"
        )
