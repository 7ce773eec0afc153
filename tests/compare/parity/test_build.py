"""Both models of one configuration: equal weights, and the bias of the forget gate."""

import numpy as np
import pytest

from compare import build_models
from compare.cli import parse
from compare.parity import make_models, parameters_as_arrays


@pytest.mark.parametrize("value", [1.0, -2.5, 0.0])
def test_the_forget_bias_is_the_sum_of_both_biases_of_the_gate_in_each_layer(value):
    H = 4
    drawn, _ = build_models(7, H, 2, cell="lstm", seed=3)
    scratch, concise = build_models(7, H, 2, cell="lstm", seed=3, forget_bias=value)
    for model in (scratch, concise):
        for name, array in parameters_as_arrays(model).items():
            expected = drawn.parameters[name].copy()
            if "bias_ih" in name:
                expected[H : 2 * H] = value  # the gates are i, f, g, o
            if "bias_hh" in name:
                expected[H : 2 * H] = 0
            np.testing.assert_array_equal(array, expected, err_msg=name)


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_a_cell_without_a_forget_gate_has_no_such_bias(cell):
    with pytest.raises(ValueError, match=f"^expected a cell with a forget gate .* got {cell}$"):
        build_models(7, 4, cell=cell, forget_bias=1.0)


def test_the_option_reaches_both_models():
    config = parse(["run", "--cell", "lstm", "--forget-bias", "1.5", "--hidden-size", "3"])
    for model in make_models(config, 5):
        biases = parameters_as_arrays(model)["rnn.bias_ih_l0"]
        assert biases[3:6].tolist() == [1.5] * 3
