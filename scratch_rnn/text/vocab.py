"""A vocabulary: it maps tokens to ids and ids to tokens."""

from collections import Counter
from collections.abc import Sequence
from typing import overload

UNKNOWN = "<unk>"


class Vocab:
    """The tokens of a text, with ids in the order of their frequency.

    Id 0 is `<unk>`, for every token that is not in the vocabulary. Then come the tokens of the
    text, the most frequent one first. Tokens with the same frequency keep the order of their first
    occurrence in the text.

    Parameters
    ----------
    tokens : str, or sequence of str
        The tokens of a text. Those of a str are its characters.

    Attributes
    ----------
    idx_to_token : list of str
        The token of each id.
    token_to_idx : dict of str to int
        The id of each token.

    Examples
    --------
    >>> vocab = Vocab(["b", "a", "n", "a", "n", "a"])
    >>> vocab.idx_to_token
    ['<unk>', 'a', 'n', 'b']
    >>> vocab["n"], vocab[["b", "x"]], vocab.to_tokens([1, 2])
    (2, [3, 0], ['a', 'n'])
    """

    idx_to_token: list[str]
    token_to_idx: dict[str, int]

    def __init__(self, tokens: Sequence[str]) -> None:
        if not isinstance(tokens, Sequence):
            raise TypeError(f"expected tokens to be a sequence, got {type(tokens).__name__}")
        _check_tokens(tokens)
        # most_common keeps the order of first occurrence among equals
        by_frequency = [token for token, _ in Counter(tokens).most_common() if token != UNKNOWN]
        self._number([UNKNOWN, *by_frequency])

    @classmethod
    def from_list(cls, idx_to_token: Sequence[str]) -> "Vocab":
        """Build a vocabulary from `idx_to_token`, as it is stored in a file.

        Raises
        ------
        ValueError
            If the list does not start with `<unk>`, or contains a token twice.
        """
        _check_tokens(idx_to_token)
        vocab = cls.__new__(cls)
        vocab._number(list(idx_to_token))
        return vocab

    def _number(self, idx_to_token: list[str]) -> None:
        if idx_to_token[:1] != [UNKNOWN]:
            raise ValueError(f"expected {UNKNOWN!r} as the first token, got {idx_to_token[:1]}")
        self.idx_to_token = idx_to_token
        self.token_to_idx = {token: idx for idx, token in enumerate(idx_to_token)}
        if len(self.token_to_idx) < len(idx_to_token):
            twice = Counter(idx_to_token).most_common(1)[0][0]
            raise ValueError(f"expected each token once, got {twice!r} twice")

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocab):
            return NotImplemented
        return self.idx_to_token == other.idx_to_token

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Vocab of {len(self)} tokens>"

    @overload
    def __getitem__(self, tokens: str) -> int: ...
    @overload
    def __getitem__(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    @overload
    def __getitem__(self, tokens: list[list[str]]) -> list[list[int]]: ...
    def __getitem__(self, tokens: object) -> object:
        """Return the id of a token, or a list of ids for a list (of lists) of tokens."""
        if isinstance(tokens, str):
            return self.token_to_idx.get(tokens, 0)
        if isinstance(tokens, list | tuple):
            return [self[token] for token in tokens]
        raise TypeError(f"expected tokens to be a str or a list, got {type(tokens).__name__}")

    @overload
    def to_tokens(self, indices: int) -> str: ...
    @overload
    def to_tokens(self, indices: Sequence[int]) -> list[str]: ...
    @overload
    def to_tokens(self, indices: object) -> object: ...
    def to_tokens(self, indices: object) -> object:
        """Return the token of an id, or a list of tokens for a list or array of ids.

        Raises
        ------
        IndexError
            If an id is outside 0 .. len(vocab) - 1.
        """
        if hasattr(indices, "tolist"):  # an array or a tensor
            indices = indices.tolist()
        if isinstance(indices, list | tuple):
            return [self.to_tokens(index) for index in indices]
        if not isinstance(indices, int) or isinstance(indices, bool):
            raise TypeError(f"expected indices to be ints, got {type(indices).__name__}")
        if not 0 <= indices < len(self):
            raise IndexError(f"expected indices from 0 to {len(self) - 1}, got {indices}")
        return self.idx_to_token[indices]


def _check_tokens(tokens: Sequence[object]) -> None:
    for token in tokens:
        if not isinstance(token, str):
            raise TypeError(f"expected tokens of type str, got {type(token).__name__}")
