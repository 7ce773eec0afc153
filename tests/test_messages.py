"""Calls that are refused, and their messages: the table is tests/messages.toml.

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
from scratch_rnn import RNN, SGD, RNNModel, predict
from tests.annotations import unchecked
from tests.tables import messages

CALLS, TEXT = messages("scratch_rnn"), messages("text")

VOCAB = scratch_rnn.Vocab(list("banana bus"))
MODEL = RNNModel(RNN(len(VOCAB), 3), len(VOCAB))
IDS = np.zeros((2, 3), np.int64)
X = np.zeros((5, 2, 3), np.float32)


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


NAMES = {
    **vars(scratch_rnn),
    **globals(),
    "gradient_of": gradient_of,
    "compare": compare,
    "BATCH": scratch_rnn.Batch(IDS, IDS),
    "LAYER": RNN(3, 4),
    "BATCH_FIRST": RNN(3, 4, batch_first=True),
    "H_0": np.zeros((1, 2, 4), np.float32),
    "CONCISE": concise_rnn.RNNModel(torch.nn.RNN(len(VOCAB), 3), len(VOCAB)),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_message_names_the_argument(call):
    with unchecked(), pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
        eval(call, NAMES)
    assert str(caught.value).startswith(CALLS[call])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", TEXT)
def test_the_message_is_what_was_expected_and_what_was_passed(call):
    names = vars(scratch_rnn.text) | {"np": np, "ids": np.arange(100)}
    names |= {name: getattr(scratch_rnn.text, name) for name in scratch_rnn.text.__all__}
    result = "fine"
    with unchecked():
        try:
            eval(call, names)
        except (ValueError, TypeError, IndexError) as error:
            result = f"{type(error).__name__}: {error}"
    assert result == TEXT[call]


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
