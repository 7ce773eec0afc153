"""Clipping, gradient descent and Adam, by PyTorch's rules; and what an optimizer keeps."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

import scratch_rnn
from compare.parity import Unmoved, compare_results, tolerances
from scratch_rnn import SGD, Adam, clip_grad_norm
from scratch_rnn.optim import BLOCK
from scratch_rnn.plain import adam as plain
from tests.properties import demand, identical
from tests.strategies import states

DTYPES = ("float32", "float64")

# Clipping ---------------------------------------------------------------------------------------


def clip_with(function, gradients, max_norm):
    gradients = {name: gradient.copy() for name, gradient in gradients.items()}
    dtype = next(iter(gradients.values())).dtype
    norm = function(gradients, max_norm)
    assert isinstance(norm, float)
    return gradients | {"norm": np.asarray(norm, dtype)}


def clip_with_torch(gradients, max_norm):
    parameters = {}
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
    rng = np.random.default_rng(seed)
    gradients = {
        f"g{k}": (scale * rng.normal(size=(size, 2))).astype(dtype) for k, size in enumerate(sizes)
    }
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


@pytest.mark.parametrize("max_norm", [5 + 2e-6, 6.0, math.inf])
def test_gradients_within_the_limit_are_not_written(max_norm):
    gradient = np.array([3.0, 4.0])
    gradient.flags.writeable = False
    assert clip_grad_norm({"a": gradient}, max_norm) == 5


def test_each_gradient_is_scaled_in_place_and_in_its_own_dtype():
    """As in torch, a float64 beside it doesn't make a product of two float32 more exact."""
    a = np.arange(1000, dtype=np.float32)
    gradients = {"a": (written := a.copy()), "b": np.array([1.0])}
    norm = clip_grad_norm(gradients, 1.0)
    np.testing.assert_array_equal(written, a * np.float32(1 / (norm + 1e-6)))


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


# Optimizers -------------------------------------------------------------------------------------


def draw(seed, dtype, scale=1.0, zeros=0.0, shapes=(("a", (3, 2)), ("b", (4,)))):
    """Draw an array for each shape; `zeros` is the share of entries that are exactly 0."""
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(scale * rng.normal(size=shape) * (rng.random(shape) >= zeros), dtype)
        for name, shape in shapes
    }


def without_step(kept):
    return {name: array for name, array in kept.items() if name != "step"}


def train(parameters, gradients, options, move=Unmoved.RESULTS):
    """Update with each of the gradients; return the parameters and what Adam keeps."""
    parameters = {name: np.array(array) for name, array in move(parameters).items()}
    optimizer = Adam(parameters, **options)
    for each in gradients:
        optimizer.step(move(each))
        kept = optimizer.state_dict()
        optimizer.load_state_dict({**move(kept), "step": kept["step"]})
        for array in parameters.values():
            array[...] = move(array)
    return parameters | without_step(optimizer.state_dict())


def train_with_torch(parameters, gradients, options):
    tensors = {n: torch.nn.Parameter(torch.from_numpy(np.array(a))) for n, a in parameters.items()}
    optimizer = torch.optim.Adam(tensors.values(), **options)
    for each in gradients:
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(np.array(each[name]))
        optimizer.step()
    kept = {
        f"{key}.{name}": optimizer.state[tensor][key].numpy()
        for key in ("exp_avg", "exp_avg_sq")
        for name, tensor in tensors.items()
    }
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()} | kept


def train_plain(parameters, gradients, lr):
    arrays = [np.array(array) for array in parameters.values()]
    memory = plain.begin_memory(arrays)
    for each in gradients:
        memory = plain.update(arrays, list(each.values()), memory, lr)
    assert memory[0] == len(gradients)
    results = dict(zip(parameters, arrays, strict=True))
    for key, kept in zip(("exp_avg", "exp_avg_sq"), memory[1:], strict=True):
        results |= {f"{key}.{name}": k for name, k in zip(parameters, kept, strict=True)}
    return results


