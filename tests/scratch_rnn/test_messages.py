"""The messages in full, and objects with one attribute missing.

`tests/test_wrong_arguments.py` tries every argument of every function, and checks that it is named.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from scratch_rnn import (
    LSTM,
    RNN,
    SGD,
    RNNModel,
    cross_entropy,
    predict,
    set_num_threads,
    train,
    train_step,
)
from scratch_rnn.text import Batch, Vocab
from tests.annotations import unchecked

Call = Callable[[], Any]

VOCAB = Vocab(list("banana bus"))
MODEL = RNNModel(RNN(len(VOCAB), 3), len(VOCAB))
IDS = np.zeros((2, 3), np.int64)
BATCH = Batch(IDS, IDS)
LAYER, BATCH_FIRST = RNN(3, 4), RNN(3, 4, batch_first=True)
X, H_0 = np.zeros((5, 2, 3), np.float32), np.zeros((1, 2, 4), np.float32)


class Half:
    """An object with some of the attributes that an argument needs."""

    def __init__(self, *names: str) -> None:
        for name in names:
            setattr(self, name, None)


MESSAGES: list[tuple[str, Call]] = [
    ("expected dropout in 0 … 1, got 2", lambda: RNN(3, 4, dropout=2)),
    ("expected dtype float32 or float64, got int64", lambda: RNN(3, 4, dtype=np.int64)),
    ("expected x with 3 features, got shape (5, 2, 2)", lambda: LAYER(X[..., :2])),
    ("expected x of dtype float32 or integers, got float64", lambda: LAYER(X.astype(float))),
    ("expected x in 0 … 2, got 3", lambda: LAYER(np.full((5, 2), 3))),
    ("expected lengths in 1 … 5, got [1, 9]", lambda: LAYER(X, lengths=[1, 9])),
    ("expected lengths of shape (2,), B > 0, got (1,)", lambda: LAYER(X, lengths=[1])),
    ("expected lengths to be integers, got float64", lambda: LAYER(X, lengths=[1.0, 2.0])),
    ("expected lengths only with a batch, got x without one", lambda: LAYER(X[:, 0], lengths=[1])),
    ("expected gradient of a of shape (1,)", lambda: SGD({"a": X[0, 0, :1]}, 1).step({"a": X})),
    ("expected x to be a NumPy array, got list", lambda: LAYER([[1.0]])),
    ("expected x of shape (T, B, V) or (T, V), got (3,)", lambda: LAYER(X[0, 0])),
    ("expected x of shape (B, T, V) or (T, V), got (3,)", lambda: BATCH_FIRST(X[0, 0])),
    ("expected x of shape (T, B) or (T,), got (2, 3, 1)", lambda: LAYER(IDS[..., None])),
    ("expected x of shape (B, T) or (T,), got (2, 3, 1)", lambda: BATCH_FIRST(IDS[..., None])),
    ("expected x with at least one step, got shape (5, 0, 3)", lambda: BATCH_FIRST(X[:, :0])),
    ("expected 2 dropout_masks, got 0", lambda: RNN(3, 4, 3).forward(X, dropout_masks=[])),
    ("expected 2 dropout_masks, got int", lambda: RNN(3, 4, 3).forward(X, dropout_masks=7)),
    ("expected state to be a NumPy array, got a tuple of 1", lambda: LAYER(X, (H_0,))),
    ("expected state to be a pair (h0, c0), got ndarray", lambda: LSTM(3, 4)(X, H_0)),
    ("expected state to be a pair (h0, c0), got a tuple of 3", lambda: LSTM(3, 4)(X, (H_0,) * 3)),
    ("expected proj_size below hidden_size 4, got 5", lambda: LSTM(3, 4, proj_size=5)),
    (
        "expected d_state to be a NumPy array, got a tuple of 2",
        lambda: LAYER.backward(LAYER.forward(X)[2], None, (X, X)),
    ),
    ("expected tape", lambda: LAYER.backward(Half("layout"))),
    ("expected tape", lambda: LAYER.backward(Half("recurrences"))),
    ("expected rnn", lambda: RNNModel(Half("forward", "backward"), 3)),
    ("expected rnn", lambda: RNNModel(Half("input_size", "backward"), 3)),
    ("expected rnn", lambda: RNNModel(Half("input_size", "forward"), 3)),
    ("expected inputs to be a NumPy array, got list", lambda: MODEL([[0]], MODEL.begin_state(1))),
    ("expected tape", lambda: backward_of_model(tape=Half("rnn"))),
    ("expected tape", lambda: backward_of_model(tape=Half("h"))),
    ("expected at least one row", lambda: cross_entropy(np.zeros((0, 3)), np.zeros(0, int))),
    ("expected a prefix of tokens in the vocabulary, got 'x'", lambda: start_with("bx")),
    ("expected prefix to be a sequence of tokens, got int", lambda: start_with(7)),
    ("expected model", lambda: predict("ban", 1, Half("begin_state"), VOCAB)),
    ("expected model", lambda: predict("ban", 1, Half("parameters"), VOCAB)),
    ("expected temperature of at least 0, got -1", lambda: draw_one(temperature=-1)),
    ("expected temperature of at least 0, got nan", lambda: draw_one(temperature=float("nan"))),
    ("expected temperature to be a number, got str", lambda: draw_one(temperature="1")),
    ("expected rng with random, got int", lambda: draw_one(temperature=1, rng=7)),
    ("expected vocab", lambda: predict("ban", 1, MODEL, Half("to_tokens"))),
    ("expected model", lambda: train_step(Half("forward", "backward"), BATCH, None, sgd())),
    ("expected model", lambda: train_step(Half("forward", "begin_state"), BATCH, None, sgd())),
    ("expected model", lambda: train_step(Half("backward", "begin_state"), BATCH, None, sgd())),
    ("expected batch", lambda: train_step(MODEL, Half("inputs"), None, sgd())),
    ("expected batch", lambda: train_step(MODEL, Half("targets"), None, sgd())),
    ("expected optimizer", lambda: train_step(MODEL, BATCH, None, Half())),
    ("expected model", lambda: train(Half("forward", "backward"), [BATCH], 0.1, 1)),
    ("expected model", lambda: train(Half("forward", "parameters"), [BATCH], 0.1, 1)),
    ("expected model", lambda: train(Half("backward", "parameters"), [BATCH], 0.1, 1)),
    ("expected the number of threads", lambda: set_num_threads(0)),
]  # fmt: skip


def draw_one(**options: Any) -> str:
    return predict("ban", 1, MODEL, VOCAB, **options)


def start_with(prefix: Any) -> str:
    return predict(prefix, 1, MODEL, VOCAB)


def sgd() -> SGD:
    return SGD(MODEL.parameters, 0.0)


def backward_of_model(**wrong: Any) -> None:
    logits, _, tape = MODEL.forward(IDS, MODEL.begin_state(2))
    MODEL.backward(**({"tape": tape, "d_logits": logits} | wrong))


@pytest.mark.parametrize(("message", "call"), MESSAGES, ids=[m for m, _ in MESSAGES])
def test_the_message_names_the_argument(message: str, call: Call) -> None:
    with unchecked(), pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", [scratch_rnn.RNN, scratch_rnn.GRU, scratch_rnn.LSTM])
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("bias_hh_l1", lambda p: p[:1], r"expected bias_hh_l1 of shape \(\d+,\), got \(1,\)"),
        ("weight_ih_l0", lambda p: p.astype(float), "expected weight_ih_l0 of dtype float32, got"),
        ("weight_hh_l1", lambda p: p.tolist(), "expected weight_hh_l1 to be a NumPy array"),
        ("bias_ih_l0", lambda p: None, "expected bias_ih_l0 to be a NumPy array, got NoneType"),
    ],
)
def test_a_parameter_that_was_replaced_by_another_kind_is_refused(
    layer: Any, name: str, change: Any, message: str
) -> None:
    """NumPy would stretch a bias of shape (1,), and compute in the wider of two dtypes."""
    rnn = layer(3, 4, num_layers=2)
    rnn.parameters[name] = change(rnn.parameters[name])
    with unchecked(), pytest.raises((ValueError, TypeError), match=message):
        rnn.forward(np.zeros((2, 1, 3), np.float32))
