"""Prediction: one token after the other, greedily."""

import numpy as np
import pytest

from compare.check import LayerCase
from compare.implementations import CELLS
from compare.parity import compare_results, tolerances
from scratch_rnn.predict import token_by_token
from tests.model_cases import ModelCase, build_model
from tests.properties import demand
from tests.strategies import property_of_models


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
