"""What the public names show and refuse: a line that says what to do instead."""

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from scratch_rnn import GRU, LSTM, RNN, SGD, Batch, RNNModel, clip_grad_norm
from tests.annotations import unchecked

X = np.ones((4, 3), np.float32)
TENSOR = r"got Tensor \(its \.detach\(\)\.cpu\(\)\.numpy\(\) is one\)"


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


def test_a_tensor_is_refused_with_what_makes_an_array_of_it():
    tensor, model = torch.ones(4, 3), RNNModel(RNN(5, 4), 5)
    for call in (
        lambda: RNN(3, 2)(tensor),
        lambda: RNN(3, 2)(X, torch.zeros(1, 2)),
        lambda: model(tensor.long(), model.begin_state(4)),
        lambda: clip_grad_norm({"a": tensor}, 1.0),
        lambda: SGD({"a": tensor}, 1.0),
    ):
        with pytest.raises(TypeError, match=TENSOR):
            call()


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_arrays_that_compute_something_else_are_refused():
    for x, got in (
        (np.matrix(X), r"matrix \(np\.asarray of it is one\)"),
        (np.ma.masked_array(X, mask=X > 2), r"MaskedArray \(its \.filled\(0\) is one\)"),
    ):
        with pytest.raises(TypeError, match=f"^expected x to be a NumPy array, got {got}"):
            RNN(3, 2)(x)
        with pytest.raises(TypeError, match=f"got {got} for 'a'"):
            clip_grad_norm({"a": x}, 1.0)


def test_an_array_in_a_file_is_an_array(tmp_path):
    (tmp_path / "x").write_bytes(X.tobytes())
    mapped = np.memmap(tmp_path / "x", np.float32, shape=X.shape)
    assert RNN(3, 2)(mapped)[0].shape == (4, 2)


def test_integers_cannot_be_clipped_or_trained():
    whole = {"a": np.array([3, 4])}
    for call in (lambda: clip_grad_norm(whole, 1.0), lambda: SGD(whole, 0.1)):
        with pytest.raises(TypeError, match="of a float dtype, got int64 for 'a'"):
            call()
    assert whole["a"].tolist() == [3, 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: clip_grad_norm(arrays, 1.0),
        lambda arrays: SGD(arrays, 0.1).step({name: np.ones(3) for name in arrays}),
    ],
)
def test_nothing_changes_if_the_second_array_is_read_only(change):
    first, second = np.ones((2, 3))
    arrays = {"first": first, "second": second}
    second.flags.writeable = False
    with pytest.raises(ValueError, match="that can be changed, got 'second' read-only"):
        change(arrays)
    assert first.tolist() == [1, 1, 1]
    assert clip_grad_norm(arrays, 10.0) == pytest.approx(6**0.5)  # nothing to change


def test_a_batch_has_two_axes():
    ids = np.array([1, 2, 3])
    scratch, concise = RNNModel(RNN(5, 4), 5), concise_rnn.RNNModel(torch.nn.RNN(5, 4), 5)
    for call in (
        lambda: scratch_rnn.train_step(
            scratch, Batch(ids, ids), None, SGD(scratch.parameters, 0.1)
        ),
        lambda: concise_rnn.train_step(
            concise, Batch(ids, ids), None, torch.optim.SGD(concise.parameters(), 0.1)
        ),
    ):
        with pytest.raises(ValueError, match=r"^expected inputs of shape \(B, T\), got \(3,\)$"):
            call()
