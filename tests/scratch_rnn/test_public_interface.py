"""What the public names show."""

import numpy as np
import pytest

import concise_rnn
import scratch_rnn
from scratch_rnn import GRU, LSTM, RNN, Batch, RNNModel
from scratch_rnn.train import loss_and_gradients
from tests.annotations import unchecked

X = np.ones((4, 3), np.float32)


@pytest.fixture(autouse=True)
def as_users_call_them():
    """Without checks of annotations, which users do not have either."""
    with unchecked():
        yield


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (RNN(3, 2), "RNN(3, 2)"),
        (RNN(3, 2, nonlinearity="relu"), "RNN(3, 2, nonlinearity='relu')"),
        (
            GRU(3, 2, dtype="float64", batch_first=True),
            "GRU(3, 2, batch_first=True, dtype='float64')",
        ),
        (
            LSTM(3, 2, 2, False, dropout=0.5, bidirectional=True, proj_size=1),
            "LSTM(3, 2, num_layers=2, bias=False, dropout=0.5, bidirectional=True, proj_size=1)",
        ),
        (RNNModel(GRU(5, 4), 5), "RNNModel(GRU(5, 4), 5)"),
    ],
)
def test_a_layer_is_shown_as_the_call_that_makes_it(layer, shown):
    assert repr(layer) == shown


@pytest.mark.parametrize("package", [scratch_rnn, concise_rnn])
def test_dir_has_the_public_names_alone(package):
    assert dir(package) == sorted(package.__all__)


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_an_unknown_argument_is_one_of_the_class(kind):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.__init__\(\) got an unexpected"):
        kind(3, 2, nonsense=1)


def test_an_array_in_a_file_is_an_array(tmp_path):
    (tmp_path / "x").write_bytes(X.tobytes())
    mapped = np.memmap(tmp_path / "x", np.float32, shape=X.shape)
    assert RNN(3, 2)(mapped)[0].shape == (4, 2)


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_gradients_have_the_order_of_the_parameters(kind):
    """So `zip` of the values of both has pairs that belong together."""
    layer = kind(3, 2, num_layers=2, bidirectional=True)
    _, _, tape = layer.forward(X)
    assert [*layer.backward(tape).parameters] == [*layer.parameters]
    model = RNNModel(layer, 3)
    batch = Batch(np.zeros((2, 4), int), np.zeros((2, 4), int))
    _, gradients, _, _ = loss_and_gradients(model, batch, model.begin_state(2))
    assert [*gradients] == [*model.parameters]
