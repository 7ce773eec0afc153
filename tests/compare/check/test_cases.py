"""Cases: how they are described, that a seed fixes them, when ReLU is clear, what is not tried."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from compare.check.cases.boundaries import VALUES
from compare.check.cases.floats import _is_clear
from compare.check.cases.layer_case import SURFACE, LayerCase
from compare.check.cases.layer_results import copy_floats
from compare.check.cases.training import get_layer
from compare.check.layers.properties import find_lack
from compare.check.properties.property import layer_property

WORDS: list[tuple[dict[str, Any], str]] = [
    ({}, "T 1, B 1, V 1, H 1, tanh, float32"),
    ({"nonlinearity": "relu", "bias": False}, "T 1, B 1, V 1, H 1, relu, no bias, float32"),
    (
        {"cell": "lstm", "T": 4, "unbatched": True, "projected": True, "H": 6, "dtype": "float64"},
        "T 4, no batch, V 1, H 6, lstm, projected, float64",
    ),
    (
        {"cell": "gru", "T": 2, "B": 3, "V": 5, "L": 2, "bidirectional": True, "batch_first": True}
        | {"one_hot": True, "saturated": True, "dropout": 0.5, "precision": "tf32"},
        "T 2, B 3, V 5, H 1, gru, 2 layers, bidirectional, batch_first, token numbers, saturated, "
        "dropout, tf32",
    ),
    ({"T": 2, "B": 2, "lengths": True}, "T 2, B 2, V 1, H 1, tanh, lengths [2, 2], float32"),
    ({"values": "large inputs"}, "T 1, B 1, V 1, H 1, tanh, large inputs, float32"),
]


@pytest.mark.parametrize(("fields", "words"), WORDS)
def test_a_case_is_described_in_words(fields, words):
    assert LayerCase(**fields).describe() == words


def test_a_case_names_its_fields_without_their_default():
    assert repr(LayerCase(cell="gru", T=4)) == "LayerCase(cell='gru', T=4)"


def test_a_layer_is_of_the_package_that_is_given():
    bugged = SimpleNamespace(LSTM=object)
    assert get_layer(scratch_rnn, "lstm") is scratch_rnn.LSTM
    assert get_layer(bugged, "lstm") is object


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_pre_activation_of_zero_is_not_clear(layer):
    """x = 1 and W_ih = 1; masks of 1 and 2 double the input of the third layer."""
    case = LayerCase(L=3, nonlinearity="relu", dropout=0.5)
    inputs = (1.0, 1.0, 2.0)
    parameters = {}
    for k in range(3):
        arrays = {"weight_ih": [[1]], "weight_hh": [[0]], "bias_ih": [0], "bias_hh": [0]}
        if k == layer:
            arrays["bias_hh"] = [-inputs[k]]
        parameters |= {f"{name}_l{k}": np.array(a, np.float32) for name, a in arrays.items()}
    x, masks = np.ones((1, 1, 1), np.float32), tuple(np.full((1, 1, 1), m) for m in (1.0, 2.0))
    assert not _is_clear(case, parameters, x, None, None, masks)
    parameters[f"bias_hh_l{layer}"] += np.float32(0.5)
    assert _is_clear(case, parameters, x, None, None, masks)


@pytest.mark.parametrize("direction", [0, 1])
def test_each_direction_begins_at_its_own_state_and_step(direction):
    """All weights are 1, so z is x_t + h; the 7 is padding, and the reverse begins before it."""
    case = LayerCase(T=3, nonlinearity="relu", bidirectional=True, bias=False)
    names = [f"weight_{kind}_l0{end}" for kind in ("ih", "hh") for end in ("", "_reverse")]
    parameters = {name: np.ones((1, 1), np.float32) for name in names}
    x = np.array([5, -1, 7] if direction else [-1, 5, 7], np.float32)[:, None, None]
    h0 = np.full((2, 1, 1), 3, np.float32)
    assert _is_clear(case, parameters, x, h0, np.array([2]), None)
    h0[direction] = 1
    assert not _is_clear(case, parameters, x, h0, np.array([2]), None)


@pytest.mark.parametrize(
    ("needs", "missing", "why"),
    [
        ({}, {}, ""),
        ({"gradients": True}, {}, "forward only"),
        ({"of_arrays": True}, {}, "its arrays are not NumPy's"),
        ({"L": 2}, {"L": (1,)}, "missing: two layers"),
        ({"L": (1, 2)}, {"L": (1,)}, ""),
        ({"needs": {"h0": False}}, {"h0": (True,)}, "missing: no state given"),
        (
            {"bidirectional": True, "needs": {"lengths": True}},
            {"bidirectional": (False,), "lengths": (False,)},
            "missing: bidirectional, missing: lengths",
        ),
    ],
)
def test_a_property_that_cannot_be_tried_says_why(needs, missing, why):
    layers: Any = SimpleNamespace(
        forward_only="gradients" in needs, submission=SimpleNamespace(adapter="of_arrays" in needs)
    )
    tried = layer_property(**needs)(lambda *_: iter(()))
    assert find_lack(tried, layers, SURFACE | missing) == why


ARRAYS = {"x": "x", "h0": "h", "c0": "c", "d_output": "d", "d_h_n": "d", "d_c_n": "d"}
ARRAYS |= {f"weight_{k}_l0": f"W_{k}" for k in ("ih", "hh", "hr")}
ARRAYS |= {f"bias_{k}_l0": f"b_{k}" for k in ("ih", "hh")}


@pytest.mark.parametrize("values", VALUES)
def test_the_values_of_a_case_are_factors_of_its_arrays(values):
    case = LayerCase("lstm", T=3, B=2, V=2, H=4, projected=True, dtype="float64")
    usual, other = (
        {**f.parameters, **vars(f)} for f in (case.floats, replace(case, values=values).floats)
    )
    for array, name in ARRAYS.items():
        factor = VALUES[values].get(array, VALUES[values].get(name, 1.0))
        factor = np.finfo("float64").smallest_normal / 8 if factor == "subnormal" else factor
        factor = np.resize(factor, (len(usual[array]), 1)) if isinstance(factor, list) else factor
        np.testing.assert_allclose(other[array], factor * usual[array], rtol=1e-15)


@pytest.mark.parametrize("values", ["subnormal inputs", "subnormal gradients"])
def test_subnormal_values_are_so_in_float32(values):
    floats = LayerCase(T=3, V=2, values=values).floats
    array = floats.x if values == "subnormal inputs" else floats.d_output
    assert 0 < np.abs(array).max() < np.finfo("float32").smallest_normal


def test_what_a_layer_is_given_shares_no_memory_with_the_case():
    floats = (case := LayerCase(T=2, V=2, H=3, L=2)).floats
    given = copy_floats(case)
    for name, array in (vars(floats) | floats.parameters).items():
        if isinstance(array, np.ndarray):
            assert not np.shares_memory(array, (vars(given) | given.parameters)[name])
