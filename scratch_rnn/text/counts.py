"""A yardstick for a perplexity: what a table of counted letters, pairs or triples reaches."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log


def count_perplexity(tokens: Sequence[object], length: int) -> float:
    """Return the perplexity of a table that knows how often tokens follow each other in a text.

    The table predicts a token by its share among those that came after the same `length` - 1
    tokens. It is measured on the text that it was counted on, as the perplexity of a training is.

    Parameters
    ----------
    tokens : sequence of hashable
        The text, as characters or ids; at least `length` of them.
    length : int
        1: letters by their frequency. 2: pairs. 3: triples.

    Returns
    -------
    perplexity : float
        exp of the mean of -log p(token), in the units of `scratch_rnn.perplexity`.

    Examples
    --------
    >>> count_perplexity("abab", 1), count_perplexity("abab", 2)
    (2.0, 1.0)
    """
    groups = Counter(zip(*(tokens[start:] for start in range(length)), strict=False))
    befores = Counter[tuple[object, ...]]()
    for group, count in groups.items():
        befores[group[:-1]] += count
    losses = (-count * log(count / befores[group[:-1]]) for group, count in groups.items())
    return exp(sum(losses) / groups.total())
