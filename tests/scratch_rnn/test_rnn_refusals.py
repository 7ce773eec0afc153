"""What a layer of PyTorch refuses, a layer of scratch_rnn refuses, too, in one line."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import scratch_rnn
from scratch_rnn import text
from scratch_rnn.arrays import arrays_of
from tests.annotations import unchecked
from tests.test_wrong_arguments import H_0, IDS, OF_LSTM, TEXT, H, V, X, expect_refusal

CALLS = [  # x, state and lengths; what PyTorch takes for right, or does not have, is at the end
    (X[0, 0], None, None, "x of shape (T, B, V) or (T, V), got (4,)"),
    (X[None], None, None, "x of shape (T, B, V) or (T, V), got (1, 5, 2, 4)"),
    (X[..., 1:], None, None, "x with 4 features, got shape (5, 2, 3)"),
    (X[:, 0, 1:], None, None, "x with 4 features, got shape (5, 3)"),
    (X.astype(float), None, None, "x of dtype float32 or integers, got float64"),
    (X.astype(int), None, None, "x of shape (T, B) or (T,), got (5, 2, 4)"),
    (X.tolist(), None, None, "x to be a NumPy array, got list"),
    (X[:0], None, None, "x with at least one step, got shape (0, 2, 4)"),
    (X[:0, 0], None, None, "x with at least one step, got shape (0, 4)"),
    (X, H_0[..., 1:], None, "h0 of shape (1, 2, 3), got (1, 2, 2)"),
    (X, H_0[0], None, "h0 of shape (1, 2, 3), got (2, 3)"),
    (X, H_0[:, :1], None, "h0 of shape (1, 2, 3), got (1, 1, 3)"),
    (X, H_0.repeat(2, 0), None, "h0 of shape (1, 2, 3), got (2, 2, 3)"),
    (X[:, 0], H_0[:, :1], None, "h0 of shape (1, 3), got (1, 1, 3)"),
    (X, H_0.astype(float), None, "h0 of dtype float32, got float64"),
    (X, H_0.tolist(), None, "h0 to be a NumPy array, got list"),
    (X, None, [0, 2], "lengths in 1 … 5, got [0, 2]"),
    (X, None, [2, -1], "lengths in 1 … 5, got [2, -1]"),
    (X, None, [6, 2], "lengths in 1 … 5, got [6, 2]"),
    (X, None, [[2, 1]], "lengths of shape (2,), B > 0, got (1, 2)"),
    (X[:, 0], None, [2], "lengths only with a batch, got x without one"),
    (X[:, :0], None, [], "lengths of shape (0,), B > 0, got (0,)"),
    (X, None, [2], "lengths of shape (2,), B > 0, got (1,)"),
    (X, None, [2.0, 1.5], "lengths to be integers, got float64"),
    (IDS + V, None, None, "x in 0 … 3, got 4"),
    (IDS - 1, None, None, "x in 0 … 3, got -1"),
]
PAIRS = [  # an LSTM's state
    (H_0, "state to be a pair (h0, c0), got ndarray"),
    ((H_0,) * 3, "state to be a pair (h0, c0), got a tuple of 3"),
    ((None, None), "h0 to be a NumPy array, got NoneType"),
    ((H_0, H_0[0]), "c0 of shape (1, 2, 3), got (2, 3)"),
    ((H_0, H_0[:, :1]), "c0 of shape (1, 2, 3), got (1, 1, 3)"),
    ((H_0, H_0[..., 1:]), "c0 of shape (1, 2, 3), got (1, 2, 2)"),
    ((H_0, H_0.astype(float)), "c0 of dtype float32, got float64"),
    ((H_0, H_0.tolist()), "c0 to be a NumPy array, got list"),
]


PYTORCHS = (RuntimeError, ValueError, TypeError, AttributeError, IndexError)
"""What it raises."""


def call_torch(cell, x, state, lengths):
    tensors = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in (x, *state)]
    x, *state = tensors
    if lengths is not None:
        steps = torch.tensor(lengths, dtype=torch.int64)
        x = pack_padded_sequence(x, steps, enforce_sorted=False)
    getattr(torch.nn, cell)(V, H)(x, tuple(state) if len(state) > 1 else state[0])


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(("x", "state", "lengths", "said"), CALLS, ids=range(len(CALLS)))
def test_a_layer_refuses_what_pytorchs_refuses(cell, x, state, lengths, said):
    state = (state, H_0) if cell == "LSTM" and state is not None else state
    if said not in [row[-1] for row in CALLS[-4:]]:
        with pytest.raises(PYTORCHS):
            call_torch(cell, x, arrays_of(state), lengths)
    wrong = {"h0" if cell == "RNN" else "state": state, "lengths": lengths}
    layer = getattr(scratch_rnn, cell)(V, H)
    assert expect_refusal(layer.forward, {"x": x}, wrong) == f"expected {said}"


@pytest.mark.parametrize(("state", "said"), PAIRS, ids=[row[-1] for row in PAIRS])
def test_an_lstm_refuses_states_that_pytorchs_refuses(state, said):
    with pytest.raises(PYTORCHS):
        call_torch("LSTM", X, arrays_of(state), None)
    assert expect_refusal(OF_LSTM.forward, {"x": X}, {"state": state}) == f"expected {said}"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("bias_hh_l1", lambda p: p[:1], "bias_hh_l1 of shape (3,), got (1,)"),
        ("weight_ih_l0", lambda p: p.astype(float), "weight_ih_l0 of dtype float32, got float64"),
        ("weight_hh_l1", lambda p: p.tolist(), "weight_hh_l1 to be a NumPy array, got list"),
        ("bias_ih_l0", lambda p: None, "bias_ih_l0 to be a NumPy array, got NoneType"),
    ],
)
def test_a_parameter_that_was_replaced_by_another_kind_is_refused(name, change, said):
    """NumPy would stretch a bias of shape (1,), and compute in the wider of two dtypes."""
    layer = scratch_rnn.RNN(V, H, num_layers=2)
    layer.parameters[name] = change(layer.parameters[name])
    assert expect_refusal(layer.forward, {"x": X}, {}) == f"expected {said}"


@pytest.mark.parametrize(
    "call",
    [
        lambda: text.Batches(list(range(100)), np.int64(2), np.uint8(3), seed=np.int32(1)),
        lambda: text.Batches(np.arange(100, dtype=np.uint8), 2, 3),
        lambda: text.load_corpus(TEXT, max_tokens=np.int64(5)),
    ],
)
def test_whole_numbers_of_numpy_and_other_sequences_are_accepted(call):
    with unchecked():
        call()
