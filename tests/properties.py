"""What a layer promises: each property as a function of a class and a case.

Every function lays two sets of results side by side and returns a report with a row for each
tensor; `demand` turns a report that doesn't hold into the failure that a reader sees. The class
may be `scratch_rnn.RNN` or anything with the same methods. What rounding may do to a case is
always measured on `scratch_rnn.RNN`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import scratch_rnn
from compare.parity.rows import ParityReport, ParityRow, compare_results
from compare.parity.tolerance import Move, allowances, unmoved
from tests import tally
from tests.cases import Floats, LayerCase

Results = dict[str, np.ndarray]


def demand(report: ParityReport, claim: str, case: object) -> None:
    """Fail unless every row of the report holds, and remember how near it came."""
    for row in report.rows:
        if row.allowed > 0 and np.isfinite(row.share):
            tally.note_ratio(row.share, f"{row.name}, {case}")
    if not report.rows or report.failures:
        lines = [f"broken: {claim}", f"  {case}"]
        raise AssertionError("\n".join(lines + [describe(row) for row in report.failures]))


def describe(row: ParityRow) -> str:
    """Say in a line how a tensor fails."""
    if row.problem:
        return f"  {row.name}: {row.problem}"
    return (
        f"  {row.name} {row.shape}: differs by {row.difference:.3g}, and rounding explains "
        f"{row.allowed:.3g}; first at {list(row.at)}"
    )


def identical(results: Mapping[str, Any], others: Mapping[str, Any]) -> ParityReport:
    """Compare bit for bit: nothing is allowed."""
    return compare_results(results, others, dict.fromkeys(results, 0.0))


# Running a class on a case ----------------------------------------------------------------------


def build(implementation: Any, case: LayerCase, parameters: Results | None = None) -> Any:
    """Return a layer of the case's options and parameters."""
    options = case.options | {"dtype": np.dtype(case.dtype)}
    layer = implementation(**options)
    parameters = case.floats.parameters if parameters is None else parameters
    assert list(layer.parameters) == list(parameters), (
        f"expected parameters {list(parameters)}, got {list(layer.parameters)}"
    )
    for name, parameter in layer.parameters.items():
        assert parameter.shape == parameters[name].shape, (
            f"expected {name} of shape {parameters[name].shape}, got {parameter.shape}"
        )
        parameter[...] = parameters[name]
    return layer


def given(floats: Floats) -> dict[str, Any]:
    """Return the optional arguments of `forward` that a case gives."""
    optional = {"lengths": floats.lengths, "dropout_masks": floats.dropout_masks}
    return {name: value for name, value in optional.items() if value is not None}


def run(implementation: Any, case: LayerCase, move: Move = unmoved) -> Results:
    """Return output, h_n and the gradients of a pass forward and back, by name."""
    floats = case.floats
    layer = build(implementation, case, {n: move(p) for n, p in floats.parameters.items()})
    x, h0 = move(floats.x.copy()), None if floats.h0 is None else move(floats.h0.copy())
    output, h_n, tape = layer.forward(x, h0, **move(given(floats)))
    results = {"output": np.array(output), "h_n": np.array(h_n)}
    d_output, d_h_n = (None if d is None else move(d.copy()) for d in upstream(floats))
    return results | named(layer.backward(move(tape), d_output, d_h_n))


def upstream(floats: Floats) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the gradients that come back to the layer."""
    return floats.d_output, floats.d_h_n


def named(gradients: Any) -> Results:
    """Return the arrays of an RNNGradients by name."""
    results = {} if gradients.x is None else {"gradient of x": gradients.x}
    results["gradient of h0"] = gradients.h0
    return results | {f"gradient of {name}": g for name, g in gradients.parameters.items()}


def rounding(case: LayerCase) -> tuple[Results, dict[str, np.ndarray]]:
    """Return scratch_rnn's results of the case, and how far rounding may move each."""
    kept = case.__dict__  # for as long as the case lives
    if "rounding" not in kept:
        kept["rounding"] = allowances(lambda move: run(scratch_rnn.RNN, case, move), seed=case.seed)
    both: tuple[Results, dict[str, np.ndarray]] = kept["rounding"]
    return both


def alike(results: Results, others: Results, case: LayerCase) -> ParityReport:
    """Compare as far as rounding explains in this case."""
    return compare_results(results, others, {**dict.fromkeys(results, 0.0), **rounding(case)[1]})


def against(
    reference: Results,
    implementation: Any,
    case: LayerCase,
    *,
    only: Callable[[str], bool] = lambda name: True,
) -> ParityReport:
    """Compare a class's results with a reference, as far as rounding explains."""
    is_ours = implementation is scratch_rnn.RNN
    results = rounding(case)[0] if is_ours else run(implementation, case)
    kept = [{n: array for n, array in r.items() if only(n)} for r in (results, reference)]
    return alike(kept[0], kept[1], case)
