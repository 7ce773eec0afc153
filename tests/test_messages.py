"""Calls that are refused, and their messages.

`tests/test_wrong_arguments.py` tries every argument of every function, and checks that it is named.
Annotations are not checked here: users do not have these checks either.
"""

import numpy as np
import pytest
import torch

import compare
import concise_rnn
import scratch_rnn
from compare.parity.weights import gradient_of
from scratch_rnn import (
    LSTM,
    RNN,
    SGD,
    Adam,
    Batch,
    RNNModel,
    cross_entropy,
    predict,
    set_num_threads,
    train,
    train_step,
)
from scratch_rnn.text import (
    Batches,
    Vocab,
    clean,
    load_corpus,
    load_text,
    load_time_machine,
    random_batches,
    sample_text,
    sequential_batches,
    tokenize,
)
from tests.annotations import unchecked

VOCAB = Vocab(list("banana bus"))
MODEL = RNNModel(RNN(len(VOCAB), 3), len(VOCAB))
IDS = np.zeros((2, 3), np.int64)
BATCH = Batch(IDS, IDS)
X, H_0 = np.zeros((5, 2, 3), np.float32), np.zeros((1, 2, 4), np.float32)
LAYER, BATCH_FIRST = RNN(3, 4), RNN(3, 4, batch_first=True)
CONCISE = concise_rnn.RNNModel(torch.nn.RNN(len(VOCAB), 3), len(VOCAB))
CORPUS = np.arange(100)


class Half:
    """An object with some of the attributes that an argument needs."""

    def __init__(self, *names):
        for name in names:
            setattr(self, name, None)


def draw_one(**options):
    return predict("ban", 1, MODEL, VOCAB, **options)


def start_with(prefix):
    return predict(prefix, 1, MODEL, VOCAB)


def sgd():
    return SGD(MODEL.parameters, 0.0)


def backward_of_model(**wrong):
    logits, _, tape = MODEL.forward(IDS, MODEL.begin_state(2))
    MODEL.backward(**({"tape": tape, "d_logits": logits} | wrong))


