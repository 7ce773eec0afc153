"""Arguments that PyTorch's layer refuses are refused: one table for both, for each cell."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import build, copy_state
from scratch_rnn import GRU, LSTM, RNN
from scratch_rnn.arrays import arrays_of, state_of

T, B, V, H = 5, 2, 3, 4

X, H_0 = np.zeros((T, B, V), "f"), np.zeros((1, B, H), "f")


OPTIONS = {  # PyTorch refuses them, too
    "input_size": [0, -1, 2.5, "3"],
    "hidden_size": [0, -1, 2.5, True, "3"],
    "num_layers": [0, -1, 1.5],
    "nonlinearity": ["sigmoid", "TANH", None],
    "bias": [1, "no", None],
    "batch_first": [1, "yes", None],
    "dropout": [1.5, -0.1, float("nan"), True, "x", None],
    "dtype": ["int64"],
    "hidden": [3],
    "proj_size": [4, 5, -1],
}

CALLS = {  # x, state and lengths, which PyTorch refuses, too
    "x without axes": (np.zeros((), np.float32), None, None),
    "x of one axis": (np.zeros(V, np.float32), None, None),
    "x of four axes": (np.zeros((1, T, B, V), np.float32), None, None),
    "x of too many features": (np.zeros((T, B, V + 1), np.float32), None, None),
    "x of too few features": (np.zeros((T, B, V - 1), np.float32), None, None),
    "x without batch of other features": (np.zeros((T, V + 1), np.float32), None, None),
    "x of another dtype": (np.zeros((T, B, V)), None, None),
    "x of integers with features": (np.zeros((T, B, V), np.int64), None, None),
    "x a list": ([[[0.0] * V] * B] * T, None, None),
    "x None": (None, None, None),
    "no steps": (np.zeros((0, B, V), np.float32), None, None),
    "no steps and no batch": (np.zeros((0, V), np.float32), None, None),
    "h0 of other units": (X, np.zeros((1, B, H + 1), "f"), None),
    "h0 without layers": (X, np.zeros((B, H), "f"), None),
    "h0 of another batch": (X, np.zeros((1, B + 1, H), "f"), None),
    "h0 of a batch of one": (X, np.zeros((1, 1, H), "f"), None),
    "h0 of two layers": (X, np.zeros((2, B, H), "f"), None),
    "h0 with a batch, x without": (np.zeros((T, V), np.float32), np.zeros((1, 1, H), "f"), None),
    "h0 of another dtype": (X, np.zeros((1, B, H)), None),
    "h0 a list": (X, [[[0.0] * H] * B], None),
    "a length of zero": (X, None, [0, 2]),
    "a negative length": (X, None, [2, -1]),
    "a length beyond T": (X, None, [T + 1, 2]),
    "lengths of two axes": (X, None, [[2, 1]]),
    "lengths without a batch": (np.zeros((T, V), np.float32), None, [2]),
    "lengths of an empty batch": (np.zeros((T, 0, V), np.float32), None, []),
}

# PyTorch takes no token ids, pack_padded_sequence accepts some wrong lengths, and its backward pass
# is autograd's.
CALLS_THAT_PYTORCH_CANNOT_REFUSE = {
    "a token beyond the vocabulary": (np.full((T, B), V), None, None),
    "a negative token": (np.full((T, B), -1), None, None),
    "too few lengths": (X, None, [2]),
    "too many lengths": (X, None, [2, 2, 2]),
    "lengths that are no integers": (X, None, [2.0, 1.5]),
}

NO_PAIRS = {  # (h0, c0)
    "h0 alone": H_0,
    "a pair of nothing": (None, None),
    "three arrays": (H_0,) * 3,
    "c0 of other units": (H_0, np.zeros((1, B, H + 1), "f")),
    "c0 of another batch": (H_0, np.zeros((1, B + 1, H), "f")),
    "c0 without layers": (H_0, np.zeros((B, H), "f")),
    "c0 of another dtype": (H_0, np.zeros((1, B, H))),
    "c0 a list": (H_0, [[[0.0] * H] * B]),
}


def make_torch(cell, arguments):
    if "dtype" in arguments:
        arguments = arguments | {"dtype": getattr(torch, arguments["dtype"])}
    return getattr(torch.nn, cell.upper())(**arguments)


def begin_state(cell, h0):
    """Return h0 as the cell takes it: an LSTM beside a c0 that is right."""
    return (h0, H_0) if cell == "lstm" and h0 is not None else h0


def as_tensor(value):
    if isinstance(value, tuple):
        return tuple(map(as_tensor, value))
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def call_torch(cell, x, state, lengths):
    x, state = as_tensor(x), as_tensor(state)
    if lengths is not None:
        x = pack_padded_sequence(x, torch.tensor(lengths, dtype=torch.int64), enforce_sorted=False)
    make_torch(cell, {"input_size": V, "hidden_size": H})(x, state)


pytestmark = pytest.mark.usefixtures("without_checks")  # the layer has its own


def refusal(function):
    try:
        function()
    except NotImplementedError:
        raise
    except Exception as error:
        return error
    return None


OLD = refusal(lambda: torch.nn.RNN(1, 1, bias=1)) is None
"""PyTorch 2.5 accepts any `bias` and `batch_first`, and an `input_size` of 0."""


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OPTIONS.items() for value in values]
)
def test_a_mistaken_constructor_is_refused(cell, layer_class, name, value):
    arguments = {"input_size": V, "hidden_size": H, name: value}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer is only warned about
        is_number = cell != "rnn" and (name, value) == ("hidden_size", True)  # 3·True, for nn.GRU
        is_new = name in ("bias", "batch_first") or (name, value) == ("input_size", 0)
        if not is_number and not (OLD and is_new):
            assert refusal(lambda: make_torch(cell, arguments)), "PyTorch accepts it"
        error = refusal(lambda: layer_class(**arguments))
    expect_refusal(error, f"{name}={value!r}")


@pytest.mark.parametrize("mistake", CALLS | CALLS_THAT_PYTORCH_CANNOT_REFUSE)
def test_a_mistaken_call_is_refused(cell, layer_class, mistake):
    x, state, lengths = (CALLS | CALLS_THAT_PYTORCH_CANNOT_REFUSE)[mistake]
    if mistake in CALLS:
        state = begin_state(cell, state)
        assert refusal(lambda: call_torch(cell, x, state, lengths)), "PyTorch accepts it"
    optional = {} if lengths is None else {"lengths": lengths}
    error = refusal(lambda: layer_class(V, H).forward(x, state, **optional))
    expect_refusal(error, mistake)


@pytest.mark.parametrize("state", NO_PAIRS.values(), ids=NO_PAIRS)
def test_a_state_of_an_lstm_that_is_no_pair_is_refused(state):
    assert refusal(lambda: call_torch("lstm", X, state, None)), "PyTorch accepts it"
    expect_refusal(refusal(lambda: LSTM(V, H).forward(X, state)), repr(state))


@pytest.mark.parametrize(
    "case",
    [
        LayerCase(T=3, B=2, V=2, H=4),
        LayerCase(T=3, B=2, V=2, H=4, L=2, bidirectional=True, batch_first=True),
        LayerCase(T=3, V=2, H=4, unbatched=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_upstream_gradients_of_another_shape_or_dtype_are_refused(cell, layer_class, case, which):
    """Of output, of h_n, and of an LSTM's c_n."""
    case = replace(case, cell=cell)
    layer = build(layer_class, case)
    begin = copy_state(case.floats.h0, case.floats.c0)
    output, state, tape = layer.forward(case.floats.x.copy(), begin)
    right = [np.ones_like(array) for array in (output, *arrays_of(state))]
    if which == len(right):
        pytest.skip("only an LSTM has a c_n")
    layer.backward(tape, right[0], state_of(right[1:]))
    wrong = right[which]
    for gradient in (wrong[:-1], wrong[..., None], wrong[..., :1], wrong.astype(np.float64), 0.0):
        d_output, *arrays = [*right[:which], gradient, *right[which + 1 :]]
        d_state = state_of(arrays)
        error = refusal(lambda d=d_output, d_s=d_state: layer.backward(tape, d, d_s))
        expect_refusal(error, f"gradient {which} = {gradient!r}")


