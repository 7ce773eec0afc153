"""The PyTorch chapter: the lecture's model and training, on any device, in PyTorch's own terms."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from concise_rnn import RNNModel, perplexity, predict, train, train_epoch, train_step
from scratch_rnn.text import Batch, Vocab


def small_model(seed: int = 0, **options: Any) -> RNNModel:
    torch.manual_seed(seed)
    return RNNModel(nn.RNN(5, 4, **options), 5)


def small_batches(count: int = 3, B: int = 2, T: int = 4) -> list[Batch]:
    ids = np.random.default_rng(1).integers(0, 5, (count, 2, B, T))
    return [Batch(inputs, targets) for inputs, targets in ids]


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def gap(tensor: torch.Tensor) -> float:
    """Return the gap between floats at the tensor's largest value."""
    return float(np.spacing(tensor.detach().abs().max().numpy()))


# The model --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_are_those_of_the_lectures_lines(
    bidirectional: bool, batch_first: bool, num_layers: int, dtype: torch.dtype
) -> None:
    rnn = nn.RNN(
        5, 4, num_layers, batch_first=batch_first, bidirectional=bidirectional, dtype=dtype
    )
    model = RNNModel(rnn, 5)
    D = 2 if bidirectional else 1
    inputs = torch.randint(0, 5, (3, 6))  # (B, T)
    state = torch.rand(num_layers * D, 3, 4, dtype=dtype)
    logits, final = model(inputs, state)
    X = F.one_hot(inputs.T.long(), 5).to(dtype)  # (T, B, V), as the lecture has it
    Y, expected_state = rnn(X.swapaxes(0, 1) if batch_first else X, state)
    Y = Y.swapaxes(0, 1) if batch_first else Y
    assert logits.equal(model.linear(Y.reshape(-1, Y.shape[-1])))
    assert final.equal(expected_state)
    assert logits.shape == (18, 5)
    assert model.linear.in_features == D * 4
    assert logits.dtype == dtype


def test_rows_of_logits_are_time_major() -> None:
    model, inputs = small_model(), torch.tensor([[0, 1, 2], [3, 4, 0]])
    together, _ = model(inputs, model.begin_state(2))
    for b in range(2):
        alone, _ = model(inputs[b : b + 1], model.begin_state(1))
        assert (together[b::2] - alone).abs().max() <= 8 * gap(alone)


def test_the_state_begins_at_zero() -> None:
    model = small_model(num_layers=3, bidirectional=True)
    assert model.begin_state().shape == (6, 1, 4)
    assert model.begin_state(batch_size=7).equal(torch.zeros(6, 7, 4))
    assert RNNModel(nn.RNN(5, 4, dtype=torch.float64), 5).begin_state().dtype == torch.float64


def test_a_vocabulary_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected an rnn_layer with input_size 6.*got 5"):
        RNNModel(nn.RNN(5, 4), 6)


def test_names_are_those_of_a_state_dict() -> None:
    assert list(small_model().state_dict()) == [
        "rnn.weight_ih_l0",
        "rnn.weight_hh_l0",
        "rnn.bias_ih_l0",
        "rnn.bias_hh_l0",
        "linear.weight",
        "linear.bias",
    ]


# Training ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_norm", [0.1, 1e6])
def test_a_step_in_the_lectures_lines(max_norm: float) -> None:
    model, other, batch = small_model(), small_model(), small_batches(1)[0]
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
    for ours, theirs in zip(weights(model), weights(other), strict=True):
        assert (ours - theirs).abs().max() <= gap(theirs)


def test_gradients_of_an_earlier_step_are_gone() -> None:
    model, other, batch = small_model(), small_model(), small_batches(1)[0]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    for m in (model, other):
        train_step(m, batch, None, torch.optim.SGD(m.parameters(), 0.5))
    assert all(a.equal(b) for a, b in zip(weights(model), weights(other), strict=True))


