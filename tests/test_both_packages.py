"""Training and prediction: properties of scratch_rnn and of concise_rnn, under the same names."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import concise_rnn
import scratch_rnn
from scratch_rnn.text import Batch, Vocab
from tests.annotations import unchecked


@pytest.fixture(params=[scratch_rnn, concise_rnn], ids=["scratch", "concise"])
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


def model_of(package: Any, V: int = 5) -> Any:
    """A small model, the same one each time."""
    if package is scratch_rnn:
        rng = np.random.default_rng(0)
        return package.RNNModel(package.RNN(V, 4, rng=rng), V, rng=rng)
    torch.manual_seed(0)
    return package.RNNModel(nn.RNN(V, 4), V)


def optimizer_of(model: Any, lr: float) -> Any:
    if isinstance(model, nn.Module):
        return torch.optim.SGD(model.parameters(), lr)
    return scratch_rnn.SGD(model.parameters, lr)


def weights(model: Any) -> list[np.ndarray]:
    if isinstance(model, nn.Module):
        return [parameter.detach().numpy().copy() for parameter in model.parameters()]
    return [parameter.copy() for parameter in model.parameters.values()]


def small_batches(count: int = 3, B: int = 2, T: int = 4) -> list[Batch]:
    ids = np.random.default_rng(1).integers(0, 5, (count, 2, B, T))
    return [Batch(inputs, targets) for inputs, targets in ids]


@pytest.mark.parametrize("carry_state", [False, True])
@pytest.mark.parametrize("epochs", [1, 2])
def test_epochs_step_by_step(package: Any, carry_state: bool, epochs: int) -> None:
    """The state is zero at each epoch's start, and carried or not in between."""
    one, other, batches = model_of(package), model_of(package), small_batches()
    optimizer = optimizer_of(other, 0.5)
    losses = []
    for _ in range(epochs):
        state, losses = None, []
        for batch in batches:
            result = package.train_step(other, batch, state, optimizer, max_norm=0.5)
            losses.append(result.loss)
            state = result.state if carry_state else None
    calls: list[tuple[int, Any]] = []
    options = {"carry_state": carry_state, "max_norm": 0.5}
    results = package.train(
        one, batches, 0.5, epochs, **options, on_epoch=lambda *call: calls.append(call)
    )
    for ours, expected in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert calls == list(enumerate(results))
    assert results[-1].num_tokens == 3 * 2 * 4
    assert abs(results[-1].loss - np.mean(losses)) <= 4 * np.spacing(results[-1].loss)
    assert results[-1].perplexity == package.perplexity(results[-1].loss)


def test_the_loss_of_an_epoch_counts_each_token_once(package: Any) -> None:
    """Batches of different sizes weigh as many tokens as they have."""
    batches = [small_batches(1, 2, 6)[0], small_batches(1, 2, 1)[0]]
    model = model_of(package)
    optimizer = optimizer_of(model, 0.0)
    result = package.train_epoch(model, batches, optimizer)
    long, short = (package.train_step(model, batch, None, optimizer).loss for batch in batches)
    expected = (12 * long + 2 * short) / 14
    assert long != short
    assert result.num_tokens == 14
    assert abs(result.loss - expected) <= 4 * np.spacing(expected)


def test_any_iterable_of_batches_will_do_and_an_empty_one_is_refused(package: Any) -> None:
    class Pair:
        def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
            self.inputs, self.targets = inputs, targets

    def once() -> Iterator[Pair]:
        for batch in small_batches():
            yield Pair(batch.inputs, batch.targets)

    batches = once()
    with unchecked():
        assert package.train(model_of(package), batches, 0.1, 1)[0].num_tokens == 24
        for empty in (batches, []):
            with pytest.raises(ValueError, match=r"^expected at least one batch, got none$"):
                package.train(model_of(package), empty, 0.1, 1)


def test_no_epochs_leave_the_model_alone(package: Any) -> None:
    model = model_of(package)
    before = weights(model)
    assert package.train(model, small_batches(), 0.1, 0) == []
    for array, parameter in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(array, parameter)


def test_perplexity(package: Any) -> None:
    assert package.perplexity(0.0) == 1
    assert package.perplexity(np.log(28)) == pytest.approx(28)
    assert package.perplexity(1e4) == float("inf")


def test_a_vocabulary_of_another_size_is_refused(package: Any) -> None:
    layer = nn.RNN(5, 4) if package is concise_rnn else package.RNN(5, 4)
    with pytest.raises(ValueError, match=r"^expected an rnn\w* with input_size 6.*, got 5$"):
        package.RNNModel(layer, 6)


@pytest.mark.parametrize(
    ("prefix", "num_preds", "message"),
    [
        ("", 3, "expected a prefix of at least one token, got none"),
        ([], 3, "expected a prefix of at least one token, got none"),
        ("xyz", 3, "expected a prefix of tokens in the vocabulary, got 'x'"),
        ("ban", -1, "expected num_preds to be at least 0, got -1"),
        ("b", 1.5, "expected num_preds to be an int, got float"),
    ],
)
def test_what_cannot_be_continued_is_refused(
    package: Any, prefix: Any, num_preds: Any, message: str
) -> None:
    vocab = Vocab(list("banana bus"))
    with unchecked(), pytest.raises((ValueError, TypeError)) as caught:
        package.predict(prefix, num_preds, model_of(package, len(vocab)), vocab)
    assert str(caught.value) == message


def test_both_have_the_same_names() -> None:
    for name in ("train_step", "train_epoch", "train", "predict"):
        concise = list(inspect.signature(getattr(concise_rnn, name)).parameters)
        scratch = list(inspect.signature(getattr(scratch_rnn, name)).parameters)
        drawn = () if name == "predict" else ("rng",)  # for dropout, which PyTorch draws itself
        assert [n for n in scratch if n not in drawn] == concise, name
