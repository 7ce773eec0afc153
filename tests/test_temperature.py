"""Generation with a temperature: both packages draw the same tokens."""

import math

import numpy as np
import pytest
import torch

import compare
import concise_rnn
import scratch_rnn
from concise_rnn.predict import next_token as next_of_torch
from scratch_rnn.predict import next_token
from tests.test_both_packages import VOCAB

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


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("temperature", [0.0, 1e-300, 0.5, 1.0, 3.0, 1e300, math.inf])
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
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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
