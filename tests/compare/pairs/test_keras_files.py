"""Models of Keras in files: the recurrent layer is found, run, and compared with ours.

These need Keras: `make adapters`.
"""

import pytest

from compare.cli import main
from tests.libraries import skip_without

skip_without("keras")

import keras  # noqa: E402 - not where it is not installed

L = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library


def save(path, *layers):
    """Save a model of these layers, whose biases are not zero, and return its path."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 4)), *layers])
    for variable in model.trainable_variables:
        variable.assign(keras.random.normal(variable.shape) / 2)
    model.save(path)
    return path


RIGHT = {
    "an RNN": (L.SimpleRNN, {}, ""),
    "a GRU": (L.GRU, {}, ""),
    "an LSTM": (L.LSTM, {}, ""),
    "without biases": (L.LSTM, {"use_bias": False}, ""),
    "not to be trained": (L.GRU, {"trainable": False}, ""),
    "relu": (L.SimpleRNN, {"activation": "relu"}, " --nonlinearity relu"),
}


@pytest.mark.parametrize(("name", "end"), [*((name, "keras") for name in RIGHT), ("a GRU", "h5")])
def test_a_layer_with_its_own_weights_is_equal_to_ours(name, end, tmp_path, capsys):
    kind, options, more = RIGHT[name]
    path = save(tmp_path / f"model.{end}", kind(5, **options), L.Dense(3))
    assert main(f"parity {path} scratch --size T=3,B=2{more}".split()) == 0
    output = capsys.readouterr().out
    assert "tensors agree" in output
    assert "T 3, B 2, V 4, H 5" in output


WRONG = {
    "The reset gate acts on h before the product with W_hn": (L.GRU, {"reset_after": False}),
    "The sequence is read from its end": (L.LSTM, {"go_backwards": True}),
    "ReLU is used instead of tanh.": (L.SimpleRNN, {"activation": "relu"}),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_the_configuration_changes_is_named(words, tmp_path, capsys):
    kind, options = WRONG[words]
    path = save(tmp_path / "model.keras", kind(5, **options))
    assert main(f"parity {path} torch --size T=3,B=2".split()) == 1
    output = capsys.readouterr().out
    assert "B agrees with the computation in float64; A does not." in output
    assert f"Likely mistake of A: {words}" in output


def test_the_nonlinearity_is_that_of_the_file(tmp_path, capsys):
    path = save(tmp_path / "model.keras", L.SimpleRNN(5))
    assert main(f"parity {path} torch --nonlinearity relu --size T=3,B=2".split()) == 2
    assert "expected the nonlinearity tanh of the file, got relu" in capsys.readouterr().err


def test_a_layer_of_several_is_chosen_by_its_name(tmp_path, capsys):
    inner = L.LSTM(5, return_sequences=True, name="inner")
    path = save(tmp_path / "model.keras", L.Bidirectional(inner), L.GRU(3, name="last"))
    assert main(f"parity {path} torch".split()) == 2
    message = "model.keras:NAME, one of its recurrent layers: "
    error = capsys.readouterr().err
    assert message in error
    assert sorted(error.strip().rpartition(": ")[2].split(", ")) == [
        "backward_inner",
        "forward_inner",
        "last",
    ]
    assert main(f"parity {path}:last torch --size T=3,B=2".split()) == 0
    assert "V 10, H 3, gru" in capsys.readouterr().out
