"""Generation: read a prefix, then write on, each time with the likeliest next token."""

from collections.abc import Sequence

import numpy as np

from scratch_rnn.checks import whole_number
from scratch_rnn.model import RNNModel
from scratch_rnn.text import Vocab


def predict(prefix: str | Sequence[str], num_preds: int, model: RNNModel, vocab: Vocab) -> str:
    """Return the prefix and `num_preds` tokens that the model adds to it.

    Parameters
    ----------
    prefix : str or sequence of str
        Characters, or a list of words for a vocabulary of words; at least one.
    num_preds : int
    model : RNNModel
    vocab : Vocab

    Returns
    -------
    str
        Characters joined by nothing, words by spaces.

    Raises
    ------
    ValueError
        If the prefix is empty or has a token that is not in the vocabulary.
    """
    num_preds = whole_number("num_preds", num_preds, least=0)
    ids = prefix_ids(prefix, vocab)
    state = model.begin_state(batch_size=1)
    logits, state = model(np.array([ids]), state)  # warm-up: (1, T) at once
    for _ in range(num_preds):
        ids.append(int(logits[-1].argmax()))
        logits, state = model(np.array([ids[-1:]]), state)
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(ids))


def prefix_ids(prefix: str | Sequence[str], vocab: Vocab) -> list[int]:
    """Return the prefix's tokens as integers, or say why it can't begin a prediction."""
    if len(prefix) == 0:
        raise ValueError("expected a prefix of at least one token, got none")
    unknown = [token for token in prefix if token not in vocab]
    if unknown:
        raise ValueError(f"expected a prefix of tokens in the vocabulary, got {unknown[0]!r}")
    return [vocab[token] for token in prefix]
