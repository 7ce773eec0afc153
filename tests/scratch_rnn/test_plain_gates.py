"""The pages of the GRU and the LSTM: equal to the fast layers and to PyTorch, and short."""

import ast
from pathlib import Path
from typing import Any

import pytest

import scratch_rnn.plain
from compare.parity.rows import compare_results
from compare.parity.tolerance import Move, allowances, unmoved
from scratch_rnn.plain import gru, lstm
from tests.cases import LayerCase
from tests.properties import Results, against, demand
from tests.reference import torch_results
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


def run(case: LayerCase, move: Move = unmoved) -> Results:
    """Run a page on a case; return all results by the layers' names."""
    floats = case.floats
    names = list(floats.parameters)
    parameters = [move(array) for array in floats.parameters.values()]
    x, h_0, d_output, d_h_n = (
        move(array) for array in (floats.x, floats.h0, floats.d_output, floats.d_h_n)
    )
    if case.cell == "gru":
        output, h_n, tape = gru.gru_forward(x, h_0[0], *parameters)
        back = gru.gru_backward(move(tape), d_output, d_h_n[0])
        results = {"output": output, "h_n": h_n[None]}
        heads = ["x", "h0"]
    else:
        c_0, d_c_n = move(floats.c0), move(floats.d_c_n)
        output, (h_n, c_n), tape = lstm.lstm_forward(x, h_0[0], c_0[0], *parameters)
        back = lstm.lstm_backward(move(tape), d_output, d_h_n[0], d_c_n[0])
        results = {"output": output, "h_n": h_n[None], "c_n": c_n[None]}
        heads = ["x", "h0", "c0"]
    for name, gradient in zip([*heads, *names], back, strict=True):
        is_state = name in ("h0", "c0")
        results[f"gradient of {name}"] = gradient[None] if is_state else gradient
    return results


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@states(case=layer_cases(**PLAIN))
def test_a_page_is_the_fast_layer_and_pytorchs(cell: str, case: LayerCase) -> None:
    case = LayerCase(**{**vars_of(case), "cell": cell})
    results, allowed = allowances(lambda move: run(case, move), seed=case.seed)
    layer = scratch_rnn.GRU if cell == "gru" else scratch_rnn.LSTM
    demand(against(results, layer, case), "the page computes what the fast layer computes", case)
    report = compare_results(results, torch_results(case), allowed)
    demand(report, f"the page computes what {case.torch_name} computes", case)


def vars_of(case: LayerCase) -> dict[str, Any]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


@pytest.mark.parametrize("page", [gru, lstm])
def test_a_page_is_one_screen_of_numpy(page: Any) -> None:
    source = Path(page.__file__).read_text(encoding="utf-8")
    assert source.count("\n") <= 120
    imports = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [alias.name for node in imports for alias in node.names] == ["numpy"]