@pytest.mark.parametrize("carry_state", [False, True])
def test_epochs_step_by_step(carry_state: bool) -> None:
    """The state is zero at each epoch's start, and carried or not in between."""
    one, other, batches = small_model(), small_model(), small_batches()
    optimizer = torch.optim.SGD(other.parameters(), 0.5)
    losses = []
    for _ in range(2):
        state, losses = None, []
        for batch in batches:
            result = train_step(other, batch, state, optimizer, max_norm=0.5)
            losses.append(result.loss)
            state = result.state if carry_state else None
    heard = []
    results = train(
        one,
        batches,
        0.5,
        2,
        carry_state=carry_state,
        max_norm=0.5,
        on_epoch=lambda epoch, result: heard.append((epoch, result)),
    )
    assert all(a.equal(b) for a, b in zip(weights(one), weights(other), strict=True))
    assert heard == list(enumerate(results))
    assert results[-1].num_tokens == 24
    assert abs(results[-1].loss - np.mean(losses)) <= 4 * np.spacing(results[-1].loss)
    assert results[-1].perplexity == perplexity(results[-1].loss)


def test_an_epochs_loss_counts_each_token_once() -> None:
    long, short = small_batches(1, 2, 6)[0], small_batches(1, 2, 1)[0]
    model = small_model()
    result = train_epoch(model, [long, short], torch.optim.SGD(model.parameters(), 0.0))
    losses = [
        train_step(model, batch, None, torch.optim.SGD(model.parameters(), 0.0)).loss
        for batch in (long, short)
    ]
    expected = (12 * losses[0] + 2 * losses[1]) / 14
    assert abs(result.loss - expected) <= 4 * np.spacing(expected)


def test_any_iterable_of_batches_will_do_and_an_empty_one_is_refused() -> None:
    class Pair:
        def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
            self.inputs, self.targets = inputs, targets

    def once() -> Iterator[Pair]:
        for batch in small_batches():
            yield Pair(batch.inputs, batch.targets)

    assert train(small_model(), once(), 0.1, 1)[0].num_tokens == 24
    with pytest.raises(ValueError, match="at least one batch"):
        train(small_model(), [], 0.1, 1)


def test_dropout_acts_in_training() -> None:
    model = small_model(num_layers=2, dropout=0.9)
    model.eval()
    train(model, small_batches(1), 0.0, 1)
    assert model.training
    torch.manual_seed(1)
    first = train(model, small_batches(1), 0.0, 1)[0].loss
    torch.manual_seed(2)
    assert train(model, small_batches(1), 0.0, 1)[0].loss != first


def test_perplexity() -> None:
    assert perplexity(0.0) == 1
    assert perplexity(1e4) == float("inf")


# Prediction -------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_prediction_is_the_lectures_and_leaves_the_mode_alone(training: bool) -> None:
    vocab = Vocab(list("banana bus"))
    torch.manual_seed(0)
    model = RNNModel(nn.RNN(len(vocab), 8, 2, dropout=0.5), len(vocab))
    tokens = np.array([vocab[list("banana bus ban us " * 2)]])
    train(model, [Batch(tokens[:, :-1], tokens[:, 1:])], 0.5, 60)
    model.train(training)
    before = weights(model)
    text = predict("ban", 20, model, vocab)
    assert model.training == training
    assert all(a.equal(b) for a, b in zip(before, weights(model), strict=True))

    model.eval()
    outputs, state = [vocab["b"]], model.begin_state(batch_size=1)
    with torch.no_grad():
        for token in "an":  # warm-up, token by token
            _, state = model(torch.tensor([[outputs[-1]]]), state)
            outputs.append(vocab[token])
        for _ in range(20):
            y, state = model(torch.tensor([[outputs[-1]]]), state)
            outputs.append(int(y.argmax(dim=1).reshape(1)))
    assert text == "".join(vocab.to_tokens(outputs))
    assert len(set(text)) > 2
    assert predict("ban", 0, model, vocab) == "ban"
    assert predict(list("ban"), 2, model, vocab) == " ".join(text[:5])


@pytest.mark.parametrize(("prefix", "num_preds"), [("", 3), ("xyz", 3), ("ban", -1)])
def test_what_cannot_be_continued_is_refused(prefix: str, num_preds: int) -> None:
    vocab = Vocab(list("banana bus"))
    model = RNNModel(nn.RNN(len(vocab), 3), len(vocab))
    with pytest.raises(ValueError, match="expected"):
        predict(prefix, num_preds, model, vocab)


def test_it_has_the_same_names_as_scratch_rnn() -> None:
    for name in ("train_step", "train_epoch", "train", "predict"):
        ours = list(inspect.signature(getattr(concise_rnn, name)).parameters)
        theirs = list(inspect.signature(getattr(scratch_rnn, name)).parameters)
        drawn = () if name == "predict" else ("rng",)  # for dropout, which PyTorch draws itself
        assert [n for n in theirs if n not in drawn] == ours, name
