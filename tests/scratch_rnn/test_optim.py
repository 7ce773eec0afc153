"""Clipping by torch's rule, and plain gradient descent."""

import math

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

import scratch_rnn
from compare.parity.rows import compare_results
from compare.parity.tolerance import tolerances
from scratch_rnn import SGD, clip_grad_norm
from tests.properties import demand
from tests.strategies import states

DTYPES = ("float32", "float64")


def draw(sizes, dtype, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return {
        f"g{k}": (scale * rng.normal(size=(size, 2))).astype(dtype) for k, size in enumerate(sizes)
    }


def clip_with(function, gradients, max_norm):
    gradients = {name: gradient.copy() for name, gradient in gradients.items()}
    dtype = next(iter(gradients.values())).dtype
    norm = function(gradients, max_norm)
    assert isinstance(norm, float)
    return gradients | {"norm": np.asarray(norm, dtype)}


def clip_with_torch(gradients, max_norm):
    parameters = {name: torch.nn.Parameter(torch.zeros(2)) for name in gradients}
    for name, gradient in gradients.items():
        parameters[name] = torch.nn.Parameter(torch.zeros_like(torch.from_numpy(gradient)))
        parameters[name].grad = torch.from_numpy(gradient.copy())
    norm = torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm)
    clipped = {name: parameter.grad.numpy() for name, parameter in parameters.items()}
    return clipped | {"norm": norm.numpy()}


# max_norm as a multiple of the norm: far below, just below, at, just above, far above.
LIMITS = [1.0, 0.0, 0.1, 0.5, 1 - 1e-6, 1 - 1e-7, 1 + 1e-7, 1 + 1e-6, 2.0, math.inf]


@states(
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    scale=st.sampled_from([1.0, 1e-7, 1e-3, 1e3, 1e12]),
    limit=st.sampled_from(LIMITS),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999_999),
)
def test_clipping_is_torchs(package, sizes, scale, limit, dtype, seed):
    gradients = draw(sizes, dtype, seed, scale)
    norm = math.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in gradients.values()))
    max_norm = limit * norm if norm > 0 or limit < math.inf else limit
    _, allowed = tolerances(
        lambda move: clip_with(scratch_rnn.clip_grad_norm, move(gradients), max_norm), seed=seed
    )
    report = compare_results(
        clip_with(package.clip_grad_norm, gradients, max_norm),
        clip_with_torch(gradients, max_norm),
        allowed,
    )
    case = f"{sizes=}, {scale=}, {limit=}, {dtype=}, {seed=}"
    demand(report, "clip_grad_norm is torch's", case)


@pytest.mark.parametrize("dtype", DTYPES)
def test_by_hand(dtype):
    """The norm of (3, 4) and (12) together is 13: to be 6.5, each is halved, or nearly so."""
    gradients = {"a": np.array([3, 4], dtype), "b": np.array([[12]], dtype)}
    arrays = list(gradients.values())
    assert clip_grad_norm(gradients, 6.5) == 13
    assert all(a is b for a, b in zip(arrays, gradients.values(), strict=True))  # in place
    scale = np.dtype(dtype).type(6.5 / (13 + 1e-6))
    for gradient, values in zip(arrays, ([3, 4], [[12]]), strict=True):
        expected = np.array(values, dtype) * scale
        assert np.abs(gradient - expected).max() <= np.spacing(expected.max())


@pytest.mark.parametrize("max_norm", [5 + 2e-6, 6.0, math.inf])
def test_gradients_within_the_limit_are_not_written(max_norm):
    gradient = np.array([3.0, 4.0])
    gradient.flags.writeable = False
    assert clip_grad_norm({"a": gradient}, max_norm) == 5


def test_each_gradient_is_scaled_in_its_own_dtype():
    """As in torch, a float64 beside it doesn't make a product of two float32 more exact."""
    a = np.arange(1000, dtype=np.float32)
    gradients = {"a": a.copy(), "b": np.array([1.0])}
    norm = clip_grad_norm(gradients, 1.0)
    np.testing.assert_array_equal(gradients["a"], a * np.float32(1 / (norm + 1e-6)))


@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinite_and_undefined_norms_do_to_gradients_what_torch_does(value, dtype):
    gradients = {"a": np.array([1, value], dtype), "b": np.array([2], dtype)}
    expected = clip_with_torch(gradients, 1.0)
    with np.errstate(invalid="ignore"):
        results = clip_with(clip_grad_norm, gradients, 1.0)
    for name, array in expected.items():
        np.testing.assert_array_equal(results[name], array)


def test_zero_gradients_and_no_gradients_have_norm_zero():
    assert clip_grad_norm({"a": np.zeros((2, 3))}, 1.0) == clip_grad_norm({}, 1.0) == 0


def test_a_step_by_hand():
    parameters = {"a": np.array([1.0, 2.0]), "b": np.array([4.0])}
    arrays = dict(parameters)
    gradients = {"a": np.array([2.0, -2.0]), "b": np.array([0.0])}
    optimizer = SGD(parameters, 0.5)
    optimizer.step(gradients)
    assert arrays["a"].tolist() == [0, 3]  # in place
    assert arrays["b"].tolist() == [4]
    assert gradients["a"].tolist() == [2, -2]
    optimizer.lr = 0.25
    optimizer.step(gradients)
    assert arrays["a"].tolist() == [-0.5, 3.5]


@pytest.mark.parametrize(
    "gradients",
    [
        {"a": np.ones(2)},
        {"a": np.ones(2), "b": np.ones(1), "c": np.ones(1)},
        {"a": np.ones(2), "b": np.ones(2)},
        {"a": np.ones(2), "b": np.ones(1, np.float32)},
    ],
    ids=["too few", "too many", "of another shape", "of another dtype"],
)
def test_wrong_gradients_are_refused_before_anything_moves(gradients):
    parameters = {"a": np.ones(2), "b": np.ones(1)}
    with pytest.raises((ValueError, TypeError), match="expected"):
        SGD(parameters, 0.5).step(gradients)
    assert parameters["a"].tolist() == [1, 1]
    assert parameters["b"].tolist() == [1]
