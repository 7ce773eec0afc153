"""Softmax cross-entropy against torch's, against derivatives, and where exp would overflow."""

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch.nn import functional as F

from compare.parity import compare_results, measure_tolerances, perturb_loss
from scratch_rnn import cross_entropy
from scratch_rnn.plain import elman
from tests.properties import demand
from tests.strategies import states

DTYPES = ("float32", "float64")


def draw(N, V, scale, dtype, seed):
    """Return logits of any size to ±scale, each row with an offset of its own, and targets."""
    rng = np.random.default_rng(seed)
    logits = scale * (rng.uniform(-1, 1, (N, V)) + rng.uniform(-1, 1, (N, 1))) / 2
    return logits.astype(dtype), rng.integers(0, V, N)


def loss_of(function, logits, targets, *more):
    loss, d_logits = function(logits, targets, *more)
    assert isinstance(loss, float)
    return {"loss": np.asarray(loss, logits.dtype), "gradient of logits": d_logits}


def allowed_for(logits, targets, seed):
    """Return how far rounding may move the loss and its gradient."""
    return measure_tolerances(
        lambda move: loss_of(perturb_loss, move(logits), targets, move), seed=seed
    )


@states(
    N=st.integers(1, 5),
    V=st.integers(1, 6),
    scale=st.sampled_from([1.0, 0.0, 30.0, 1e4]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999_999),
)
def test_cross_entropy_is_torchs(package, N, V, scale, dtype, seed):
    """Also under logits to ±10,000."""
    logits, targets = draw(N, V, scale, dtype, seed)
    before = logits.copy()
    tensor = torch.from_numpy(logits.copy()).requires_grad_()
    loss = F.cross_entropy(tensor, torch.from_numpy(targets))
    loss.backward()
    reference = {"loss": loss.detach().numpy(), "gradient of logits": tensor.grad.numpy()}
    allowed = allowed_for(logits, targets, seed)
    for function in (package.cross_entropy, elman.cross_entropy):
        report = compare_results(loss_of(function, logits, targets), reference, allowed)
        demand(report, "cross_entropy is torch's", f"{N=}, {V=}, {scale=}, {dtype=}, {seed=}")
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize("function", [cross_entropy, elman.cross_entropy])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e4, 3e38])
def test_certainty(function, dtype, size):
    """One-hot certainty, right and wrong: a loss of 0, a loss of the whole distance."""
    logits = np.zeros((2, 3), dtype)
    logits[:, 1] = size
    loss, d_logits = function(logits, np.array([1, 1]))
    assert loss == 0
    assert not d_logits.any()
    loss, d_logits = function(logits, np.array([0, 1]))
    assert loss == np.float64(np.dtype(dtype).type(size)) / 2
    np.testing.assert_array_equal(d_logits, [[-0.5, 0.5, 0], [0, 0, 0]])
