"""Adam: the update of PyTorch and of the plain version, in place, and what it keeps."""

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from compare.parity.rows import compare_results
from compare.parity.tolerance import Unmoved, tolerances
from scratch_rnn import SGD, Adam, optim
from scratch_rnn.optim import BLOCK, blocks
from scratch_rnn.plain import adam as plain
from tests.properties import demand
from tests.strategies import states

DTYPES = ("float32", "float64")
PARAMETERS = {"a": (3, 2), "b": (4,)}
FORMS = {"one by one": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
"""PyTorch has three implementations of the same rule."""


def draw(seed, dtype, scale=1.0, zeros=0.0, shapes=PARAMETERS):
    """Draw an array for each shape; `zeros` is the share of entries that are exactly 0."""
    rng = np.random.default_rng(seed)
    return {
        name: np.asarray(scale * rng.normal(size=shape) * (rng.random(shape) >= zeros), dtype)
        for name, shape in shapes.items()
    }


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


def without_step(kept):
    return {name: array for name, array in kept.items() if name != "step"}


def train_with_torch(parameters, gradients, options, form):
    tensors = {n: torch.nn.Parameter(torch.from_numpy(np.array(a))) for n, a in parameters.items()}
    optimizer = torch.optim.Adam(tensors.values(), **options, **FORMS[form])
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


SCALES = [1.0, 1e-3, 1e-7, 1e-8, 1e-9, 1e-12, 1e-20, 1e3, 1e12]
"""Of the gradients: far above ε, near it, and so small that float32 has no square of them."""


@pytest.mark.parametrize("form", FORMS)
@states(
    begin=st.sampled_from([0.0, 1.0]),  # from 0 the updated parameter is the update itself
    scale=st.sampled_from(SCALES),
    zeros=st.sampled_from([0.0, 0.5, 1.0]),
    updates=st.integers(1, 5),
    betas=st.sampled_from([(0.9, 0.999), (0.0, 0.999), (0.9, 0.0), (0.5, 0.9)]),
    eps=st.sampled_from([1e-8, 1e-3, 1.0]),
    lr=st.sampled_from([0.001, 1.0, 0.0]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999_999),
)
def test_an_update_is_torchs(form, begin, scale, zeros, updates, betas, eps, lr, dtype, seed):
    parameters = draw(seed, dtype, begin)
    gradients = [draw([seed, k], dtype, scale, zeros) for k in range(updates)]
    options = {"lr": lr, "betas": betas, "eps": eps}
    results, allowed = tolerances(
        lambda move: train(parameters, gradients, options, move), seed=seed
    )
    expected = train_with_torch(parameters, gradients, options, form)
    case = f"{begin=}, {scale=}, {zeros=}, {updates=}, {options=}, {dtype=}, {seed=}"
    demand(compare_results(results, expected, allowed), f"Adam is torch's, {form}", case)


@states(
    begin=st.sampled_from([0.0, 1.0]),
    scale=st.sampled_from(SCALES),
    zeros=st.sampled_from([0.0, 0.5, 1.0]),
    updates=st.integers(1, 5),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999_999),
)
def test_the_plain_version_is_the_fast_one(begin, scale, zeros, updates, dtype, seed):
    """To rounding, and not bit for bit: the fast one does the same in another order."""
    parameters = draw(seed, dtype, begin)
    gradients = [draw([seed, k], dtype, scale, zeros) for k in range(updates)]
    results, allowed = tolerances(
        lambda move: train(parameters, gradients, {"lr": 0.01}, move), seed=seed
    )
    report = compare_results(train_plain(parameters, gradients, 0.01), results, allowed)
    demand(report, "the plain Adam is the fast one", f"{begin=}, {scale=}, {zeros=}, {dtype=}")


def test_defaults_are_torchs_and_those_of_the_plain_version():
    ours = Adam({}, 0.001)
    theirs = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]).defaults
    assert theirs["lr"] == ours.lr
    assert theirs["betas"] == ours.betas == (plain.BETA1, plain.BETA2)
    assert theirs["eps"] == ours.eps == plain.EPS


