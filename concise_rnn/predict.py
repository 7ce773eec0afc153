"""Generation: read a prefix, then append tokens, each the likeliest one or drawn at random."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from concise_rnn.model import RNNModel
from scratch_rnn.checks import check_generator, check_has, check_integer, check_number
from scratch_rnn.text.prefix import TokenNumbers, prefix_ids


@torch.no_grad()
def predict(
    prefix: str | Sequence[str],
    num_preds: int,
    model: RNNModel,
    vocab: TokenNumbers,
    *,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> str:
    """Return the prefix and `num_preds` tokens that the model adds to it.

    Parameters
    ----------
    prefix : str or sequence of str
        Characters, or a list of words if the vocabulary has words; at least one.
    num_preds : int
        Number of tokens to add.
    model : RNNModel
        On any device. It runs in evaluation mode; afterwards its mode is restored.
    vocab : Vocab
        Or any other object with the same methods.
    temperature : float
        0: always the likeliest token. Above 0: each token is drawn from softmax(logits /
        temperature).
    rng : numpy.random.Generator, optional
        Source of the drawn tokens. It is NumPy's generator, so that `scratch_rnn.predict` returns
        the same text with an equal one. By default a generator with fresh entropy.

    Returns
    -------
    str
        The tokens as one string; words are separated by spaces.

    Raises
    ------
    ValueError
        If the prefix is empty or has a token that is not in the vocabulary, if the temperature is
        negative or NaN, or if tokens are to be drawn from logits that are not finite.
    """
    check_has("model", model, "begin_state", "training", "linear")
    num_preds = check_integer("num_preds", num_preds, least=0)
    temperature = check_number("temperature", temperature)
    rng = check_generator(rng, temperature)
    ids = prefix_ids(prefix, vocab)
    was_training = model.training
    model.eval()
    device = model.linear.weight.device
    logits, state = model(torch.tensor([ids], device=device), model.begin_state(batch_size=1))
    for _ in range(num_preds):
        ids.append(next_token(logits[-1], temperature, rng))
        logits, state = model(torch.tensor([ids[-1:]], device=device), state)
    model.train(was_training)
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(ids))


def next_token(y: Float[Tensor, "V"], temperature: float, rng: np.random.Generator | None) -> int:
    """Return the likeliest token, or one drawn from softmax(y / temperature).

    `torch.multinomial` has a generator of its own, so it would draw another text than NumPy.
    """
    if temperature == 0 or rng is None:
        return int(y.argmax())
    c = torch.softmax((y.double() - y.max()) / temperature, dim=0).cumsum(dim=0)
    if c[-1].isnan():
        raise ValueError("expected finite logits to draw a token from, got inf or nan")
    return int(torch.searchsorted(c, rng.random() * c[-1], right=True))
