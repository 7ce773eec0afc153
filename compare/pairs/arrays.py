"""Compare two arrays that somebody has: ``rnn-parity parity A.npy B.npy --like TENSOR``.

They are two results of one layer; there is no code to call. If --input and --weights give the
layer's own numbers, each entry has its own tolerance. Otherwise inputs and weights of the same
sizes are drawn, and the largest tolerance of any entry is used for all of them.
"""

from pathlib import Path

import numpy as np

from compare.check import LayerCase, run_forward
from compare.implementations import CELLS, guess_cell, read_array, read_layer
from compare.pairs.cases import list_cases
from compare.pairs.config import PairConfig
from compare.parity import (
    Comparison,
    ParityReport,
    show_parity,
    tabulate,
    tolerances,
)
from compare.terminal import Terminal, UsageError

AXES = {"output": ("T", "B", "H"), "h_n": ("layers", "B", "H"), "c_n": ("layers", "B", "H")}
"""The results that can be compared, and the sizes of their axes."""


def compare_arrays(config: PairConfig, terminal: Terminal) -> ParityReport:
    """Compare two arrays within the tolerance of a layer's result; print and return the rows."""
    like = str(config.like)
    if like not in AXES:
        raise UsageError(f"expected --like to be one of {', '.join(AXES)}, got {like}")
    a, b = (read_array(Path(target)) for target in config.targets)
    if a.shape != b.shape or {a.dtype.kind, b.dtype.kind} != {"f"}:
        got = f"{a.shape} {a.dtype} and {b.shape} {b.dtype}"
        raise UsageError(f"expected two arrays of floats of one shape, got {got}")
    dtype = min(a.dtype, b.dtype, key=lambda kind: kind.itemsize)
    if dtype not in (np.float32, np.float64):
        raise UsageError(f"expected arrays of float32 or float64, got {dtype}")
    case = _find_case(config, like, str(dtype), a.shape)
    is_own = config.input is not None and config.weights is not None
    layer = CELLS[case.cell].scratch_layer
    _, tolerance = tolerances(lambda move: run_forward(layer, case, move), seed=case.seed)
    allowed = tolerance[like]
    terminal.line(f"{like} of {CELLS[case.cell].title}: {case.describe()}")
    if is_own:
        terminal.line("Each entry has its own tolerance, from your input and weights.", "dim")
    else:
        allowed = np.full(a.shape, allowed.max())
        terminal.line(
            "The input and the weights are drawn, so every entry gets the largest tolerance. Give "
            "--input and --weights to use your own.",
            "dim",
        )
    terminal.line()
    reference = run_forward(layer, case.in_float64())[like] if is_own else None
    axis = 0 if like == "output" else None
    one, other = a.astype(dtype), b.astype(dtype)
    compared = Comparison(like, one, other, allowed, axis, reference=reference)
    report = tabulate([compared])
    show_parity(report, terminal, ("A", "B"))
    if not compared.ok:
        described = compared.describe().replace("expected", "A has").replace("got", "B has")
        terminal.line(f"First difference: {described}")
    if reference is not None:
        sides = [Comparison(like, reference, side.astype(np.float64), allowed) for side in (a, b)]
        if not any(side.ok for side in sides):
            off = f"A is {sides[0].difference:.1e} off, B {sides[1].difference:.1e}"
            terminal.line(
                f"Neither A nor B is {like} of this input and these weights in float64: {off}. "
                f"Its axes are ({', '.join(AXES[like])})."
            )
    return report


def _find_case(config: PairConfig, like: str, dtype: str, shape: tuple[int, ...]) -> LayerCase:
    """Return a case whose result has this shape, with the user's input and weights if given."""
    if len(shape) != len(AXES[like]):
        raise UsageError(f"expected {like} of shape ({', '.join(AXES[like])}), got {shape}")
    weights = None if config.weights is None else read_layer(config.weights)
    cell = CELLS[config.cell] if weights is None else guess_cell(weights, config.cell)
    if like == "c_n" and "c" not in cell.states:
        raise UsageError(f"expected --like of a result of {cell.title}, got {like}")
    of_arrays = dict(zip(AXES[like], shape, strict=True))
    fields = {"dtype": dtype, "seed": config.seed, "nonlinearity": config.nonlinearity}
    has_own = weights is not None and config.input is not None
    return list_cases(config, cell, weights, of_arrays, **fields, h0=not has_own)[0]