def test_by_hand():
    """The first update is lr whatever the gradient; then the signs of the second one count."""
    parameters = {"a": np.array([1.0, 1.0, 1.0])}
    [array] = parameters.values()
    optimizer = Adam(parameters, 0.5, betas=(0.5, 0.75), eps=0.0)
    optimizer.step({"a": np.array([4.0, -0.25, 1.0])})
    assert array.tolist() == [0.5, 1.5, 0.5]  # in place
    optimizer.lr = 1.0
    optimizer.step({"a": np.array([4.0, 0.25, 0.0])})
    # m̂ = (m + g) / 2 / 0.75 with m = g/2, v̂ = (3/4 · g²/4 + g²/4) / (7/16) = g²; of the last
    # one m̂ = 1/4 / 0.75 = 1/3 and v̂ = 3/16 / (7/16) = 3/7.
    expected = [0.5 - 1, 1.5 - (-0.0625 + 0.125) / 0.75 / 0.25, 0.5 - 1 / 3 / math.sqrt(3 / 7)]
    np.testing.assert_allclose(array, expected, rtol=4e-16)


def test_a_step_makes_no_new_array():
    shapes = {"a": (300, 200), "b": (70_000,), "c": (2, 40_000)}
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


@pytest.mark.parametrize(
    "shape", [(300, 200), (BLOCK + 1,), (2, BLOCK + 1), (BLOCK,), (5, 0), ()], ids=str
)
def test_blocks_are_all_rows_once(shape):
    seen = Counter()
    for rows in blocks(shape):
        part = np.arange(math.prod(shape)).reshape(shape)[rows]
        assert part.size <= max(BLOCK, math.prod(shape[1:]))
        seen.update(part.ravel().tolist())
    assert seen == Counter(range(math.prod(shape)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_size_of_a_block_changes_no_bit(dtype, monkeypatch):
    shapes = {"a": (7, 5), "b": (11,), "c": (2, 30)}

    def trained():
        parameters = draw(0, dtype, shapes=shapes)
        optimizer = Adam(parameters, 0.01)
        for seed in (1, 2):
            optimizer.step(draw(seed, dtype, shapes=shapes))
        return parameters

    whole = trained()
    monkeypatch.setattr(optim, "BLOCK", 10)
    for name, array in trained().items():
        np.testing.assert_array_equal(array, whole[name])


def test_arrays_may_have_any_layout_and_each_its_own_dtype():
    dense = {"a": draw(0, "float64")["a"], "b": draw(0, "float32")["b"]}
    strided = {"a": np.asfortranarray(dense["a"]), "b": np.repeat(dense["b"], 2)[::2]}
    for parameters in (dense, strided):
        optimizer = Adam(parameters, 0.01)
        optimizer.step({"a": np.ones((2, 3)).T, "b": np.ones(8, np.float32)[::2]})
    for name, array in dense.items():
        np.testing.assert_array_equal(strided[name], array)


def test_a_single_number_is_updated_in_place():
    number = np.array(3.0)
    Adam({"a": number}, 0.5, eps=0.0).step({"a": np.array(7.0)})
    assert number == 2.5


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
    for name, array in whole.items():
        np.testing.assert_array_equal(again[name], array, strict=True)


KEPT = {"exp_avg.a": np.ones(2), "exp_avg_sq.a": np.ones(2), "step": np.array(1)}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        KEPT | {"exp_avg.b": np.ones(2)},
        KEPT | {"exp_avg_sq.a": np.ones(3)},
        KEPT | {"exp_avg.a": np.ones(2, np.float32)},
        KEPT | {"step": np.array(1.0)},
    ],
    ids=["too few", "too many", "of another shape", "of another dtype", "no whole number"],
)
def test_another_memory_is_refused_before_anything_changes(wrong):
    optimizer = Adam({"a": np.ones(2)}, 0.5)
    with pytest.raises((ValueError, TypeError), match="expected"):
        optimizer.load_state_dict(wrong)
    assert not any(np.any(array) for array in optimizer.state_dict().values())


def test_gradient_descent_keeps_nothing():
    optimizer = SGD({"a": np.ones(2)}, 0.5)
    optimizer.step({"a": np.ones(2)})
    assert optimizer.state_dict() == {}
    optimizer.load_state_dict({})
    with pytest.raises(ValueError, match="expected state_dict of"):
        optimizer.load_state_dict(KEPT)


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (0.9, math.nan)])
def test_betas_that_torch_refuses_are_refused(betas):
    with pytest.raises((ValueError, TypeError), match="expected betas"):
        Adam({"a": np.ones(2)}, 0.5, betas)


def test_wrong_gradients_are_refused_before_anything_moves():
    parameters = {"a": np.ones(2), "b": np.ones(1)}
    optimizer = Adam(parameters, 0.5)
    with pytest.raises(ValueError, match="expected gradient of b"):
        optimizer.step({"a": np.ones(2), "b": np.ones(2)})
    assert parameters["a"].tolist() == [1, 1]
    assert optimizer.state_dict()["step"] == 0
