"""The model, its training, its predictions: scratch_rnn and concise_rnn, under the same names."""

import inspect
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import compare
import concise_rnn
import scratch_rnn
from compare.parity import read_parameters
from concise_rnn.predict import next_token as next_of_torch
from scratch_rnn.predict import next_token
from scratch_rnn.text import Batch, Vocab
from tests.annotations import unchecked
from tests.control import weights


@pytest.fixture(params=[scratch_rnn, concise_rnn], ids=["scratch", "concise"])
def package(request):
    return request.param


def model_of(package, V=5, H=4, **options):
    """A small model, the same one each time."""
    if package is scratch_rnn:
        rng = np.random.default_rng(0)
        return package.RNNModel(package.RNN(V, H, rng=rng, **options), V, rng=rng)
    torch.manual_seed(0)
    return package.RNNModel(nn.RNN(V, H, **options), V)


def optimizer_of(model, lr, name="SGD"):
    if isinstance(model, nn.Module):
        return getattr(torch.optim, name)(model.parameters(), lr)
    return getattr(scratch_rnn, name)(model.parameters, lr)


def called(model, inputs, state=None):
    """Call a model of either package with token numbers; return its logits, and its state."""
    ids = np.array(inputs)
    state = model.begin_state(len(ids)) if state is None else state
    if isinstance(model, nn.Module):
        with torch.no_grad():
            logits, state = model.eval()(torch.from_numpy(ids), state)
        return logits.numpy(), state
    logits, state = model(ids, state)
    return logits, state


def small_batches(count=3, B=2, T=4):
    ids = np.random.default_rng(1).integers(0, 5, (count, 2, B, T))
    return [Batch(inputs, targets) for inputs, targets in ids]