REFUSED = [  # a call, and how the message begins
    (lambda: RNN(3, 4, dropout=2), "expected dropout in 0 … 1, got 2"),
    (lambda: RNN(3, 4, dtype=np.int64), "expected dtype float32 or float64, got int64"),
    (lambda: LAYER(X[..., :2]), "expected x with 3 features, got shape (5, 2, 2)"),
    (lambda: LAYER(X.astype(float)), "expected x of dtype float32 or integers, got float64"),
    (lambda: LAYER(np.full((5, 2), 3)), "expected x in 0 … 2, got 3"),
    (lambda: LAYER(X, lengths=[1, 9]), "expected lengths in 1 … 5, got [1, 9]"),
    (lambda: LAYER(X, lengths=[1]), "expected lengths of shape (2,), B > 0, got (1,)"),
    (lambda: LAYER(X, lengths=[1.0, 2.0]), "expected lengths to be integers, got float64"),
    (lambda: LAYER(X[:, 0], lengths=[1]), "expected lengths only with a batch, got x without one"),
    (lambda: SGD({"a": X[0, 0, :1]}, 1).step({"a": X}), "expected gradient of a of shape (1,)"),
    (lambda: Adam({}, 1, (0.9, 1)), "expected betas below 1, got (0.9, 1)"),
    (lambda: Adam({}, 1, 0.9), "expected betas to be a pair of numbers, got 0.9"),
    (lambda: Adam({}, 1).load_state_dict({}), "expected state_dict of ['step'], got []"),
    (lambda: LAYER([[1.0]]), "expected x to be a NumPy array, got list"),
    (lambda: LAYER(X[0, 0]), "expected x of shape (T, B, V) or (T, V), got (3,)"),
    (lambda: BATCH_FIRST(X[0, 0]), "expected x of shape (B, T, V) or (T, V), got (3,)"),
    (lambda: LAYER(IDS[..., None]), "expected x of shape (T, B) or (T,), got (2, 3, 1)"),
    (lambda: BATCH_FIRST(IDS[..., None]), "expected x of shape (B, T) or (T,), got (2, 3, 1)"),
    (lambda: BATCH_FIRST(X[:, :0]), "expected x with at least one step, got shape (5, 0, 3)"),
    (lambda: RNN(3, 4, 3).forward(X, dropout_masks=[]), "expected 2 dropout_masks, got 0"),
    (lambda: RNN(3, 4, 3).forward(X, dropout_masks=7), "expected 2 dropout_masks, got int"),
    (lambda: LAYER(X, (H_0,)), "expected state to be a NumPy array, got a tuple of 1"),
    (lambda: LSTM(3, 4)(X, H_0), "expected state to be a pair (h0, c0), got ndarray"),
    (lambda: LSTM(3, 4)(X, (H_0,) * 3), "expected state to be a pair (h0, c0), got a tuple of 3"),
    (lambda: LSTM(3, 4, proj_size=5), "expected proj_size below hidden_size 4, got 5"),
    (
        lambda: LAYER.backward(LAYER.forward(X)[2], None, (X, X)),
        "expected d_state to be a NumPy array, got a tuple of 2",
    ),
    (lambda: LAYER.backward(Half("layout")), "expected tape"),
    (lambda: LAYER.backward(Half("recurrences")), "expected tape"),
    (lambda: RNNModel(Half("forward", "backward"), 3), "expected rnn"),
    (lambda: RNNModel(Half("input_size", "backward"), 3), "expected rnn"),
    (lambda: RNNModel(Half("input_size", "forward"), 3), "expected rnn"),
    (lambda: MODEL([[0]], MODEL.begin_state(1)), "expected inputs to be a NumPy array, got list"),
    (lambda: backward_of_model(tape=Half("rnn")), "expected tape"),
    (lambda: backward_of_model(tape=Half("h")), "expected tape"),
    (lambda: cross_entropy(np.zeros((0, 3)), np.zeros(0, int)), "expected at least one row"),
    (lambda: start_with("bx"), "expected a prefix of tokens in the vocabulary, got 'x'"),
    (lambda: start_with(""), "expected a prefix of at least one token, got none"),
    (lambda: start_with([]), "expected a prefix of at least one token, got none"),
    (lambda: start_with(7), "expected prefix to be a sequence of tokens, got int"),
    (lambda: predict("ban", 1, Half("begin_state"), VOCAB), "expected model"),
    (lambda: predict("ban", 1, Half("parameters"), VOCAB), "expected model"),
    (lambda: draw_one(temperature=-1), "expected temperature of at least 0, got -1"),
    (lambda: draw_one(temperature=float("nan")), "expected temperature of at least 0, got nan"),
    (lambda: draw_one(temperature="1"), "expected temperature to be a number, got str"),
    (lambda: draw_one(temperature=1, rng=7), "expected rng with random, got int"),
    (lambda: predict("ban", 1, MODEL, Half("to_tokens")), "expected vocab"),
    (lambda: train_step(Half("forward", "backward"), BATCH, None, sgd()), "expected model"),
    (lambda: train_step(Half("forward", "begin_state"), BATCH, None, sgd()), "expected model"),
    (lambda: train_step(Half("backward", "begin_state"), BATCH, None, sgd()), "expected model"),
    (lambda: train_step(MODEL, Half("inputs"), None, sgd()), "expected batch"),
    (lambda: train_step(MODEL, Half("targets"), None, sgd()), "expected batch"),
    (lambda: train_step(MODEL, BATCH, None, Half()), "expected optimizer"),
    (lambda: train(Half("forward", "backward"), [BATCH], 0.1, 1), "expected model"),
    (lambda: train(Half("forward", "parameters"), [BATCH], 0.1, 1), "expected model"),
    (lambda: train(Half("backward", "parameters"), [BATCH], 0.1, 1), "expected model"),
    (lambda: set_num_threads(0), "expected the number of threads"),
    (lambda: cross_entropy(np.zeros((2, 3)), np.array([0, 3])), "expected targets in 0 … 2, got 3"),
    (
        lambda: cross_entropy(np.zeros((2, 3)), np.array([0, -1])),
        "expected targets in 0 … 2, got -1",
    ),
    (
        lambda: cross_entropy(np.zeros((2, 3)), np.array([0])),
        "expected logits of shape (N, V) and targets of shape (N,), got (2, 3) and (1,)",
    ),
    (
        lambda: cross_entropy(np.zeros((2, 3)), np.array([[0, 1]])),
        "expected logits of shape (N, V) and targets of shape (N,), got (2, 3) and (1, 2)",
    ),
    (
        lambda: cross_entropy(np.zeros(3), np.array([0, 1, 2])),
        "expected logits of shape (N, V) and targets of shape (N,), got (3,) and (3,)",
    ),
    (
        lambda: cross_entropy(np.zeros((2, 3), int), np.array([0, 1])),
        "expected logits of a float dtype, got int64",
    ),
    (
        lambda: cross_entropy(np.zeros((2, 3)), np.array([0.0, 1.0])),
        "expected targets of an integer dtype, got float64",
    ),
    (
        lambda: train_step(MODEL, BATCH, np.zeros((1, 1, 3), np.float32), sgd()),
        "expected state of shape (1, 2, 3), got (1, 1, 3)",
    ),
    (
        lambda: train_step(MODEL, BATCH, np.zeros((1, 2, 3)), sgd()),
        "expected state of dtype float32, got float64",
    ),
    (
        lambda: train_step(MODEL, Batch(IDS, IDS[:, :-1]), None, sgd()),
        "expected targets of shape (2, 3), got (2, 2)",
    ),
    (
        lambda: compare.check_parity(object(), CONCISE, BATCH),
        "expected scratch_model with forward, backward, begin_state, got object",
    ),
    (
        lambda: compare.check_parity(MODEL, object(), BATCH),
        "expected concise_model with eval, linear, rnn, got object",
    ),
    (
        lambda: compare.check_parity(MODEL, CONCISE, object()),
        "expected batch with inputs, targets, got object",
    ),
    (
        lambda: compare.train_in_lockstep(object(), CONCISE, [BATCH], 0.1, 1),
        "expected scratch_model with rnn, begin_state, got object",
    ),
    (
        lambda: compare.train_in_lockstep(MODEL, object(), [BATCH], 0.1, 1),
        "expected concise_model with rnn, begin_state, got object",
    ),
    (
        lambda: compare.train_in_lockstep(MODEL, CONCISE, object(), 0.1, 1),
        "expected batches with __iter__, got object",
    ),
    (lambda: compare.copy_weights(object(), MODEL), "expected source with parameters, got object"),
    (lambda: compare.copy_weights(MODEL, object()), "expected target with parameters, got object"),
    (
        lambda: gradient_of(torch.ones(2, requires_grad=True)),
        "expected a gradient after backward, got none",
    ),
    (lambda: compare.build_models(5, 4, dtype="float16"), "expected dtype"),
]

