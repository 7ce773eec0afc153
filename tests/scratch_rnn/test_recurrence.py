"""One layer in one direction, computed by hand, and its parts."""

from itertools import product

import numpy as np
import pytest
import torch

import scratch_rnn
from scratch_rnn.arrays import arrays_of, each
from scratch_rnn.cells import elman
from scratch_rnn.cells.elman import Weights
from scratch_rnn.fast import columns, lookup
from scratch_rnn.layers import padding

# T = 2, B = 1, V = 1, H = 2, ReLU, small whole numbers, so that each line can be done in the head.
#
#   W_ih = [1, 2]^T   W_hh = [[1, 1], [-1, 2]]   b_ih = [1, 0]   b_hh = [0, -1]   h_0 = [1, 2]
#   x_1 = 1   x_2 = -2
#
# Forward
#   z_1 = W_ih x_1 + b_ih + b_hh + W_hh h_0 = [1, 2] + [1, -1] + [3, 3] = [5, 4]     h_1 = [5, 4]
#   z_2 = W_ih x_2 + b_ih + b_hh + W_hh h_1 = [-2, -4] + [1, -1] + [9, 3] = [8, -2]  h_2 = [8, 0]
#
# Backward, for given δ_1 = [1, 1], δ_2 = [2, 3], δh_n = [1, 0]
#   δh_2 = δ_2 + δh_n = [3, 3]                      δz_2 = [3, 0]    unit 2 is off
#   δh_1 = δ_1 + W_hh^T δz_2 = [1, 1] + [3, 3]      δz_1 = [4, 4]    W_hh^T = [[1, -1], [1, 2]]
#   δh_0 = W_hh^T δz_1 = [4 - 4, 4 + 8] = [0, 12]
#
#   δW_hh = δz_1 h_0^T + δz_2 h_1^T = [[4, 8], [4, 8]] + [[15, 12], [0, 0]] = [[19, 20], [4, 8]]
#   δW_ih = δz_1 x_1 + δz_2 x_2 = [4, 4] + [-6, 0] = [-2, 4]
#   δb    = δz_1 + δz_2 = [7, 4]
#   δx_1  = W_ih · δz_1 = 4 + 8 = 12    δx_2 = W_ih · δz_2 = 3
W_ih, W_hh = [[1], [2]], [[1, 1], [-1, 2]]
b_ih, b_hh = [1, 0], [0, -1]
x, h_0 = [[[1]], [[-2]]], [[1, 2]]
h = [[[1, 2]], [[5, 4]], [[8, 0]]]
d_h, d_h_n = [[[1, 1]], [[2, 3]]], [[1, 0]]
d_x, d_h_0 = [[[12]], [[3]]], [[0, 12]]
d_W_ih, d_W_hh, d_b = [[-2], [4]], [[19, 20], [4, 8]], [7, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(dtype):
    def floats(values):
        return np.array(values, dtype)

    weights = Weights(floats(W_ih), floats(W_hh), floats(b_ih), floats(b_hh))
    tape = elman.forward(floats(x), floats(h_0), weights, "relu")
    np.testing.assert_array_equal(tape.h, floats(h))
    assert tape.h.dtype == dtype
    back = elman.backward(tape, weights, floats(d_h), floats(d_h_n), "relu")
    for result, expected in zip(
        [back[0], back[1], *back[2]], [d_x, d_h_0, d_W_ih, d_W_hh, d_b, d_b], strict=True
    ):
        np.testing.assert_array_equal(result, floats(expected))
        assert result.dtype == dtype


ODD = [np.nan, np.inf, -np.inf, -1.0, 0.0, 1.0]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_what_is_not_finite_goes_back_as_in_torch(nonlinearity):
    """One unit, one step: torch's δz is `z <= 0 ? 0 : δh` for relu, (1 - h²) δh for tanh."""
    z, gradient = np.array(list(product(ODD, repeat=2))).T
    weights = Weights(np.ones((1, 1)), np.zeros((1, 1)), None, None)
    zeros = np.zeros((len(z), 1))
    with np.errstate(invalid="ignore"):
        tape = elman.forward(z[None, :, None], zeros, weights, nonlinearity)
        d_h = gradient[None, :, None]
        d_x, _, _ = elman.backward(tape, weights, d_h, zeros, nonlinearity)
    x = torch.tensor(z, requires_grad=True)
    h = getattr(torch, nonlinearity)(x)
    h.backward(torch.tensor(gradient))
    np.testing.assert_array_equal(tape.h[1, :, 0], h.detach().numpy())
    np.testing.assert_array_equal(d_x[0, :, 0], x.grad.numpy())


@pytest.mark.parametrize("cell", [scratch_rnn.RNN, scratch_rnn.GRU, scratch_rnn.LSTM])
def test_what_is_not_there_has_no_gradient(cell):
    for bias in (True, False):
        layer = cell(3, 4, bias=bias)
        _, state, tape = layer.forward(np.ones((5, 2, 3), np.float32))
        last = [array[0] for array in arrays_of(state)]
        d_steps = [np.ones((5, 2, 4), np.float32), *[None for _ in last[1:]]]
        weights = layer.weights(0)
        _, _, gradient = layer.cell_backward(tape.recurrences[0], weights, d_steps, last)
        assert [d is None for d in gradient] == [W is None for W in weights]


@pytest.mark.parametrize("shape", [(4,), (3, 2), (0, 2)])
def test_lookup_picks_rows(shape):
    M = np.arange(10.0).reshape(5, 2)
    ids = np.random.default_rng(0).integers(0, 5, shape)
    out = np.full((*shape, 2), np.nan)
    lookup.rows(M, ids, out)
    np.testing.assert_array_equal(out, M[ids])


def test_the_gradient_of_a_lookup_gathers_what_each_row_was_used_for():
    d_rows = np.array([[1.0, 2], [3, 4], [5, 6]])
    d_M_T = lookup.gradient(d_rows, np.array([2, 0, 2]), 4)
    np.testing.assert_array_equal(d_M_T, [[3, 0, 1 + 5, 0], [4, 0, 2 + 6, 0]])
    np.testing.assert_array_equal(
        lookup.gradient(d_rows[:0], np.zeros(0, int), 2), np.zeros((2, 2))
    )


LENGTHS = [None, *(np.array(lengths) for lengths in product([1, 2, 3], repeat=2))]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_reversing_twice_is_nothing(lengths):
    x = np.arange(6).reshape(3, 2)
    there = padding.reverse(x, lengths)
    np.testing.assert_array_equal(padding.reverse(there, lengths), x)
    for b, length in enumerate((3, 3) if lengths is None else lengths):
        np.testing.assert_array_equal(there[:length, b], x[:length, b][::-1])
        np.testing.assert_array_equal(there[length:, b], x[length:, b])


def test_padding_by_hand():
    x, lengths = np.arange(1.0, 7).reshape(3, 2), np.array([2, 3])  # [[1, 2], [3, 4], [5, 6]]
    np.testing.assert_array_equal(
        padding.is_padding(lengths, 3), [[False, False], [False, False], [True, False]]
    )
    np.testing.assert_array_equal(padding.clear_padding(x, lengths), [[1, 2], [3, 4], [0, 6]])
    assert padding.clear_padding(x, None) is x
    h = np.arange(8.0).reshape(4, 2, 1)  # [0] is the state before the first step
    np.testing.assert_array_equal(padding.last_state(h, lengths), [[4], [7]])
    np.testing.assert_array_equal(padding.last_state(h, None), [[6], [7]])


@pytest.mark.parametrize("layer_class", [scratch_rnn.RNN, scratch_rnn.GRU, scratch_rnn.LSTM])
@pytest.mark.parametrize("B", [1, 2, 3])
@pytest.mark.parametrize(("limit", "most"), [("SMALL", 2 * 4 * 4), ("FEW", 2 * 4)])
def test_a_call_of_a_small_layer_keeps_no_tape(layer_class, B, limit, most, monkeypatch):
    layer = layer_class(3, 4, num_layers=2, rng=np.random.default_rng(0))
    monkeypatch.setattr(f"scratch_rnn.fast.columns.{limit}", most)  # two sequences; one always is
    calls, cell_forward = [], layer.cell_forward
    monkeypatch.setattr(layer, "cell_forward", lambda *a: calls.append(1) or cell_forward(*a))
    layer(np.ones((5, B, 3), np.float32))
    few = 2 if layer.NUM_GATES > 1 else 1
    assert len(calls) == (2 if few < B else 0)
    layer.forward(np.ones((5, B, 3), np.float32))
    assert len(calls) == (4 if few < B else 2)


def test_columns_are_for_cells_with_gates_and_for_one_sequence():
    assert [columns.are_faster(2, 4, gates) for gates in (1, 2, 3)] == [False, True, True]
    assert columns.are_faster(1, 4096, gates=1)


def test_states_side_by_side_have_as_many_arrays():
    assert each(max, (1, 20), (2, 10)) == (2, 20)
    with pytest.raises(ValueError, match="shorter"):
        each(max, (1, 2), 3)