FORMS = {"one by one": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
"""PyTorch has three implementations of the same rule."""

DRAWN = {
    "begin": st.sampled_from([0.0, 1.0]),  # from 0 the updated parameter is the update itself
    # Of the gradients: far above ε, near it, and so small that float32 has no square of them.
    "scale": st.sampled_from([1.0, 1e-3, 1e-7, 1e-8, 1e-9, 1e-12, 1e-20, 1e3, 1e12]),
    "zeros": st.sampled_from([0.0, 0.5, 1.0]),
    "updates": st.integers(1, 5),
    "dtype": st.sampled_from(DTYPES),
    "seed": st.integers(0, 999_999),
}


@states(
    **DRAWN,
    betas=st.sampled_from([(0.9, 0.999), (0.0, 0.999), (0.9, 0.0), (0.5, 0.9)]),
    eps=st.sampled_from([1e-8, 1e-3, 1.0]),
    lr=st.sampled_from([0.001, 1.0, 0.0]),
)
def test_an_update_is_torchs(begin, scale, zeros, updates, betas, eps, lr, dtype, seed):
    """And that of the plain version, at its β1, β2 and ε."""
    parameters = draw(seed, dtype, begin)
    gradients = [draw([seed, k], dtype, scale, zeros) for k in range(updates)]
    case = f"{begin=}, {scale=}, {zeros=}, {updates=}, {lr=}, {betas=}, {eps=}, {dtype=}, {seed=}"
    options = {"lr": lr, "betas": betas, "eps": eps}
    results, allowed = tolerances(
        lambda move: train(parameters, gradients, options, move), seed=seed
    )
    for form, chosen in FORMS.items():
        expected = train_with_torch(parameters, gradients, options | chosen)
        demand(compare_results(results, expected, allowed), f"Adam is torch's, {form}", case)
    results, allowed = tolerances(
        lambda move: train(parameters, gradients, {"lr": lr}, move), seed=seed
    )
    report = compare_results(train_plain(parameters, gradients, lr), results, allowed)
    demand(report, "the plain Adam is the fast one", case)


def test_defaults_are_torchs_and_those_of_the_plain_version():
    ours = Adam({}, 0.001)
    theirs = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]).defaults
    assert theirs["lr"] == ours.lr
    assert theirs["betas"] == ours.betas == (plain.BETA1, plain.BETA2)
    assert theirs["eps"] == ours.eps == plain.EPS


def test_a_step_by_hand():
    """In place, with a learning rate that may change between two steps."""
    parameters = {"a": np.array([1.0, 2.0]), "b": np.array(4.0)}
    a, b = parameters.values()
    gradients = {"a": np.array([2.0, -2.0]), "b": np.array(0.0)}
    optimizer = SGD(parameters, 0.5)
    optimizer.step(gradients)
    assert (a.tolist(), b.tolist()) == ([0, 3], 4)
    assert gradients["a"].tolist() == [2, -2]
    optimizer.lr = 0.25
    optimizer.step(gradients)
    assert a.tolist() == [-0.5, 3.5]
    assert optimizer.state_dict() == {}
    optimizer = Adam(parameters, 0.5, eps=0.0)
    optimizer.step(gradients | {"b": np.array(7.0)})
    assert (a.tolist(), b.tolist()) == ([-1, 4], 3.5)  # the first update is lr, whatever |g|
    optimizer.lr = 0.0
    optimizer.step(gradients)
    assert (a.tolist(), b.tolist()) == ([-1, 4], 3.5)