REFUSED_BY_TEXT = [  # a call, and the message in full
    (lambda: Batches(CORPUS, 2.0, 3), "TypeError: expected batch_size to be an int, got float"),
    (lambda: Batches(CORPUS, True, 3), "TypeError: expected batch_size to be an int, got bool"),
    (lambda: Batches(CORPUS, 0, 3), "ValueError: expected batch_size to be at least 1, got 0"),
    (lambda: Batches(CORPUS, 2, 3, seed=-1), "ValueError: expected seed to be at least 0, got -1"),
    (lambda: Batches(CORPUS, 2, 3).epoch(-1), "ValueError: expected k to be at least 0, got -1"),
    (
        lambda: sequential_batches(CORPUS, 0, 3, 0),
        "ValueError: expected batch_size to be at least 1, got 0",
    ),
    (
        lambda: sequential_batches(CORPUS, 2, 3, -1),
        "ValueError: expected offset to be at least 0, got -1",
    ),
    (
        lambda: load_corpus(sample_text(), max_tokens=0),
        "ValueError: expected max_tokens to be at least 1, got 0",
    ),
    (lambda: Vocab("ab", min_freq=-1), "ValueError: expected min_freq to be at least 0, got -1"),
    (
        lambda: Batches(CORPUS, 2, 3, sampling="shuffled"),
        "ValueError: expected sampling to be one of ('sequential', 'random'), got 'shuffled'",
    ),
    (
        lambda: tokenize(["a"], token="line"),
        "ValueError: expected token to be one of ('char', 'word'), got 'line'",
    ),
    (
        lambda: Batches(CORPUS.reshape(2, -1), 2, 3),
        "ValueError: expected a corpus of shape (N,), got (2, 50)",
    ),
    (lambda: Batches(5, 2, 3), "ValueError: expected a corpus of shape (N,), got ()"),
    (lambda: Batches(CORPUS / 1, 2, 3), "TypeError: expected a corpus of integers, got float64"),
    (lambda: Batches(["a"] * 99, 2, 3), "TypeError: expected a corpus of integers, got <U1"),
    (
        lambda: random_batches(CORPUS, 2, 3, 0, 7),
        "TypeError: expected rng to be a numpy Generator, got int",
    ),
    (lambda: clean(None), "TypeError: expected text to be a str, got NoneType"),
    (lambda: tokenize("a cab"), "TypeError: expected lines to be a list of str, got str"),
    (lambda: load_text(3), "TypeError: expected path to be a str or a path, got int"),
    (lambda: load_corpus("a text"), "TypeError: expected text to be a Text, got str"),
    (
        lambda: load_time_machine(2, 3, text=b"x"),
        "TypeError: expected path to be a str or a path, got bytes",
    ),
    (lambda: Vocab([1, 2]), "TypeError: expected tokens to be str or lists of str, got int"),
    (lambda: Vocab([["a", 2]]), "TypeError: expected tokens of type str, got int"),
    (
        lambda: Vocab("ab", reserved_tokens="cd"),
        "TypeError: expected reserved_tokens to be a list of str, got a str",
    ),
    (
        lambda: Vocab("ab", reserved_tokens=["<pad>", "<pad>"]),
        "ValueError: expected each token once, got '<pad>' twice",
    ),
    (
        lambda: Vocab("ab", reserved_tokens=["<unk>"]),
        "ValueError: expected each token once, got '<unk>' twice",
    ),
    (lambda: Vocab.from_list([]), "ValueError: expected '<unk>' as the first token, got []"),
    (
        lambda: Vocab.from_list(["a", "b"]),
        "ValueError: expected '<unk>' as the first token, got ['a']",
    ),
    (
        lambda: Vocab.from_list(["<unk>", "a", "a"]),
        "ValueError: expected each token once, got 'a' twice",
    ),
    (lambda: Vocab.from_list(["<unk>", 1]), "TypeError: expected tokens of type str, got int"),
    (lambda: Vocab("ab")[1], "TypeError: expected tokens to be a str or a list, got int"),
    (
        lambda: Vocab("ab")[["a", None]],
        "TypeError: expected tokens to be a str or a list, got NoneType",
    ),
    (lambda: Vocab("ab").to_tokens(1.0), "TypeError: expected indices to be ints, got float"),
    (lambda: Vocab("ab").to_tokens(True), "TypeError: expected indices to be ints, got bool"),
    (lambda: Vocab("ab").to_tokens(["a"]), "TypeError: expected indices to be ints, got str"),
    (lambda: Vocab("ab").to_tokens(3), "IndexError: expected indices from 0 to 2, got 3"),
]

