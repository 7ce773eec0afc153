"""The PyTorch chapter: the lecture's model and training, on any device, in PyTorch's own terms."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn

import concise_rnn
from concise_rnn import predict, train, train_step
from tests.control import weights
from tests.test_both_packages import VOCAB, assert_same_weights, model_of, small_batches

small_model = functools.partial(model_of, concise_rnn)


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


def test_a_projection_makes_h_smaller_and_not_c():
    layer = nn.LSTM(5, 4, num_layers=2, proj_size=3, bidirectional=True)
    h, c = concise_rnn.RNNModel(layer, 5).begin_state(2)
    assert (h.shape, c.shape) == ((4, 2, 3), (4, 2, 4))


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
