"""The pages of the GRU and the LSTM: equal to the fast layers and to PyTorch, and short."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratch_rnn.plain
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import Results, rounding
from compare.check.cases.reference import torch_results
from compare.parity.rows import compare_results
from scratch_rnn.plain import gru, lstm, model
from scratch_rnn.states import arrays_of, state_of
from scratch_rnn.text import Batch, Vocab
from scratch_rnn.train import loss_and_gradients
from tests.properties import against, demand
from tests.strategies import layer_cases, states

PLAIN = {
    "L": 1,
    "bias": True,
    "batch_first": False,
    "bidirectional": False,
    "projected": False,
    "unbatched": False,
    "one_hot": False,
    "h0": True,
    "lengths": False,
    "upstream": "both",
    "nonlinearity": "tanh",
}


T, B, V, H = 5, 3, 4, 6


def run(case: LayerCase) -> Results:
    """Run a page on a case; return all results by the layers' names."""
    floats = case.floats
    names, parameters = list(floats.parameters), list(floats.parameters.values())
    x, h_0, d_output, d_h_n = floats.x, floats.h0, floats.d_output, floats.d_h_n
    if case.cell == "gru":
        output, h_n, tape = gru.gru_forward(x, h_0[0], *parameters)
        back = gru.gru_backward(tape, d_output, d_h_n[0])
        results = {"output": output, "h_n": h_n[None]}
        heads = ["x", "h0"]
    else:
        c_0, d_c_n = floats.c0, floats.d_c_n
        output, (h_n, c_n), tape = lstm.lstm_forward(x, h_0[0], c_0[0], *parameters)
        back = lstm.lstm_backward(tape, d_output, d_h_n[0], d_c_n[0])
        results = {"output": output, "h_n": h_n[None], "c_n": c_n[None]}
        heads = ["x", "h0", "c0"]
    for name, gradient in zip([*heads, *names], back, strict=True):
        is_state = name in ("h0", "c0")
        results[f"gradient of {name}"] = gradient[None] if is_state else gradient
    return results


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@states(case=layer_cases(**PLAIN))
def test_a_page_is_the_fast_layer_and_pytorchs(cell: str, case: LayerCase) -> None:
    page_agrees(LayerCase(**{**vars_of(case), "cell": cell}))


def test_a_gate_that_is_nearly_one() -> None:
    """What rounding does to 1 - z shows where z is moved before it is used: in the fast layer."""
    page_agrees(LayerCase(cell="gru", T=6, V=4, H=3, saturated=True, rounded=True, seed=259))


def page_agrees(case: LayerCase) -> None:
    """Compare a page with the fast layer and with PyTorch's."""
    results, layer = run(case), scratch_rnn.GRU if case.cell == "gru" else scratch_rnn.LSTM
    demand(against(results, layer, case), "the page computes what the fast layer computes", case)
    report = compare_results(results, torch_results(case), rounding(case)[1])
    demand(report, f"the page computes what {case.torch_name} computes", case)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_model_around_a_page_is_the_fast_one(cell: str) -> None:
    layer = {"rnn": scratch_rnn.RNN, "gru": scratch_rnn.GRU, "lstm": scratch_rnn.LSTM}[cell]
    page, rng = model.CELLS[cell], np.random.default_rng(0)
    fast = scratch_rnn.RNNModel(layer(V, H, dtype=np.float64, rng=rng), V, rng=rng)
    parameters = list(fast.parameters.values())
    shapes = [array.shape for array in model.init_parameters(page, V, H, rng)]
    assert shapes == [array.shape for array in parameters]
    state = [rng.uniform(-1, 1, (B, H)) for _ in range(page.num_states)]
    ids = rng.integers(0, V, (B, T + 1))
    batch = Batch(ids[:, :-1].copy(), ids[:, 1:].copy())

    loss, gradients, last = model.loss_and_gradients(
        page, batch.inputs.T, batch.targets.T, state, parameters
    )
    fast_state = state_of(array[None] for array in state)
    fast_loss, fast_gradients, fast_last = loss_and_gradients(fast, batch, fast_state)
    assert loss == pytest.approx(fast_loss, rel=1e-14)
    for ours, theirs in zip(gradients, fast_gradients.values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(last, arrays_of(fast_last), strict=True):
        np.testing.assert_allclose(ours, theirs[0], rtol=1e-12, atol=1e-14)

    zeros = model.begin_state(page, B, parameters)
    assert [array.shape for array in zeros] == [array.shape for array in state]
    for array, factor in zip(parameters, (20, 3, 1, 1, 1, 0), strict=True):
        array *= factor  # so that the text depends on what was read
    vocab = Vocab([f"token{k}" for k in range(1, V)])
    text = scratch_rnn.predict(vocab.to_tokens([1, 2]), 40, fast, vocab)
    written = model.generate(page, [1, 2], 40, parameters)
    assert vocab.to_tokens(written) == text.split(" ")
    assert len(set(written)) > 2


def vars_of(case: LayerCase) -> dict[str, Any]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


@pytest.mark.parametrize("page", [gru, lstm])
def test_a_page_is_one_screen_of_numpy(page: Any) -> None:
    source = Path(page.__file__).read_text(encoding="utf-8")
    assert source.count("\n") <= 120
    imports = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [alias.name for node in imports for alias in node.names] == ["numpy"]