ACCEPTED_BY_TEXT = [
    lambda: Batches(CORPUS, np.int64(2), np.uint8(3), seed=np.int32(1)),
    lambda: Batches(CORPUS.astype(np.uint8), 2, 3),
    lambda: Batches(list(range(100)), 2, 3),
    lambda: load_corpus(sample_text(), max_tokens=np.int64(5)),
    lambda: Vocab(["a", ("b", "c"), []]),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_the_message_names_the_argument(call, message):
    with unchecked(), pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"), REFUSED_BY_TEXT, ids=[message for _, message in REFUSED_BY_TEXT]
)
def test_the_message_is_what_was_expected_and_what_was_passed(call, message):
    with unchecked(), pytest.raises((ValueError, TypeError, IndexError)) as caught:
        call()
    assert f"{type(caught.value).__name__}: {caught.value}" == message


@pytest.mark.parametrize("call", ACCEPTED_BY_TEXT)
def test_whole_numbers_of_numpy_and_other_sequences_are_accepted(call):
    with unchecked():
        call()


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
def test_a_parameter_that_was_replaced_by_another_kind_is_refused(layer, name, change, message):
    """NumPy would stretch a bias of shape (1,), and compute in the wider of two dtypes."""
    rnn = layer(3, 4, num_layers=2)
    rnn.parameters[name] = change(rnn.parameters[name])
    with unchecked(), pytest.raises((ValueError, TypeError), match=message):
        rnn.forward(np.zeros((2, 1, 3), np.float32))