def test_a_step_makes_no_new_array():
    shapes = [("a", (300, 200)), ("b", (70_000,)), ("c", (2, 40_000))]
    parameters = draw(0, "float32", shapes=shapes)
    optimizer, gradients = Adam(parameters, 0.001), draw(1, "float32", shapes=shapes)
    optimizer.step(gradients)
    tracemalloc.start()
    try:
        optimizer.step(gradients)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10_000  # bytes, of views; the smallest array has 240,000


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(300, 200), (BLOCK + 1,), (2, BLOCK + 1), (5, 0), ()], ids=str)
def test_a_large_array_is_updated_like_its_entries(shape, dtype):
    """It goes through the step in blocks of rows; each entry is moved once, and by its own rule."""
    whole, steps = ({"a": draw(k, dtype, shapes=[("a", shape)])["a"]} for k in (0, 1))
    entries = {str(k): entry for k, entry in enumerate(np.array_split(whole["a"].ravel(), 9))}
    entries = {name: entry.copy() for name, entry in entries.items()}
    pieces = dict(zip(entries, np.array_split(steps["a"].ravel(), 9), strict=True))
    one, other = Adam(whole, 0.01), Adam(entries, 0.01)
    for _ in range(2):
        one.step(steps)
        other.step(pieces)
    np.testing.assert_array_equal(whole["a"].ravel(), np.concatenate([*entries.values()]))


def test_arrays_may_have_any_layout_and_each_its_own_dtype():
    dense = {"a": draw(0, "float64")["a"], "b": draw(0, "float32")["b"]}
    strided = {"a": np.asfortranarray(dense["a"]), "b": np.repeat(dense["b"], 2)[::2]}
    for parameters in (dense, strided):
        optimizer = Adam(parameters, 0.01)
        optimizer.step({"a": np.ones((2, 3)).T, "b": np.ones(8, np.float32)[::2]})
    demand(identical(strided, dense), "the layout of an array changes no bit", "Adam")


def test_it_goes_on_bit_for_bit_with_what_another_one_has_kept():
    gradients = [draw(seed, "float32") for seed in range(6)]
    whole, half = draw(9, "float32"), draw(9, "float32")
    optimizer, first = Adam(whole, 0.01), Adam(half, 0.01)
    for each in gradients[:3]:
        optimizer.step(each)
        first.step(each)
    kept = first.state_dict()
    again = {name: array.copy() for name, array in half.items()}
    second = Adam(again, 0.01)
    second.load_state_dict(kept)
    for each in gradients[3:]:
        optimizer.step(each)
        first.step(each)  # which changes neither the copy that it returned nor the second one
        second.step(each)
    assert kept["step"] == 3
    assert second.state_dict()["step"] == optimizer.state_dict()["step"] == 6
    demand(identical(again, whole), "another optimizer goes on with what one has kept", "Adam")


ONES = {"a": np.ones(2), "b": np.ones(1)}
NOT_LIKE_ONES = {
    "too few": {"a": np.ones(2)},
    "too many": ONES | {"c": np.ones(1)},
    "of another shape": ONES | {"b": np.ones(2)},
    "of another dtype": ONES | {"b": np.ones(1, np.float32)},
}


@pytest.mark.parametrize("wrong", NOT_LIKE_ONES.values(), ids=NOT_LIKE_ONES)
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_wrong_gradients_are_refused_before_anything_moves(kind, wrong):
    parameters = {name: array.copy() for name, array in ONES.items()}
    optimizer = kind(parameters, 0.5)
    with pytest.raises((ValueError, TypeError), match="expected gradient"):
        optimizer.step(wrong)
    demand(identical(parameters, ONES), "a refused step changes nothing", wrong)
    if kind is Adam:
        memory = {f"exp_avg.{n}": a for n, a in wrong.items()}
        memory |= {f"exp_avg_sq.{n}": a for n, a in wrong.items()} | {"step": np.array(1)}
        with pytest.raises((ValueError, TypeError), match="expected"):
            optimizer.load_state_dict(memory)
        assert not any(np.any(array) for array in optimizer.state_dict().values())


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: clip_grad_norm(arrays, 1.0),
        lambda arrays: SGD(arrays, 0.1).step({name: np.ones(3) for name in arrays}),
    ],
)
def test_nothing_changes_if_the_second_array_is_read_only(change):
    first, second = np.ones((2, 3))
    second.flags.writeable = False
    with pytest.raises(ValueError, match="that can be changed, got 'second' read-only"):
        change({"first": first, "second": second})
    assert first.tolist() == [1, 1, 1]
