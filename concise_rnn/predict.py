"""Generation: read a prefix, then write on, each time with the likeliest next token."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch

from concise_rnn.model import RNNModel
from scratch_rnn.text.checks import brief, check_has, whole_number


@runtime_checkable
class Vocab(Protocol):
    """Anything that knows tokens by number and numbers by token."""

    def __contains__(self, token: object, /) -> bool: ...

    def __getitem__(self, token: str, /) -> int: ...

    def to_tokens(self, ids: list[int], /) -> list[str]: ...  # noqa: D102


@torch.no_grad()
def predict(prefix: str | Sequence[str], num_preds: int, model: RNNModel, vocab: Vocab) -> str:
    """Return the prefix and `num_preds` tokens that the model adds to it.

    Parameters
    ----------
    prefix : str or sequence of str
        Characters, or a list of words for a vocabulary of words; at least one.
    num_preds : int
    model : RNNModel
        On any device; run in evaluation mode, and left in the mode in which it came.
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
    check_has("model", model, "begin_state", "training", "linear")
    check_has("vocab", vocab, "__contains__", "to_tokens")
    num_preds = whole_number("num_preds", num_preds, least=0)
    if not isinstance(prefix, Sequence):
        raise TypeError(f"expected prefix to be tokens in a row, got {type(prefix).__name__}")
    if len(prefix) == 0:
        raise ValueError("expected a prefix of at least one token, got none")
    unknown = [token for token in prefix if token not in vocab]
    if unknown:
        raise ValueError(f"expected a prefix of tokens in the vocabulary, got {brief(unknown[0])}")
    was_training = model.training
    model.eval()
    device = model.linear.weight.device
    ids = [vocab[token] for token in prefix]
    logits, state = model(torch.tensor([ids], device=device), model.begin_state(batch_size=1))
    for _ in range(num_preds):
        ids.append(int(logits[-1].argmax()))
        logits, state = model(torch.tensor([ids[-1:]], device=device), state)
    model.train(was_training)
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(ids))