def assert_same_weights(one, other):
    for name, array in weights(one).items():
        np.testing.assert_array_equal(array, read_parameters(other)[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_state_begins_at_zero(package, dtype):
    wide = np.dtype(dtype) if package is scratch_rnn else getattr(torch, dtype)
    model = model_of(package, num_layers=3, bidirectional=True, dtype=wide)
    for state, B in ((model.begin_state(), 1), (model.begin_state(batch_size=7), 7)):
        array = np.asarray(state)
        assert (array.shape, array.dtype) == ((6, B, 4), dtype)
        assert not array.any()


@pytest.mark.parametrize(
    ("carry_state", "epochs", "name"), [(False, 2, "SGD"), (True, 1, "Adam"), (True, 2, "SGD")]
)
def test_epochs_step_by_step(package, carry_state, epochs, name):
    """The state is zero at each epoch's start, and carried or not in between."""
    one, other, batches = model_of(package), model_of(package), small_batches()
    optimizer = optimizer_of(other, 0.5, name)
    losses = []
    for _ in range(epochs):
        state, losses = None, []
        for batch in batches:
            result = package.train_step(other, batch, state, optimizer, max_norm=0.5)
            losses.append(result.loss)
            state = result.state if carry_state else None
    calls = []
    options = {"carry_state": carry_state, "max_norm": 0.5}
    if name != "SGD":  # which is the default
        optimizers = scratch_rnn if package is scratch_rnn else torch.optim
        options["make_optimizer"] = getattr(optimizers, name)
    results = package.train(
        one, batches, 0.5, epochs, **options, on_epoch=lambda *call: calls.append(call)
    )
    assert_same_weights(one, other)
    assert calls == list(enumerate(results))
    assert results[-1].num_tokens == 3 * 2 * 4
    assert abs(results[-1].loss - np.mean(losses)) <= 4 * np.spacing(results[-1].loss)
    assert results[-1].perplexity == package.perplexity(results[-1].loss)


def test_the_loss_of_an_epoch_counts_each_token_once(package):
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


def recall_batch(model, num_right, T=9, B=4):
    """Return a batch with 12 recalls, of which the model predicts some; and all that are none."""
    rng = np.random.default_rng(2)
    inputs = rng.integers(0, 5, (B, T))
    targets = called(model, inputs)[0].reshape(T, B, 5).argmax(axis=2).T.copy()
    recalls = np.zeros((B, T), bool)
    recalls.flat[rng.choice(B * T, 12, replace=False)] = True
    wrong = np.argwhere(recalls)[num_right:]
    targets[*wrong.T] = (targets[*wrong.T] + 1) % 5
    return Batch(inputs, targets, recalls)


def test_right_recalls_are_those_whose_letter_has_the_largest_logit(package):
    model = model_of(package)
    for num_right in (0, 5, 12):
        batch, optimizer = recall_batch(model, num_right), optimizer_of(model, 0.0)
        assert package.train_step(model, batch, None, optimizer).right_recalls == num_right


def test_the_share_of_right_recalls_of_an_epoch_counts_each_recall_once(package):
    model = model_of(package)
    batches = [recall_batch(model, 2), recall_batch(model, 11), *small_batches(1)]
    result = package.train_epoch(model, batches, optimizer_of(model, 0.0))
    assert result.recall_share == 13 / 24
    assert package.train(model, batches, 0.0, 1)[0].recall_share == 13 / 24
    assert package.train(model, small_batches(), 0.0, 1)[0].recall_share is None


def test_any_iterable_of_batches_will_do(package):
    batches = (SimpleNamespace(inputs=b.inputs, targets=b.targets) for b in small_batches())
    with unchecked():
        assert package.train(model_of(package), batches, 0.1, 1)[0].num_tokens == 24


TRAININGS = [
    *(getattr(scratch_rnn, name) for name in ("train_step", "train_epoch", "train")),
    *(getattr(concise_rnn, name) for name in ("train_step", "train_epoch", "train")),
    compare.train_in_lockstep,
    compare.check_parity,
]


@pytest.mark.parametrize("function", TRAININGS)
def test_by_default_the_norm_is_limited_to_one_and_the_state_reset(function):
    options = inspect.signature(function).parameters
    assert options["max_norm"].default == 1.0
    assert "carry_state" not in options or options["carry_state"].default is False


def test_by_default_the_learning_rate_of_a_comparison_is_a_tenth():
    assert inspect.signature(compare.check_parity).parameters["lr"].default == 0.1


def test_a_training_can_have_another_loss_and_another_way_to_clip(package):
    """Twice the loss has twice the gradient; clipped without a limit, it moves twice as far."""
    loss_of = scratch_rnn.cross_entropy if package is scratch_rnn else nn.functional.cross_entropy
    limits = []

    def twice(logits, targets):
        found = loss_of(logits, targets)
        return tuple(2 * each for each in found) if package is scratch_rnn else 2 * found

    def only_notice(gradients, max_norm):
        limits.append(max_norm)
        return 0.0 if package is scratch_rnn else torch.tensor(0.0)

    options = {"max_norm": 3.0, "clip_gradients": only_notice}
    one, other, batches = model_of(package), model_of(package), small_batches(1)
    [usual] = package.train(one, batches, 0.5, 1, **options)
    [double] = package.train(other, batches, 0.25, 1, compute_loss=twice, **options)
    assert double.loss == 2 * usual.loss
    assert_same_weights(one, other)
    assert limits == [3.0, 3.0]


def test_no_epochs_leave_the_model_alone_and_many_teach_it(package):
    model = model_of(package)
    assert package.train(model, small_batches(), 0.1, 0) == []
    assert_same_weights(model, model_of(package))
    results = package.train(model, small_batches(1), 0.5, 60)
    assert results[0].perplexity > 4
    assert results[-1].perplexity < 2


def test_perplexity(package):
    assert package.perplexity(0.0) == 1
    assert package.perplexity(np.log(2)) == 2
    assert package.perplexity(np.log(28)) == pytest.approx(28)
    assert package.perplexity(1e4) == np.inf
    assert np.isnan(package.perplexity(np.nan))


VOCAB = Vocab(list("banana bus"))


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"nonlinearity": "relu"}, "float32"),
        ({"num_layers": 3}, "float64"),
        ({"bias": False, "bidirectional": True}, "float32"),
    ],
    ids=str,
)
def test_prediction_takes_the_likeliest_token_each_time(package, options, dtype):
    """The logits of the model, token by token; trained a little, so that the tokens differ."""
    wide = np.dtype(dtype) if package is scratch_rnn else getattr(torch, dtype)
    model = model_of(package, len(VOCAB), 8, dtype=wide, **options)
    tokens = np.array([VOCAB[list("banana bus ban us " * 2)]])
    package.train(model, [Batch(tokens[:, :-1], tokens[:, 1:])], 0.5, 30)
    ids = VOCAB[list("ban")]
    logits, state = called(model, [ids])
    for _ in range(20):
        ids.append(int(logits[-1].argmax()))
        logits, state = called(model, [ids[-1:]], state)
    assert len(set(ids[3:])) > 1
    assert package.predict("ban", 20, model, VOCAB) == "".join(VOCAB.to_tokens(ids))
    assert package.predict("ban", 0, model, VOCAB) == "ban"
    assert package.predict(list("ban"), 1, model, VOCAB) == " ".join(VOCAB.to_tokens(ids[:4]))


