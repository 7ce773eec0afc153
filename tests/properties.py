"""What a layer promises: each property as a function of a class and a case.

Every function lays two sets of results side by side and returns a report with a row for each
tensor; `demand` turns a report that doesn't hold into the failure that a reader sees. The class
may be ours or anything with the same methods. What rounding may do to a case is always measured on
ours.
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

CLASSES: dict[str, Any] = {
    "rnn": scratch_rnn.RNN,
    "gru": scratch_rnn.GRU,
    "lstm": scratch_rnn.LSTM,
}
"""Our layer of each cell."""

STATES = ("h_n", "c_n")
INITIAL_STATES = ("gradient of h0", "gradient of c0")


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
    output, state, tape = layer.forward(
        move(floats.x.copy()), move(initial_state(floats)), **move(given(floats))
    )
    results = outputs(output, state)
    return results | named(layer.backward(move(tape), *move(upstream(floats))))


def initial_state(floats: Floats) -> Any:
    """Return a copy of h0, or of (h0, c0), as the layer takes it; None if it is not given."""
    return as_state(floats.h0, floats.c0)


def upstream(floats: Floats) -> tuple[np.ndarray | None, Any]:
    """Return copies of the gradients that come back to the layer: of output and of the state."""
    d_output = None if floats.d_output is None else floats.d_output.copy()
    return d_output, as_state(floats.d_h_n, floats.d_c_n)


def as_state(h: np.ndarray | None, c: np.ndarray | None) -> Any:
    """Return copies of h, or of (h, c) where there is a c; None if there is nothing."""
    if h is None or c is None:
        return None if h is None else h.copy()
    return h.copy(), c.copy()


def outputs(output: np.ndarray, state: Any) -> Results:
    """Return copies of what `forward` gives, by name."""
    arrays = state if isinstance(state, tuple) else (state,)
    named_states = dict(zip(STATES, map(np.array, arrays), strict=False))
    return {"output": np.array(output)} | named_states


def named(gradients: Any) -> Results:
    """Return the arrays of an RNNGradients by name."""
    results = {} if gradients.x is None else {"gradient of x": gradients.x}
    results["gradient of h0"] = gradients.h0
    if getattr(gradients, "c0", None) is not None:
        results["gradient of c0"] = gradients.c0
    return results | {f"gradient of {name}": g for name, g in gradients.parameters.items()}


def rounding(case: LayerCase) -> tuple[Results, dict[str, np.ndarray]]:
    """Return scratch_rnn's results of the case, and how far rounding may move each."""
    kept = case.__dict__  # for as long as the case lives
    if "rounding" not in kept:
        kept["rounding"] = allowances(
            lambda move: run(CLASSES[case.cell], case, move), seed=case.seed
        )
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
    is_ours = implementation is CLASSES[case.cell]
    results = rounding(case)[0] if is_ours else run(implementation, case)
    kept = [{n: array for n, array in r.items() if only(n)} for r in (results, reference)]
    return alike(kept[0], kept[1], case)
