"""Compare two arrays in files: ``rnn-parity parity A.npy B.npy --like TENSOR``.

They are two results of one layer; there is no code to call. From the layer's --input and --weights
each entry has its own tolerance.
"""

from pathlib import Path

import numpy as np

from compare.check import LayerCase, run_forward
from compare.implementations import CELLS, guess_cell, read_array, read_layer, read_target
from compare.pairs.cases import list_cases
from compare.pairs.config import PairConfig
from compare.parity import Comparison, ParityReport, show_parity, tabulate, tolerances
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
    layer = CELLS[case.cell].scratch_layer
    _, tolerance = tolerances(lambda move: run_forward(layer, case, move), seed=case.seed)
    allowed = tolerance[like]
    terminal.line(f"{like} of {CELLS[case.cell].title}: {case.describe()}")
    terminal.line("Each entry has its own tolerance, from your input and weights.", "dim")
    terminal.line()
    reference = run_forward(layer, case.convert_to_float64())[like]
    axis = 0 if like == "output" else None
    wider = np.result_type(a, b)  # so that neither is rounded
    one, other = a.astype(wider), b.astype(wider)
    compared = Comparison(like, one, other, allowed, axis, reference=reference)
    report = tabulate([compared])
    show_parity(report, terminal, ("A", "B"))
    if not compared.ok:
        described = compared.describe().replace("expected", "A has").replace("got", "B has")
        terminal.line(f"First difference: {described}")
    sides = [Comparison(like, reference, side.astype(np.float64), allowed) for side in (a, b)]
    if not any(side.ok for side in sides):
        off = f"A is {sides[0].difference:.1e} off, B {sides[1].difference:.1e}"
        terminal.line(
            f"Neither A nor B is {like} of this input and these weights in float64: {off}. "
            f"Its axes are ({', '.join(AXES[like])})."
        )
    return report


def _find_case(config: PairConfig, like: str, dtype: str, shape: tuple[int, ...]) -> LayerCase:
    """Return a case whose result has this shape, with the user's input and weights."""
    if len(shape) != len(AXES[like]):
        raise UsageError(f"expected {like} of shape ({', '.join(AXES[like])}), got {shape}")
    if config.weights is None or config.input is None:
        raise UsageError("expected --weights and --input of the layer with --like")
    file = read_target(str(config.weights))
    weights = read_layer(file.path, file.name)
    cell = guess_cell(weights, config.cell)
    if like == "c_n" and "c" not in cell.layer_states:
        raise UsageError(f"expected --like of a result of {cell.title}, got {like}")
    of_arrays = dict(zip(AXES[like], shape, strict=True))
    fields = {"dtype": dtype, "seed": config.seed, "nonlinearity": config.nonlinearity}
    return list_cases(config, cell, weights, of_arrays, **fields, h0=False)[0]
