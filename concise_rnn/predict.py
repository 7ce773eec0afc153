"""Generation: read a prefix, then add the most likely next token, again and again."""

from collections.abc import Sequence

import torch

from concise_rnn.model import RNNModel
from scratch_rnn.text.checks import check_has, whole_number
from scratch_rnn.text.prefix import TokenNumbers, prefix_ids


@torch.no_grad()
def predict(
    prefix: str | Sequence[str], num_preds: int, model: RNNModel, vocab: TokenNumbers
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

    Returns
    -------
    str
        The tokens as one string; words are separated by spaces.

    Raises
    ------
    ValueError
        If the prefix is empty or has a token that is not in the vocabulary.
    """
    check_has("model", model, "begin_state", "training", "linear")
    num_preds = whole_number("num_preds", num_preds, least=0)
    ids = prefix_ids(prefix, vocab)
    was_training = model.training
    model.eval()
    device = model.linear.weight.device
    logits, state = model(torch.tensor([ids], device=device), model.begin_state(batch_size=1))
    for _ in range(num_preds):
        ids.append(int(logits[-1].argmax()))
        logits, state = model(torch.tensor([ids[-1:]], device=device), state)
    model.train(was_training)
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(ids))
