"""A generated text that needs memory: the model has to repeat a letter after some random ones.

    apqmzkw a bnirtjk b bwwlyoq b           gap 6: a, six random letters, a space, a again

A word begins with a or b, at random. The `gap` letters after it are random, from c to z. Then its
first letter follows as a word of its own. It can be predicted from one thing alone, a letter that
the network read `gap` + 1 steps before. This prediction is a *recall*. Who guesses is right in half
of all recalls.

    place in the period   0   1 … gap   gap + 1   gap + 2   gap + 3
    input                 a   pqmzkw    space     a         space
    recall                              here

A recall counts if its letter is among the inputs of the same row. It does not if the row begins in
the middle of a word. Then the letter was read in an earlier batch, or never.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from scratch_rnn.arrays import Array
from scratch_rnn.checks import check_integer

RECALL = "recall"
"""The name of the text, for `load_text` and the option ``--text``."""

GAP, LARGEST_GAP = 10, 1000
"""The number of random letters, if none is given, and at most."""

SAID_AGAIN, RANDOM = b"ab", b"cdefghijklmnopqrstuvwxyz"

NUM_TOKENS = 1_000_000


def write_recalls(gap: int, *, num_tokens: int = NUM_TOKENS, seed: int = 0) -> bytes:
    """Return a generated text; it depends on nothing but the arguments.

    Parameters
    ----------
    gap : int
        Number of random letters between a letter and the space before its repetition.
    num_tokens : int
        Length of the text in characters.
    seed : int
        Seed of all its letters.

    Examples
    --------
    >>> write_recalls(4, num_tokens=31)
    b'bjcdc b bgvrx b boqzt b arppy a'
    """
    gap = check_gap(gap)
    num_tokens = check_integer("num_tokens", num_tokens, least=1)
    rng = np.random.default_rng(check_integer("seed", seed, least=0))
    num_words = -(-num_tokens // period(gap))
    words = np.full((num_words, period(gap)), ord(" "), np.uint8)
    words[:, 0] = rng.choice(list(SAID_AGAIN), num_words)
    words[:, 1 : gap + 1] = rng.choice(list(RANDOM), (num_words, gap))
    words[:, gap + 2] = words[:, 0]
    return words.tobytes()[:num_tokens]


def is_generated(path: object) -> bool:
    """Return whether this is the name of the generated text, and not of a file."""
    return str(path) == RECALL and not Path(RECALL).exists()


def period(gap: int) -> int:
    """Return the number of tokens from one word to the next: its letters, two spaces, a letter."""
    return gap + 4


def find_recalls(places: Int[Array, "B T"], gap: int) -> Bool[Array, "B T"]:
    """Return where the next token is a recall that counts.

    Parameters
    ----------
    places : integer ndarray of shape (B, T)
        Place of each input in the text. Each row has T places that follow each other.
    gap : int
        That of the text.

    Examples
    --------
    >>> find_recalls(np.array([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]]), gap=1)
    array([[False, False,  True, False, False, False],
           [False, False, False, False, False, False]])
    """
    steps = np.arange(places.shape[1])
    is_recall: Bool[Array, "B T"] = places % period(gap) == gap + 1
    return is_recall & (steps > gap)


def get_recalls(batch: object) -> Bool[Array, "B T"] | None:
    """Return the recalls of a batch; None if it has none, as an object with ids alone."""
    recalls: Bool[Array, "B T"] | None = getattr(batch, "recalls", None)
    return recalls


def count_recalls(batch: object) -> int:
    """Return how many recalls a batch has."""
    recalls = get_recalls(batch)
    return 0 if recalls is None else int(recalls.sum())


def check_gap(gap: object) -> int:
    """Return the gap, if it is an integer in 1 … `LARGEST_GAP`."""
    checked = check_integer("gap", gap, least=1)
    if checked > LARGEST_GAP:
        raise ValueError(f"expected gap of at most {LARGEST_GAP:,}, got {checked:,}")
    return checked


def fewest_steps(gap: int) -> int:
    """Return from which number of steps on a letter and its recall can be in one row."""
    return gap + 2
