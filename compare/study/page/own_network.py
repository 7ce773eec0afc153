"""Read a user's network for the page: a file of weights, and its vocabulary."""

from collections.abc import Sequence
from pathlib import Path

from compare.files import JsonObject, RecordError, SchemaError, excerpt, read_json
from compare.implementations import read_language_model
from compare.parity import SharedOptions
from compare.runs import Course, Snapshot
from compare.terminal import UsageError
from scratch_rnn.text import Vocab

MOST_BYTES = 2**23  # of a file with a vocabulary


class OwnVocab(Vocab):
    """A vocabulary in its owner's order; unlike ours it need not have <unk>."""

    def __init__(self, idx_to_token: Sequence[str]) -> None:
        self.idx_to_token = list(idx_to_token)
        self.token_to_idx = {token: idx for idx, token in enumerate(idx_to_token)}


def read_own_network(weights: Path, vocab: Path, nonlinearity: str | None = None) -> Course:
    """Return a course of one snapshot; UsageError or RecordError if a file does not fit.

    The weights of an RNN do not show its nonlinearity; without a name it is PyTorch's default.
    """
    cell, parameters = read_language_model(weights)
    if nonlinearity is not None and nonlinearity not in cell.nonlinearities:
        known = " or ".join(cell.nonlinearities)
        raise UsageError(f"expected --nonlinearity {known} for nn.{cell.layer}, got {nonlinearity}")
    tokens = read_tokens(vocab)
    V, H = parameters["linear.weight"].shape
    if len(tokens) != V:
        what = f"{V} tokens in {vocab}, as the linear layer of {weights} has"
        raise UsageError(f"expected {what}, got {len(tokens)}")
    setting: JsonObject = {
        "cell": cell.name,
        "hidden_size": H,
        "nonlinearity": nonlinearity or cell.nonlinearities[0],
        "dtype": str(parameters["linear.weight"].dtype),
    }
    return Course(
        source=weights.name,
        setting=SharedOptions(**setting),
        vocab=OwnVocab(tokens),
        snapshots=(Snapshot(None, f"from {weights.name}", parameters),),
        is_of_a_run=False,
    )


def read_tokens(path: Path) -> list[str]:
    """Read the tokens in the order of their indices: a list, or a dict of token to index."""
    try:
        content = read_json(path, MOST_BYTES)
    except SchemaError as error:
        raise RecordError(f"expected a vocabulary in {path}: {error}") from None
    if isinstance(content, dict):
        content = _sort_by_index(content, path)
    if not isinstance(content, list):
        what = 'a list of characters, or a dict such as {"a": 0}'
        raise RecordError(f"expected {what} in {path}, got {excerpt(content)}")
    if len(content) < 2:
        raise RecordError(f"expected at least two tokens in {path}, got {len(content)}")
    first: dict[str, int] = {}
    for index, token in enumerate(content):
        if not isinstance(token, str) or not _is_character(token):
            what = f"single characters, or names such as <unk>, in {path}"
            raise RecordError(f"expected {what}, got {excerpt(token)} at index {index}")
        if first.setdefault(token, index) != index:
            raise RecordError(f"expected each token once in {path}, got {excerpt(token)} twice")
    return list(first)


def _sort_by_index(indices: JsonObject, path: Path) -> list[str]:
    """Return the tokens in the order of their indices; RecordError names one that is wrong."""
    known = range(len(indices))
    of: dict[int, str] = {}  # the token of each index
    wrong = ""
    for token, index in indices.items():
        if type(index) is not int or index not in known:  # a bool is no index
            wrong = wrong or f"{excerpt(index)} of {excerpt(token)!r}"
        elif of.setdefault(index, token) != token:
            wrong = wrong or f"{index} twice"
    if wrong:
        what = f"the indices 0 to {len(known) - 1} of {len(known)} characters"
        missing = next(index for index in known if index not in of)
        raise RecordError(f"expected {what} in {path}, got {wrong}, and no {missing}")
    return [of[index] for index in known]


def _is_character(token: str) -> bool:
    """Return whether a token is one character, or has no character in a text, such as <unk>."""
    return len(token) == 1 or (token.startswith("<") and token.endswith(">"))
