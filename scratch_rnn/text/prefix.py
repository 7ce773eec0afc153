"""Check the prefix of a prediction and convert it to token ids."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from scratch_rnn.checks import brief, check_has


@runtime_checkable
class TokenNumbers(Protocol):
    """An object that maps tokens to ids and ids to tokens, as `Vocab` does."""

    def __contains__(self, token: object, /) -> bool: ...

    def __getitem__(self, token: str, /) -> int: ...

    def to_tokens(self, ids: list[int], /) -> list[str]: ...  # noqa: D102


def prefix_ids(prefix: str | Sequence[str], vocab: TokenNumbers) -> list[int]:
    """Return the ids of the prefix's tokens.

    Raises
    ------
    TypeError
        If the prefix is not a sequence, or if `vocab` is not a vocabulary.
    ValueError
        If the prefix is empty or has a token that is not in the vocabulary.
    """
    check_has("vocab", vocab, "__contains__", "to_tokens")
    if not isinstance(prefix, Sequence):
        raise TypeError(f"expected prefix to be a sequence of tokens, got {type(prefix).__name__}")
    if len(prefix) == 0:
        raise ValueError("expected a prefix of at least one token, got none")
    unknown = [token for token in prefix if token not in vocab]
    if unknown:
        raise ValueError(f"expected a prefix of tokens in the vocabulary, got {brief(unknown[0])}")
    return [vocab[token] for token in prefix]