def test_the_likeliest_takes_no_number_and_a_drawn_token_takes_one(package):
    model = model_of(package, len(VOCAB))
    rng, fresh = np.random.default_rng(1), np.random.default_rng(1)
    package.predict("ban", 5, model, VOCAB, rng=rng)
    assert rng.random() == fresh.random()
    package.predict("ban", 5, model, VOCAB, temperature=1.0, rng=rng)
    fresh.random(5)
    assert rng.random() == fresh.random()


def test_without_a_generator_each_text_is_another(package):
    model = model_of(package, len(VOCAB))
    texts = {package.predict("ban", 40, model, VOCAB, temperature=1.0) for _ in range(2)}
    assert len(texts) == 2  # the same by chance once in 10^30


# Drawing tokens ---------------------------------------------------------------------------------

LOGITS = np.array([1.0, -2.0, 0.5, 3.0, 0.0])


def softmax(y):
    p = np.exp(y - y.max())
    return p / p.sum()


def one_of_torch(y, temperature, rng):
    return next_of_torch(torch.from_numpy(y), temperature, rng)


both = pytest.mark.parametrize("draw", [next_token, one_of_torch], ids=["NumPy", "PyTorch"])


class Uniform(np.random.Generator):
    """A generator of one constant number."""

    def __init__(self, u):
        super().__init__(np.random.PCG64(0))
        self.u = u

    def random(self):
        return self.u


@pytest.mark.parametrize(
    ("cell", "temperature"),
    [
        ("rnn", 0.0),
        ("gru", 1e-300),
        ("lstm", 0.5),
        ("rnn", 1.0),
        ("gru", 1e300),
        ("lstm", math.inf),
    ],
)
def test_both_write_the_same_text(cell, temperature):
    scratch, concise = compare.build_models(len(VOCAB), 8, cell=cell, seed=3)
    scratch_text, concise_text = (
        package.predict(
            "ban", 60, model, VOCAB, temperature=temperature, rng=np.random.default_rng(7)
        )
        for package, model in ((scratch_rnn, scratch), (concise_rnn, concise))
    )
    assert scratch_text == concise_text
    again, other = (
        scratch_rnn.predict("ban", 60, scratch, VOCAB, temperature=temperature, rng=rng)
        for rng in map(np.random.default_rng, (7, 8))
    )
    assert again == scratch_text
    assert (other == scratch_text) == (temperature < 1e-9)


@both
@pytest.mark.parametrize(
    ("temperature", "dtype"), [(0.3, "float32"), (1.0, "float64"), (4.0, "float32")]
)
def test_each_token_is_as_frequent_as_it_is_probable(draw, temperature, dtype):
    """n evenly spread numbers u leave no chance: each count is n·p to within one number."""
    n = 1000
    drawn = [draw(LOGITS.astype(dtype), temperature, Uniform((k + 0.5) / n)) for k in range(n)]
    counts = np.bincount(drawn, minlength=len(LOGITS))
    assert np.abs(counts - n * softmax(LOGITS / temperature)).max() <= 1


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_limits_are_the_likeliest_and_all_alike(draw, dtype):
    y = LOGITS.astype(dtype)
    evenly = [Uniform((k + 0.5) / 10) for k in range(10)]
    for tiny in (0.0, 5e-324, 1e-300, 1e-3):
        assert {draw(y, tiny, rng) for rng in evenly} == {3}
    for huge in (1e6, 1e308, math.inf):
        assert [draw(y, huge, rng) for rng in evenly] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@both
def test_a_token_without_probability_is_never_drawn(draw):
    """Not even by the smallest or the largest number of a generator."""
    y = np.array([-math.inf, 0.0, -math.inf, 0.0, -math.inf])
    last = np.nextafter(1.0, 0.0)
    assert [draw(y, 1.0, Uniform(u)) for u in (0.0, 0.25, 0.5, last)] == [1, 1, 3, 3]


@both
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(draw, bad):
    message = "expected finite logits to draw a token from, got inf or nan"
    with pytest.raises(ValueError, match=f"^{message}$"):
        draw(np.array([0.0, 0.0, bad]), 1.0, Uniform(0.5))


def test_both_have_the_same_names():
    for name in ("train_step", "train_epoch", "train", "predict"):
        concise = list(inspect.signature(getattr(concise_rnn, name)).parameters)
        scratch = list(inspect.signature(getattr(scratch_rnn, name)).parameters)
        drawn = () if name == "predict" else ("rng",)  # for dropout, which PyTorch draws itself
        assert [n for n in scratch if n not in drawn] == concise, name
