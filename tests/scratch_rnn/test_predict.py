"""Prediction: one token after the other, greedily."""

import numpy as np
import pytest

from compare.check.cases.layer_case import LayerCase
from compare.implementations import CELLS
from compare.parity.rows import compare_results
from compare.parity.tolerance import tolerances
from scratch_rnn import GRU, LSTM, RNNModel, predict
from scratch_rnn.predict import token_by_token
from scratch_rnn.text import Vocab
from tests.model_cases import ModelCase, build_model
from tests.properties import demand
from tests.strategies import property_of_models


def test_the_model_itself_reads_the_prefix_alone(monkeypatch):
    """Each token after it is a step without the model around it; that is why it is fast."""
    vocab, call = Vocab(list("ab")), RNNModel.__call__
    calls = []
    monkeypatch.setattr(
        RNNModel, "__call__", lambda model, *given: calls.append(given) or call(model, *given)
    )
    predict("ab", 5, RNNModel(GRU(len(vocab), 4), len(vocab)), vocab)
    assert len(calls) == 1


@pytest.mark.parametrize("layer", [GRU, LSTM])
def test_gates_that_are_nearly_zero_overflow_in_silence(layer):
    """e^-z is infinite in float32 then, and σ is 0. No warning, which is an error here."""
    vocab = Vocab(list("ab"))
    model = RNNModel(layer(len(vocab), 4), len(vocab))
    for array in model.rnn.parameters.values():
        array[...] = -100
    assert predict("ab", 3, model, vocab).startswith("ab")
    output, _ = model.rnn(np.ones((3, 2, len(vocab)), np.float32))
    assert np.all(np.isfinite(output))


def by_the_model(model, tokens, state, move):
    """Return the logits after each token, each of them a sequence of its own."""
    rows = []
    for token in tokens:
        logits, state = model(np.array([[token]]), state)
        state = move(state)
        rows.append(logits[0])
    return {"logits": np.array(rows)}


def agrees(package, case):
    tokens = case.batch.inputs[0].tolist()

    def compute(move):
        model = build_model(case, package)
        for parameter in model.parameters.values():
            parameter[...] = move(parameter)
        return by_the_model(model, tokens, move(case.state), move)

    results, allowed = tolerances(compute, seed=case.layer.seed)
    logits_after = token_by_token(build_model(case, package), case.state)
    with np.errstate(over="ignore"):  # in a σ
        rows = {"logits": np.array([logits_after(token) for token in tokens])}
    demand(compare_results(results, rows, allowed), "token by token, logits are the model's", case)


@property_of_models(dropout=0.0, B=1, T=(2, 3, 4))
def test_token_by_token_gives_the_models_own_logits(package, case):
    agrees(package, case)


@pytest.mark.parametrize(
    "options",
    [*({"cell": cell, "bias": False} for cell in CELLS), {"cell": "lstm", "projected": True}],
    ids=str,
)
def test_token_by_token_without_biases_and_with_a_projection(package, options):
    agrees(package, ModelCase(LayerCase(T=5, V=5, H=4, L=2, one_hot=True, **options)))