@pytest.mark.parametrize(
    ("layer", "other", "options", "said"),
    [
        (LSTM, GRU, {}, "expected a tape of LSTM("),
        (LSTM, LSTM, {"num_layers": 2}, "expected a tape of LSTM("),
        (LSTM, LSTM, {"dtype": "float64"}, "expected a tape of LSTM("),
        (LSTM, LSTM, {"proj_size": 2}, "expected a tape of LSTM("),
        (RNN, RNN, {"nonlinearity": "relu"}, "nonlinearity='relu', dtype=float32)"),
    ],
)
def test_the_tape_of_another_layer_is_refused(layer, other, options, said):
    maker = other(V, H, **options)
    _, _, tape = maker.forward(np.zeros((T, B, V), maker.dtype))
    error = refusal(lambda: layer(V, H).backward(tape))
    expect_refusal(error, f"a tape of {maker}")
    assert said in str(error)


@pytest.mark.parametrize(
    "shapes",
    [(), ((T, B, H), (T, B, H)), ((T - 1, B, H),), ((B, T, H),), ((T, B, 2 * H),)],
    ids=repr,
)
def test_dropout_masks_of_another_shape_are_refused(layer_class, shapes):
    layer = layer_class(V, H, num_layers=2, dropout=0.5)
    x = np.zeros((T, B, V), np.float32)
    layer.forward(x, dropout_masks=(np.ones((T, B, H), np.float32),))
    masks = tuple(np.ones(shape, np.float32) for shape in shapes)
    expect_refusal(refusal(lambda: layer.forward(x, dropout_masks=masks)), f"masks of {shapes}")
    wrong = (np.ones((T, B, H)),)
    expect_refusal(refusal(lambda: layer.forward(x, dropout_masks=wrong)), "masks of float64")


def test_a_refused_call_leaves_the_layer_as_it_was(layer_class):
    layer = layer_class(V, H)
    before = {name: array.copy() for name, array in layer.parameters.items()}
    refusal(lambda: layer(np.zeros((T, B, V + 1), np.float32)))
    for name, array in layer.parameters.items():
        np.testing.assert_array_equal(array, before[name])


def expect_refusal(error, mistake):
    what = f"violated: {mistake} is refused with ValueError or TypeError"
    assert error is not None, f"{what}; it was accepted"
    assert isinstance(error, ValueError | TypeError), f"{what}; got {error!r}"
    text = str(error)
    assert text.startswith("expected ") or "unexpected keyword" in text, f"{what}; got {text!r}"
    assert "\n" not in text, f"{what}, in one line; got {text!r}"
