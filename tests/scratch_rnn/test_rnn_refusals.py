"""Arguments that PyTorch's layer refuses are refused: one table for both, for each cell."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import as_state, build
from scratch_rnn import GRU, LSTM, RNN
from scratch_rnn.layers import states
from tests.tables import messages

T, B, V, H = 5, 2, 3, 4

X, H_0 = np.zeros((T, B, V), "f"), np.zeros((1, B, H), "f")


def calls(section):
    """Return the arguments by what is wrong with them, for V features and H units in float32."""
    return {name: eval(arguments, globals()) for name, arguments in messages(section).items()}


OPTIONS = [(name, eval(v)) for name, vs in messages("wrong options").items() for v in vs]
CALL = calls("calls")


MISTAKEN = [pytest.param(given, True, id=name) for name, given in CALL.items()]
MISTAKEN += [
    pytest.param(given, False, id=name)
    for name, given in calls("calls that PyTorch cannot refuse").items()
]


def make_torch(cell, arguments):
    if "dtype" in arguments:
        arguments = arguments | {"dtype": getattr(torch, arguments["dtype"])}
    return getattr(torch.nn, cell.upper())(**arguments)


def state_of(cell, h0):
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


@pytest.mark.parametrize(("name", "value"), OPTIONS)
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


@pytest.mark.parametrize(("given", "is_for_torch"), MISTAKEN)
def test_a_mistaken_call_is_refused(cell, layer_class, given, is_for_torch):
    x, state, lengths = given
    if is_for_torch:
        state = state_of(cell, state)
        assert refusal(lambda: call_torch(cell, x, state, lengths)), "PyTorch accepts it"
    optional = {} if lengths is None else {"lengths": lengths}
    error = refusal(lambda: layer_class(V, H).forward(x, state, **optional))
    expect_refusal(error, repr(given))


@pytest.mark.parametrize("state", calls("states of an LSTM").values(), ids=repr)
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
    begin = as_state(case.floats.h0, case.floats.c0)
    output, state, tape = layer.forward(case.floats.x.copy(), begin)
    right = [np.ones_like(array) for array in (output, *states.arrays_of(state))]
    if which == len(right):
        pytest.skip("only an LSTM has a c_n")
    layer.backward(tape, right[0], states.state_of(right[1:]))
    wrong = right[which]
    for gradient in (wrong[:-1], wrong[..., None], wrong[..., :1], wrong.astype(np.float64), 0.0):
        d_output, *arrays = [*right[:which], gradient, *right[which + 1 :]]
        d_state = states.state_of(arrays)
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
