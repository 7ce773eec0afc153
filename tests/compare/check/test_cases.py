"""Cases: how they are described, that a seed fixes them, when ReLU is clear, what is not tried."""

from itertools import combinations, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compare.check.cases.floats import _is_clear
from compare.check.cases.layer_case import SURFACE, LayerCase
from compare.check.cases.layer_results import copy_floats
from compare.check.cases.levels import FORWARD, LEVELS, list_rows
from compare.check.layers.properties import find_lack
from compare.check.properties.property import layer_property
from tests.compare.check import intermediates

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
    ({"levels": (("x", "zero"), ("c", "about 30"))}, "T 1, B 1, V 1, H 1, tanh, x zero, float32"),
]


@pytest.mark.parametrize(("fields", "words"), WORDS)
def test_a_case_is_described_in_words(fields, words):
    assert LayerCase(**fields).describe() == words


def test_a_case_names_its_fields_without_their_default():
    assert repr(LayerCase(cell="gru", T=4)) == "LayerCase(cell='gru', T=4)"


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
        ({"of_arrays": True}, {}, "missing: arrays of NumPy"),
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


def test_each_pair_of_levels_of_two_arguments_is_in_a_case():
    found = set()
    for row in list_rows():
        form = " ".join(map(str, [*row.sizes, row.dtype]))
        named = {**dict(row.levels), "form": form, "memory": row.memory}
        found |= {str(pair) for pair in combinations(named.items(), 2)}
    every = {(name, str(level)) for name, levels in LEVELS.items() for level in levels}
    assert len(found) == sum(one[0] < other[0] for one, other in product(every, every))


def test_the_first_case_of_the_levels_is_usual_use():
    first = list_rows()[0]
    levels = {name: level for name, level in first.levels if level != "normal"}
    assert levels == dict.fromkeys(("h", "c", "d_h_n", "d_c_n"), "zero") | {"x": "one-hot"}
    assert first.dtype == "float64"
    together = [{name: dict(row.levels)[name] for name in FORWARD} for row in list_rows()]
    assert dict.fromkeys(FORWARD, "zero") | {"b_hh": "about 1e-9"} in together


def test_the_cases_reach_each_limit_of_each_intermediate():
    reached = intermediates.count()
    assert len(reached) > 200
    assert intermediates.list_gaps(reached) == []


def test_one_letter_is_that_of_all_steps_and_rows():
    x = LayerCase(T=3, B=2, V=4, levels=(("x", "one letter"),)).floats.x
    assert len(np.unique(x.reshape(-1, 4), axis=0)) == 1


def test_what_a_layer_is_given_shares_no_memory_with_the_case():
    floats = (case := LayerCase(T=2, V=2, H=3, L=2)).floats
    given = copy_floats(case)
    for name, array in (vars(floats) | floats.parameters).items():
        if isinstance(array, np.ndarray):
            assert not np.shares_memory(array, (vars(given) | given.parameters)[name])
