"""The numbers of the page of `explain` are those of the model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratch_rnn
from compare.parity.build import build_models
from compare.parity.rows import compare_results
from compare.study.page.anatomy import (
    concise_forward,
    concise_losses,
    forward_tolerances,
    largest_singular_value,
    scratch_backward,
    scratch_forward,
    scratch_losses,
    spectral_radius,
    units_by_change,
    write_on,
)
from scratch_rnn.text import Batch, Vocab
from tests.compare.parity.courses import LETTERS

sizes = st.integers(1, 40)
kinds = st.sampled_from(["tanh", "relu"])
dtypes = st.sampled_from(["float32", "float64"])


def texts(T, V=9, seed=0):
    return np.random.default_rng(seed).integers(0, V, T)


@given(H=sizes, T=st.integers(1, 12), kind=kinds, dtype=dtypes)
def test_the_forward_pass_taken_apart_is_the_model_s_own_to_the_last_bit(H, T, kind, dtype):
    scratch, _ = build_models(9, H, nonlinearity=kind, dtype=dtype, seed=T)
    ids = texts(T)
    numbers = scratch_forward(scratch, ids)
    logits, _, tape = scratch.forward(ids[None], scratch.begin_state())
    np.testing.assert_array_equal(numbers["y"], logits)
    np.testing.assert_array_equal(numbers["h"], tape.rnn.recurrences[0].h[:, 0])
    np.testing.assert_array_equal(numbers["z"], numbers["a"] + numbers["u"])
    f = np.tanh if kind == "tanh" else lambda z: np.maximum(z, 0)
    np.testing.assert_array_equal(f(numbers["z"]), numbers["h"][1:])
    for t in range(T):  # dL/dy = p - onehot, and p does not depend on the target
        _, [d_y] = scratch_rnn.cross_entropy(logits[t : t + 1], np.array([ids[t]]))
        others = np.arange(9) != ids[t]
        np.testing.assert_array_equal(numbers["p"][t][others], d_y[others])


@given(H=sizes, T=st.integers(1, 12), kind=kinds, dtype=dtypes)
def test_pytorch_s_forward_pass_taken_apart_agrees_number_by_number(H, T, kind, dtype):
    scratch, concise = build_models(9, H, nonlinearity=kind, dtype=dtype, seed=T)
    ids = texts(T)
    expected, allowed = scratch_forward(scratch, ids), forward_tolerances(scratch, ids)
    targets = ids[1:]
    expected["L"], _ = scratch_losses(expected["y"][:-1], targets)
    theirs = concise_forward(concise, ids)
    theirs["L"] = concise_losses(theirs["y"][:-1], targets)
    report = compare_results(expected, theirs, allowed)
    assert report.ok, report.failures
    assert [row.name for row in report.rows] == ["a", "u", "z", "h", "y", "p", "L"]


@given(H=st.integers(1, 9), T=st.integers(2, 9), kind=kinds, gain=st.sampled_from([0.3, 1.0, 2.0]))
def test_norms_are_those_of_our_own_backward_pass_of_each_loss(H, T, kind, gain):
    """dL_k/dh_t is what the initial state's gradient is for a text that begins after step t."""
    scratch, _ = build_models(9, H, nonlinearity=kind, dtype="float64", seed=T)
    for parameter in scratch.parameters.values():
        parameter *= gain
    ids = texts(T)
    K = T - 1
    numbers = scratch_forward(scratch, ids)
    losses, d_logits = scratch_losses(numbers["y"][:K], ids[1:])
    found = scratch_backward(scratch, ids, d_logits)
    assert found["norms"].shape == (K, K)
    d_h = np.zeros((K, H))
    for k in range(1, K + 1):
        own = d_logits[k - 1] @ scratch.parameters["linear.weight"]
        d_h[k - 1] += own / K
        assert found["norms"][k - 1, k - 1] == pytest.approx(np.linalg.norm(own), rel=1e-12)
        for t in range(1, k):
            state = numbers["h"][t][None, None]
            logits, _, tape = scratch.forward(ids[None, t:k], state)
            d_y = np.zeros_like(logits)
            d_y[-1] = d_logits[k - 1]
            _, d_state = scratch.backward_to_state(tape, d_y)
            d_h[t - 1] += d_state[0, 0] / K
            norm = np.linalg.norm(d_state)
            assert found["norms"][k - 1, t - 1] == pytest.approx(norm, rel=1e-12, abs=1e-300)
        assert not found["norms"][k - 1, k:].any()
    np.testing.assert_allclose(found["d_h"], d_h, rtol=1e-12, atol=1e-14)
    for k in range(1, K + 1):
        _, _, tape = scratch.forward(ids[None, :k], scratch.begin_state())
        d_y = np.zeros((k, 9))
        d_y[-1] = d_logits[k - 1]
        norm = scratch_rnn.clip_grad_norm(scratch.backward(tape, d_y), np.inf)
        assert found["gradient_norms"][k - 1] == pytest.approx(norm, rel=1e-12)
    norm = training_step_norm(scratch, ids)
    assert found["gradient_norms"][K] == pytest.approx(norm, rel=1e-12)
    assert losses[-1] == scratch_rnn.cross_entropy(numbers["y"][K - 1 : K], ids[K:])[0]


def training_step_norm(scratch, ids):
    model = scratch_rnn.RNNModel(scratch.rnn, 9)
    model.parameters = scratch.parameters
    optimizer = scratch_rnn.SGD({name: p.copy() for name, p in scratch.parameters.items()}, 0.1)
    batch = Batch(ids[None, :-1].copy(), ids[None, 1:].copy())
    return scratch_rnn.train_step(model, batch, None, optimizer).grad_norm


def test_the_spectral_radius_of_a_turn_and_a_stretch():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # eigenvalues 0.6 ± 0.8i
    assert spectral_radius(3 * turn) == pytest.approx(3, rel=1e-15)
    assert largest_singular_value(3 * turn) == pytest.approx(3, rel=1e-15)
    shear = np.array([[0.0, 100.0], [0.0, 0.0]], np.float32)  # one step may grow, two never do
    assert spectral_radius(shear) == 0
    assert largest_singular_value(shear) == 100


def test_units_that_change_most_come_first():
    h = np.array([[1, 2, -5, 0], [1, 3, 5, 0], [1, 2, -5, 0.0]])  # (T, H)
    assert units_by_change(h) == [2, 1, 0, 3]


def test_it_writes_on_as_predict_does():
    scratch, _ = build_models(28, 12, seed=3)
    for parameter in scratch.parameters.values():
        parameter *= 4  # so that it doesn't write the same letter again and again
    vocab = Vocab.from_list(LETTERS)
    written = write_on(scratch, np.array(vocab[list("time ")]), 6)
    assert len(set(written)) > 2
    assert "time " + "".join(vocab.to_tokens(written)) == scratch_rnn.predict(
        "time ", 6, scratch, vocab
    )
