"""What a recurrence computes where comparisons of random cases do not look."""

from itertools import product

import numpy as np
import pytest
import torch

import scratch_rnn
from scratch_rnn.cells import elman, gated
from scratch_rnn.cells.elman import Weights
from scratch_rnn.fast import columns

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_keeps_its_digits_far_to_the_left_and_is_zero_beyond(dtype):
    z = np.array([-1e4, -80, -20, 0, 20, 1e4], dtype)
    exact = [0, np.exp(-80.0), np.exp(-20.0) / (1 + np.exp(-20.0)), 0.5, 1 / (1 + np.exp(-20)), 1]
    with np.errstate(over="ignore"):
        gated.sigmoid(z)
    np.testing.assert_allclose(z, exact, rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("cell", [scratch_rnn.GRU, scratch_rnn.LSTM])
def test_gates_that_are_nearly_zero_overflow_in_silence(cell):
    """e^-z is infinite in float32 then, and σ is 0. No warning, which is an error here."""
    vocab = scratch_rnn.Vocab(list("ab"))
    model = scratch_rnn.RNNModel(cell(len(vocab), 4), len(vocab))
    for array in model.rnn.parameters.values():
        array[...] = -100
    assert scratch_rnn.predict("ab", 3, model, vocab).startswith("ab")
    output, _ = model.rnn(np.ones((3, 2, len(vocab)), np.float32))
    assert np.all(np.isfinite(output))


@pytest.mark.parametrize("cell", [scratch_rnn.RNN, scratch_rnn.GRU, scratch_rnn.LSTM])
@pytest.mark.parametrize(("limit", "most"), [("SMALL", 2 * 4 * 4), ("FEW", 2 * 4)])
def test_a_call_of_a_small_layer_keeps_no_tape(cell, limit, most, monkeypatch):
    layer = cell(3, 4, num_layers=2, rng=np.random.default_rng(0))
    monkeypatch.setattr(f"scratch_rnn.fast.columns.{limit}", most)  # two sequences; one always is
    calls, cell_forward = [], layer.cell_forward
    layer.cell_forward = lambda *a: calls.append(1) or cell_forward(*a)
    few = 2 if layer.NUM_GATES > 1 else 1
    for B in (1, 2, 3):
        x = np.ones((5, B, 3), np.float32)
        calls.clear()
        layer(x)
        assert len(calls) == (2 if few < B else 0), f"a call with {B} sequences"
        layer.forward(x)
        assert len(calls) == (4 if few < B else 2), f"forward with {B} sequences"


def test_columns_are_for_cells_with_gates_and_for_one_sequence():
    assert [columns.are_faster(2, 4, gates) for gates in (1, 2, 3)] == [False, True, True]
    assert columns.are_faster(1, 4096, gates=1)
