"""GRU and LSTM on the page of `explain`: what both sides say, and the page's own gates."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from compare.parity.config import ParityConfig
from scratch_rnn.text import Batch, Vocab
from tests.compare.parity.courses import LETTERS, course
from tests.compare.study.pages import TEXT, Open, Opened, axe_violations, recorded, written
from tests.counts import number

H, K = 12, len(TEXT) - 1
SMALL = 1e-9
LAYERS = {"gru": scratch_rnn.GRU, "lstm": scratch_rnn.LSTM}


@pytest.fixture(scope="module", params=["gru", "lstm"])
def gated(request: pytest.FixtureRequest) -> dict[str, Any]:
    return recorded(TEXT, course(H, gains=(1.0, 2.0), cell=request.param))


@pytest.fixture(scope="module")
def path(gated: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(gated, tmp_path_factory.mktemp("gated"))


@pytest.fixture
def opened(path: Path, open_page: Open) -> Opened:
    return open_page(path)


def model_of(opened: Opened, cell: str) -> scratch_rnn.RNNModel:
    parameters = opened.page.evaluate("() => rnnParity.network().parameters")
    V = len(LETTERS)
    model = scratch_rnn.RNNModel(LAYERS[cell](V, H, dtype=np.float64), V)
    assert list(parameters) == list(model.parameters)
    for name, array in parameters.items():
        model.parameters[name][...] = array
    return model


def as_batch(text: str) -> Batch:
    ids = np.array(Vocab.from_list(LETTERS)[list(text)])
    return Batch(ids[None, :-1].copy(), ids[None, 1:].copy())


def largest(a: Any, b: Any) -> float:
    assert np.shape(a) == np.shape(b)
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def test_any_text_gives_what_scratch_rnn_gives(gated: dict[str, Any], opened: Opened) -> None:
    model = model_of(opened, gated["cell"])
    for text in ("hello world", "zq", "the quick brown fox jumps over the dog"):
        see_that_all_numbers_are_right(opened, text, model)


def see_that_all_numbers_are_right(opened: Opened, text: str, model: scratch_rnn.RNNModel) -> None:
    batch = as_batch(text)
    found = opened.page.evaluate("(text) => rnnParity.run(text)", text)
    logits, _, tape = model.forward(batch.inputs, model.begin_state())
    loss, d_logits = scratch_rnn.cross_entropy(logits, batch.targets[0])
    assert largest(found["states"], tape.h) < SMALL
    assert largest(found["logits"], logits) < SMALL
    assert abs(found["loss"] - loss) < SMALL
    for name, gradient in model.backward(tape, d_logits).items():
        assert largest(found["gradients"][name], gradient) < SMALL, name


def test_a_step_of_training_is_train_step(gated: dict[str, Any], opened: Opened) -> None:
    model = model_of(opened, gated["cell"])
    setting = ParityConfig()
    optimizer = scratch_rnn.SGD(model.parameters, setting.lr)
    for text in ("hello", "a machine"):
        opened.page.locator("#text-input").fill(text)
        opened.settle()
        opened.page.locator("#train-step").click()
        opened.settle()
        scratch_rnn.train_step(model, as_batch(text), None, optimizer, max_norm=setting.max_norm)
        trained = model_of(opened, gated["cell"])
        for name, parameter in model.parameters.items():
            assert largest(trained.parameters[name], parameter) < SMALL, name


def test_both_sides_are_shown_where_both_were_recorded(
    gated: dict[str, Any], opened: Opened
) -> None:
    opened.choose(t=4, i=5)
    numbers = gated["checkpoints"][1]["numbers"]
    v = gated["targets"][3]
    places = {"h": (4, 5), "y": (3, v), "p": (3, v), "L": 3}
    for side, prefix in (("numpy", ""), ("torch", "torch.")):
        shown = opened.page.locator(f"#chain [data-side={side}]").all_text_contents()
        assert shown == [str(numbers[prefix + name][at]) for name, at in places.items()]
    gates = {"gru": 3, "lstm": 5}[gated["cell"]]
    assert opened.page.locator("#chain [data-side=page]").count() == gates
    assert opened.page.locator("#singular-value, #radius-value").count() == 0
    assert all(row["ok"] for row in gated["checkpoints"][1]["parity"])


def test_norms_are_those_of_a_text_that_begins_later(gated: dict[str, Any], opened: Opened) -> None:
    """dL_k/dh_t is the initial state's gradient of a text that begins after step t."""
    model, batch = model_of(opened, gated["cell"]), as_batch(TEXT)
    norms = np.array(opened.page.evaluate("() => [...numbers().norms]")).reshape(K, K)
    for k, t in ((K, 1), (K, K - 1), (5, 2), (2, 1)):
        _, state = model(batch.inputs[:, :t].copy(), model.begin_state())
        logits, _, tape = model.forward(batch.inputs[:, t:k].copy(), state)
        _, [d_y] = scratch_rnn.cross_entropy(logits[-1:], batch.targets[0, k - 1 : k])
        d_logits = np.zeros_like(logits)
        d_logits[-1] = d_y
        _, d_state = model.backward_to_state(tape, d_logits)
        d_h = d_state[0] if gated["cell"] == "lstm" else d_state
        assert norms[k - 1, t - 1] == pytest.approx(np.linalg.norm(d_h), rel=1e-9)


def test_the_gradient_runs_back_and_axe_finds_nothing(
    gated: dict[str, Any], opened: Opened
) -> None:
    opened.choose(t=1, s=2, i=3)
    assert opened.text("#flow-value") == "step 1, through the gates"
    whole = opened.page.evaluate("(text) => rnnParity.run(text).gradients", TEXT)
    total = whole["rnn.weight_hh_l0"][2 * H + 3][3]  # the candidate's rows are the third block
    shown = float(opened.text("[data-flow='d_W_hh sum']"))
    assert shown == pytest.approx(total, rel=1e-5)
    assert opened.page.locator("[data-flow=d_c]").count() == (gated["cell"] == "lstm")
    if gated["cell"] == "lstm" or number(0, 1):
        assert axe_violations(opened) == []
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 1280
