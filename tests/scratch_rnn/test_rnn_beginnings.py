"""A new layer: its first weights, its warning, its dropout masks."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import scratch_rnn
from compare.check import LayerCase, rounding
from compare.check.cases.reference import call, set_parameters, torch_layer
from compare.implementations import CELLS, STACKED
from compare.parity import compare_results
from tests.annotations import unchecked
from tests.properties import demand
from tests.scripts import ended


@pytest.mark.parametrize("H", [1, 4, 100])
def test_first_weights_are_uniform_in_one_over_root_h(cell, layer_class, H):
    """As in torch: within ±1/√H, reaching nearly so far, with the mean and spread of that."""
    bound = 1 / np.sqrt(H)
    rounded = np.nextafter(np.float32(bound), np.float32(2))  # float32 may round the bound up
    several = {"num_layers": 2, "bidirectional": True} if cell in STACKED else {}
    layer = layer_class(7, H, **several, rng=np.random.default_rng(0))
    values = np.concatenate([array.ravel() for array in layer.parameters.values()])
    assert np.abs(values).max() <= rounded
    n = len(values)
    # The largest of n uniform numbers falls below 1 - 12/n with probability e^-12; mean and mean
    # square lie within five standard errors of 0 and bound²/3.
    assert np.abs(values).max() >= bound * (1 - 12 / n)
    assert abs(values.mean()) <= 5 * bound / np.sqrt(3 * n)
    assert abs((values**2).mean() - bound**2 / 3) <= 5 * bound**2 * np.sqrt(4 / 45 / n)
    assert len(np.unique(values)) > 0.99 * n
    torch_values = torch.cat([p.ravel() for p in CELLS[cell].torch_layer(7, H).parameters()])
    assert torch_values.abs().max() <= rounded


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_first_weights_follow_from_the_generator(layer_class, dtype):
    first, second, other = (
        layer_class(3, 4, dtype=dtype, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    for name, array in first.parameters.items():
        assert array.dtype == (np.float32 if dtype is None else dtype)
        assert array.flags.writeable
        assert not np.shares_memory(array, second.parameters[name])
        np.testing.assert_array_equal(array, second.parameters[name])
        assert not np.array_equal(array, other.parameters[name])


def test_without_a_generator_each_layer_differs_and_global_randomness_is_left_alone(layer_class):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = layer_class(3, 4), layer_class(3, 4)
    assert not np.array_equal(first.parameters["weight_ih_l0"], second.parameters["weight_ih_l0"])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("cell", STACKED)
def test_dropout_with_a_single_layer_is_warned_about_as_by_torch(cell):
    layer_class = CELLS[cell].scratch_layer
    layer_class(3, 4, 2, dropout=0.5)  # where it acts it is no matter
    with pytest.warns(UserWarning, match="dropout"):
        CELLS[cell].torch_layer(3, 4, dropout=0.5)
    with pytest.warns(UserWarning, match="dropout"):
        layer_class(3, 4, dropout=0.5)


def test_the_warning_points_at_the_line_that_makes_the_layer():
    """In a process of its own, without the frames of annotation checks and of mutants."""
    lines = "from scratch_rnn import *\nRNN(3, 4, dropout=0.5)\nGRU(3, 4, dropout=0.5)\n"
    _, _, errors = ended("-c", lines)
    places = [line for line in errors.splitlines() if "dropout 0.5 has no effect" in line]
    assert [place.split(" ")[0] for place in places] == ["<string>:2:", "<string>:3:"]


@pytest.mark.parametrize("cell", STACKED)
@pytest.mark.parametrize(
    ("dropout", "dtype"), [(0.0, "float32"), (0.25, "float64"), (0.9, "float32")]
)
def test_masks_drop_with_their_probability_and_scale_the_rest(cell, dropout, dtype):
    """Each entry alone: 0 with probability p, else 1/(1-p); binomial within five deviations."""
    layer = CELLS[cell].scratch_layer(3, 8, 3, dropout=dropout, bidirectional=True, dtype=dtype)
    T, B = 25, 10
    masks, again, other = (
        layer.draw_dropout_masks(T, B, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(masks, again)
    assert np.array_equal(masks, other) == (dropout == 0)
    assert [(mask.shape, mask.dtype) for mask in masks] == [((T, B, 16), dtype)] * 2
    scale = np.dtype(dtype).type(1 / (1 - dropout))
    for mask in masks:
        assert set(np.unique(mask)) <= {0, scale}
        n = mask.size
        kept = np.count_nonzero(mask)
        assert abs(kept - n * (1 - dropout)) <= 5 * np.sqrt(n * dropout * (1 - dropout))
    if dropout > 0:
        assert not np.array_equal(masks[0], masks[1])
        for axis in range(3):  # no step, sequence or unit is dropped as a whole or copied
            first, second = (masks[0].take(k, axis) for k in (0, 1))
            assert not np.array_equal(first, second)


def test_masks_of_dropout_one_are_zero_and_sizes_may_be():
    layer, rng = scratch_rnn.RNN(3, 4, 2, dropout=1.0), np.random.default_rng(0)
    assert not layer.draw_dropout_masks(5, 2, rng)[0].any()
    assert layer.draw_dropout_masks(0, 2, rng)[0].shape == (0, 2, 4)
    assert layer.draw_dropout_masks(2, 0, rng)[0].shape == (2, 0, 4)


@pytest.mark.parametrize("cell", STACKED)
@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"dropout": 0.25, "bidirectional": True}, "float32"),
        ({"dropout": 0.5, "batch_first": True}, "float64"),
    ],
)
def test_training_mode_with_the_masks_that_torch_draws(cell, options, dtype):
    """PyTorch does not return its masks, but it draws them in a known order, bottom to top.

    So F.dropout draws the same masks from the same seed, and the layer takes those.
    """
    case = LayerCase(cell, T=4, B=3, V=2, H=5, L=3, dtype=dtype, **options)
    torch.manual_seed(7)
    ones = torch.ones(case.T, case.B, case.D * case.H, dtype=getattr(torch, dtype))
    masks = tuple(F.dropout(ones, case.dropout).numpy() for _ in range(case.L - 1))
    case = case.replace_arrays(dropout_masks=masks)

    layer = torch_layer(case.options, dtype, cell).train()
    set_parameters(layer, case.floats.parameters)
    begin = [getattr(case.floats, f"{letter}0") for letter in CELLS[cell].layer_states]
    torch.manual_seed(7)
    with torch.no_grad():
        arrays = [torch.from_numpy(array.copy()) for array in (case.floats.x, *begin)]
        output, last = call(layer, arrays[0], arrays[1:], None)
    names = ("output", *(f"{letter}_n" for letter in CELLS[cell].layer_states))
    reference = {n: y.numpy() for n, y in zip(names, (output, *last), strict=True)}
    with unchecked():
        results, allowed = rounding(case)
    report = compare_results({name: results[name] for name in names}, reference, allowed)
    demand(report, "with torch's masks, training mode is PyTorch's", case)
