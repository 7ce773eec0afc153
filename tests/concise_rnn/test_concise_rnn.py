"""The PyTorch chapter: the lecture's model and training, on any device, in PyTorch's own terms."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
from concise_rnn import predict, train, train_step
from tests.control import weights
from tests.test_both_packages import VOCAB, assert_same_weights, model_of, small_batches

small_model = functools.partial(model_of, concise_rnn)


@pytest.mark.parametrize(
    ("bidirectional", "batch_first", "num_layers", "dtype"),
    [
        (False, False, 1, torch.float32),
        (False, True, 2, torch.float64),
        (True, False, 2, torch.float32),
        (True, True, 1, torch.float64),
    ],
)
def test_logits_are_those_of_the_lectures_lines(bidirectional, batch_first, num_layers, dtype):
    options = {"batch_first": batch_first, "bidirectional": bidirectional, "dtype": dtype}
    model, D = small_model(num_layers=num_layers, **options), 2 if bidirectional else 1
    inputs = torch.randint(0, 5, (3, 6))  # (B, T)
    state = torch.rand(num_layers * D, 3, 4, dtype=dtype)
    logits, final = model(inputs, state)
    X = F.one_hot(inputs.T.long(), 5).to(dtype)  # (T, B, V), as the lecture has it
    Y, expected_state = model.rnn(X.swapaxes(0, 1) if batch_first else X, state)
    Y = Y.swapaxes(0, 1) if batch_first else Y
    assert logits.equal(model.linear(Y.reshape(-1, Y.shape[-1])))
    assert final.equal(expected_state)
    assert logits.shape == (18, 5)
    assert model.linear.in_features == D * 4
    assert logits.dtype == dtype


@pytest.mark.parametrize("max_norm", [0.1, 1e6])
def test_a_step_in_the_lectures_lines(max_norm):
    model, other, batch = small_model(), small_model(), small_batches(1)[0]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)  # of an earlier step
    state = torch.rand(1, 2, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    result = train_step(model, batch, state, optimizer, max_norm=max_norm)

    y = torch.from_numpy(batch.targets).T.reshape(-1)
    y_hat, final = other(torch.from_numpy(batch.inputs), state)
    loss = nn.CrossEntropyLoss()(y_hat, y)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(other.parameters(), max_norm)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter -= 0.5 * parameter.grad
    assert result.loss == loss.item()
    assert result.grad_norm == norm.item()
    assert (norm > max_norm) == (max_norm < 1)
    assert result.state.equal(final)
    assert not result.state.requires_grad  # so the next batch's gradient ends there
    for ours, theirs in zip(weights(model).values(), weights(other).values(), strict=True):
        assert np.abs(ours - theirs).max() <= np.spacing(np.abs(theirs).max())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_projection_makes_h_smaller_and_not_c(bidirectional):
    torch.manual_seed(0)
    layer = nn.LSTM(5, 4, num_layers=2, proj_size=3, bidirectional=bidirectional)
    model, LD = concise_rnn.RNNModel(layer, 5), 4 if bidirectional else 2
    h, c = model.begin_state(2)
    assert (h.shape, c.shape) == ((LD, 2, 3), (LD, 2, 4))
    inputs = torch.randint(0, 5, (2, 6))
    logits, (h, c) = model(inputs, (h, c))
    expected, (h_n, c_n) = layer(F.one_hot(inputs.T, 5).float())  # without a state: zeros
    assert (h.shape, c.shape) == ((LD, 2, 3), (LD, 2, 4))
    torch.testing.assert_close((h, c), (h_n, c_n), rtol=0, atol=0)
    torch.testing.assert_close(logits, model.linear(expected.reshape(12, -1)), rtol=0, atol=0)
    batch = next(iter(small_batches()))
    result = train_step(model, batch, None, torch.optim.SGD(model.parameters(), 0.1))
    assert [tuple(s.shape) for s in result.state] == [(LD, len(batch.inputs), n) for n in (3, 4)]


def test_dropout_acts_in_training():
    model = small_model(num_layers=2, dropout=0.9)
    model.eval()
    train(model, small_batches(1), 0.0, 1)
    assert model.training
    torch.manual_seed(1)
    first = train(model, small_batches(1), 0.0, 1)[0].loss
    torch.manual_seed(2)
    assert train(model, small_batches(1), 0.0, 1)[0].loss != first


@pytest.mark.parametrize("training", [False, True])
def test_prediction_needs_no_dropout_and_leaves_the_mode_alone(training):
    model = small_model(len(VOCAB), 8, num_layers=2, dropout=0.5).train(training)
    before = copy.deepcopy(model)
    texts = {predict("ban", 20, model, VOCAB) for _ in range(3)}
    assert len(texts) == 1
    assert model.training == training
    assert_same_weights(before, model)
