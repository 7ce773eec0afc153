"""Check a row's results: they may differ from scratch's results only by rounding.

The tolerance comes from `compare.parity`: the same computation runs again with perturbed floats,
and the change of its results shows the effect of rounding.
"""

import math

import numpy as np

import scratch_rnn
from compare import parity
from compare.bench.workload.case import Arrays, Case, LayerInputs, widen
from compare.bench.workload.shapes import BACKWARD, GENERATION, STEP
from compare.implementations import ForwardPass, Results, implementation


class ResultCheck:
    """Checks all rows on one case. It computes the tolerances when they are first needed."""

    def __init__(self, case: Case, *, seed: int = 0) -> None:
        self._case = case
        self._seed = seed
        self._allowed: dict[str, Results] = {}
        self._references: dict[str, Arrays] = {}

    def objection(self, phase: str, scratch: Arrays, other: Arrays) -> str | None:
        """Return why a row's results are refused, or None if they are right within rounding."""
        allowed = self.allowed(phase)
        report = parity.compare_results(
            scratch, other, {n: allowed.get(n, np.zeros(())) for n in scratch}
        )
        if report.ok:
            return None
        if not report.failures:
            vague = next(row for row in report.rows if not row.ok)
            return f"{vague.name}: rounding alone could change it by 100 %"
        worst = max(report.failures, key=lambda row: (math.isnan(row.share), row.share))
        if worst.problem:
            return f"{worst.name}: {worst.problem}"
        share = f"{worst.share:,.1f}" if worst.share < 1e6 else f"{worst.share:.1e}"
        return (
            f"{worst.name} differs by {worst.difference:.1e}, {share} times the "
            f"tolerance of {worst.allowed:.1e}"
        )

    def allowed(self, phase: str) -> Results:
        """Return the largest difference from scratch that is allowed for each entry."""
        case, whole = self._case, _whole(phase)
        if whole not in self._allowed:
            _, self._allowed[whole] = parity.tolerances(
                lambda move: _computation(case, move, whole), seed=self._seed
            )
        return self._allowed[whole]

    def errors(self, phase: str, results: Arrays) -> dict[str, float]:
        """Return the relative RMS errors of a row's results.

        They are compared with scratch in float64. A text has no errors. Results in float64 have
        none either, because no reference is more precise.
        """
        if phase == GENERATION or self._case.dtype == "float64":
            return {}
        whole = _whole(phase)
        if whole not in self._references:
            self._references[whole] = _computation(widen(self._case), parity.Unmoved.RESULTS, whole)
        reference = self._references[whole]
        return {
            name: parity.rms(parity.absolute_difference(array, exact)) / parity.rms(exact)
            for name, array in results.items()
            if (exact := reference[name]).any()
        }


def _whole(phase: str) -> str:
    """Return the phase whose results include the results of this one."""
    return phase if phase == GENERATION else STEP


def _computation(case: Case, move: parity.Move, phase: str) -> Arrays:
    """Compute all results of a phase with scratch, with every float passed through `move`."""
    if isinstance(case, LayerInputs):
        scratch = implementation("scratch", case.shape.cell)
        scratch.load(move(case.parameters), **case.shape.options)
        output, state, tape = scratch.forward(move(case.x), move(case.state))
        passed = ForwardPass(output.copy(), state, move(tape))
        gradients = scratch.backward(passed, move(case.d_output))
        value = passed.output, state, gradients.x, gradients.parameters
        return case.jobs({BACKWARD: lambda: value})[BACKWARD].results(value)
    if phase == GENERATION:
        model = case.scratch(move(case.generation_parameters))
        return case.generated(scratch_rnn.predict(case.first, case.num_preds, model, case.vocab))
    return parity.run_step(case.scratch(), case.batch, case.state, case.settings, move)
