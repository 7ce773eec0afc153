"""Generation: read a prefix, then append tokens, each the likeliest one or drawn at random.

A token is drawn by inverting the cumulative sum: with p = softmax(y / temperature) and
c_v = p_0 + … + p_v, one uniform number u in [0, 1) picks the first token v with c_v > u. So each
token takes exactly one number of the generator, and `concise_rnn.predict` returns the same text for
the same weights and an equal generator: the numbers u are equal bit for bit, and the sums c differ
by rounding only. The token differs only if u is between both values of a c_v.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from scratch_rnn.arrays import Array, State, arrays_of
from scratch_rnn.checks import check_generator, check_has, check_integer, check_number
from scratch_rnn.model import RNNModel
from scratch_rnn.text import Vocab
from scratch_rnn.text.prefix import prefix_ids


def predict(
    prefix: str | Sequence[str],
    num_preds: int,
    model: RNNModel,
    vocab: Vocab,
    *,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> str:
    """Return the prefix and `num_preds` tokens that the model adds to it.

    Parameters
    ----------
    prefix : str or sequence of str
        Characters, or a list of words for a vocabulary of words; at least one.
    num_preds : int
    model : RNNModel
    vocab : Vocab
    temperature : float
        0: always the likeliest token. Above 0: each token is drawn from softmax(logits /
        temperature). At 1 these are the probabilities of the model; lower ones make likely tokens
        likelier, and a very high one makes all tokens equally likely.
    rng : numpy.random.Generator, optional
        Source of the drawn tokens, one number for each. By default a generator with fresh entropy,
        so that the text differs each time.

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
    num_preds = check_integer("num_preds", num_preds, least=0)
    check_has("model", model, "begin_state", "parameters")
    temperature = check_number("temperature", temperature)
    rng = check_generator(rng, temperature)
    ids = prefix_ids(prefix, vocab)
    state = model.begin_state(batch_size=1)
    logits, state = model(np.array([ids]), state)  # warm-up: (1, T) at once
    logits_after = token_by_token(model, state)
    y = logits[-1]  # (V,)
    with np.errstate(over="ignore"):  # in a σ; see `cells.gated.sigmoid`
        for _ in range(num_preds):
            ids.append(next_token(y, temperature, rng))
            y = logits_after(ids[-1])
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(ids))


def next_token(y: Float[Array, "V"], temperature: float, rng: np.random.Generator | None) -> int:
    """Return the likeliest token, or one drawn from softmax(y / temperature)."""
    if temperature == 0 or rng is None:
        return int(y.argmax())
    y = y.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # a tiny temperature: exp(-inf) is 0
        p = np.exp((y - y.max()) / temperature)
    c = p.cumsum()  # of numbers in proportion to p; c[-1] is what softmax divides by
    if np.isnan(c[-1]):
        raise ValueError("expected finite logits to draw a token from, got inf or nan")
    return int(np.searchsorted(c, rng.random() * c[-1], side="right"))


def token_by_token(model: RNNModel, state: State) -> Callable[[int], Float[Array, "V"]]:
    """Return the function from a token to the logits after it. It keeps the state.

    It is the model at T = B = 1. Here each product is a matrix times a vector, and most time is
    spent outside the products. So everything that does not change is computed here, once.
    """
    rnn = model.rnn
    L, W, b = rnn.num_layers, model.parameters["linear.weight"], model.parameters["linear.bias"]
    layers = [step for k in range(L) if (step := rnn.step_in_columns(rnn.weights(k)))]
    if rnn.num_directions == 2 or len(layers) < L:

        def logits_after_both_ways(token: int) -> Float[Array, "V"]:
            nonlocal state  # with two directions each token is a sequence of its own
            logits, state = model(np.array([[token]]), state)
            y: Array = logits[0]
            return y

        return logits_after_both_ways

    rows = np.ascontiguousarray(layers[0].W_ih.T) + layers[0].b  # (V, G·H): W_ih x + b of a token

    # A layer's h is read by its own W_hh, and the top one's also by W: one product for both.
    readers = [layer.W_hh for layer in layers[:-1]] + [np.concatenate([layers[-1].W_hh, W])]
    GH = len(layers[0].W_hh)
    states = [
        [array[k, 0] for array in arrays_of(state)] for k in range(L)
    ]  # [h], or [h, c] for an LSTM
    read = [reader @ h for reader, (h, *_) in zip(readers, states, strict=True)]

    def logits_after(token: int) -> Float[Array, "V"]:
        a = rows[token]
        for k, reader in enumerate(readers):
            states[k] = layers[k].compute(a, read[k][:GH], *states[k])
            h = states[k][0]
            read[k] = reader.dot(h)  # at this size half the overhead of @
            if k + 1 < L:
                a = layers[k + 1].W_ih @ h + layers[k + 1].b
        y: Array = read[-1][GH:] + b
        return y

    return logits_after
