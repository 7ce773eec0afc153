"""Check a row's results: they may differ from scratch's results only by rounding.

The tolerance comes from `compare.parity.tolerance`: the same computation runs again with moved
floats, and the change of its results shows the effect of rounding. TF32 has 10 bits of mantissa
instead of 23. So for rows in TF32 the floats are moved further: by a relative 2^-11 … 2^-10.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

import scratch_rnn
from compare.bench.workload.case import (
    LR,
    MAX_NORM,
    NUM_PREDS,
    Arrays,
    Case,
    LayerCase,
    first_token,
    in_float64,
    layer_gradients,
    layer_results,
    scratch_layer,
    scratch_model,
    text_results,
)
from compare.bench.workload.work import GENERATION
from compare.parity import (
    Move,
    absolute_difference,
    compare_results,
    rms,
    scratch_step,
    tolerances,
    unmoved,
)

FLOAT32_GAPS, TF32_GAPS = 1, 2**13
"""How far a float is moved, in ulps of float32; TF32 has 13 bits fewer."""


class Gate:
    """Checks all rows on one case. It computes the tolerances when they are first needed."""

    def __init__(self, case: Case, *, seed: int = 0) -> None:
        self._case = case
        self._seed = seed
        self._allowed: dict[tuple[bool, int], dict[str, np.ndarray]] = {}
        self._truth: Arrays | None = None

    def objection(
        self, phase: str, scratch: Arrays, other: Arrays, *, gaps: int = FLOAT32_GAPS
    ) -> str | None:
        """Return why a row's results cannot be called right, or None if they can.

        Parameters
        ----------
        phase : str
        scratch, other : mapping of str to ndarray
            The results of scratch and of the row.
        gaps : int
            Precision of the row's arithmetic, in ulps of float32.
        """
        allowed = self.allowed(phase, gaps)
        report = compare_results(scratch, other, {n: allowed.get(n, np.zeros(())) for n in scratch})
        if not report.rows:
            return "no results to compare"
        if report.ok:
            return None
        if not report.failures:
            vague = next(row for row in report.rows if not row.ok)
            return f"{vague.name}: rounding alone may change it by its own size"
        worst = max(report.failures, key=lambda row: (math.isnan(row.share), row.share))
        if worst.problem:
            return f"{worst.name}: {worst.problem}"
        return (
            f"{worst.name} differs by {worst.difference:.1e}, {worst.share:,.1f} times what "
            f"rounding explains ({worst.allowed:.1e})"
        )

    def allowed(self, phase: str, gaps: int = FLOAT32_GAPS) -> dict[str, np.ndarray]:
        """Return the largest difference from scratch that is allowed for each entry."""
        case, generates = self._case, phase == GENERATION
        key = generates, gaps
        if key not in self._allowed:
            _, self._allowed[key] = tolerances(
                lambda move: _computation(case, move, generates=generates),
                seed=self._seed,
                gaps=gaps,
            )
        return self._allowed[key]

    def errors(self, phase: str, results: Arrays) -> dict[str, float]:
        """Return how far a row's results are from the truth, as relative RMS errors.

        The truth is the same computation by scratch in float64. A text has no such error, and the
        truth about results in float64 is not known: then there are no errors.
        """
        if phase == GENERATION or self._case.dtype == "float64":
            return {}
        if self._truth is None:
            self._truth = _computation(in_float64(self._case), unmoved, generates=False)
        return {
            name: rms(absolute_difference(array, self._truth[name])) / rms(self._truth[name])
            for name, array in results.items()
            if self._truth[name].any()
        }


def _computation(case: Case, move: Move, *, generates: bool) -> Arrays:
    """Compute all results of a case, with every float passed through `move`."""
    if isinstance(case, LayerCase):
        return scratch_layer_results(replace(case, parameters=move(case.parameters)), move)
    if generates:
        model = scratch_model(case, move(case.generation_parameters))
        return text_results(
            case, scratch_rnn.predict(first_token(case), NUM_PREDS, model, case.vocab)
        )
    return scratch_step(scratch_model(case), case.batch, case.state, LR, MAX_NORM, move)


def scratch_layer_results(case: LayerCase, move: Move) -> Arrays:
    """Run a layer forward and backward."""
    rnn = scratch_layer(case)
    output, state, tape = rnn.forward(move(case.x), move(case.state))
    results = layer_results(output.copy(), state)
    gradients = rnn.backward(move(tape), move(case.d_output))
    return results | layer_gradients(gradients.x, gradients.parameters)
