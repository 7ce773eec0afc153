"""A judge for whoever wrote an RNN by hand: what is wrong with it, where, and by which law.

Each `Check` states a law and tries it on a fixed set of cases, each drawn from a seed of its own.
Where torch knows the answer, the answer is torch's, and the allowance is what rounding does to the
case (`compare.parity.tolerance`), measured on our own implementation. Nothing here depends on
chance, and a verdict takes about a second: it is what `rnn-parity break` shows. The test suite
searches far wider.

>>> import scratch_rnn
>>> judge(scratch_rnn) is None
True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from compare.check import cell_laws, comparison_laws, layer_laws, text_laws, training_laws
from compare.check.student import student_package
from compare.check.verdict import Check, Comparison, Finding, Outcome, table_of

__all__ = [
    "CHECKS",
    "COMPARISON_CHECKS",
    "Check",
    "Comparison",
    "Finding",
    "Outcome",
    "findings",
    "judge",
    "student_package",
    "table_of",
    "try_check",
]

CHECKS = tuple(
    Check(law)
    for law in (
        layer_laws.layer_as_torch,
        layer_laws.one_hot_as_dense,
        layer_laws.padded_as_packed,
        layer_laws.dropout_masks,
        layer_laws.arguments_unchanged,
        layer_laws.second_backward,
        layer_laws.many_tapes,
        layer_laws.any_memory_layout,
        layer_laws.cut_anywhere,
        layer_laws.saturated,
        layer_laws.relu_at_zero,
        layer_laws.empty_batch,
        layer_laws.refusals,
        layer_laws.initial_parameters,
        cell_laws.gru_as_torch,
        cell_laws.lstm_as_torch,
        cell_laws.saturated_gates,
        cell_laws.gates_leave_arguments_alone,
        training_laws.cross_entropy,
        training_laws.perplexity,
        training_laws.clipping,
        training_laws.update,
        training_laws.step_as_torch,
        training_laws.updates_as_torch,
        training_laws.epochs_as_torch,
        training_laws.threads,
        training_laws.prediction_as_torch,
        text_laws.batches,
        text_laws.vocabulary,
    )
)
"""The laws, from the single layer to the whole, in the order in which they are tried."""


COMPARISON_CHECKS = tuple(
    Check(law)
    for law in (
        comparison_laws.equals_pass,
        comparison_laws.differences_are_refused,
        comparison_laws.nan_is_refused,
        comparison_laws.shapes_and_names_are_refused,
        comparison_laws.copies_are_copies,
    )
)
"""The laws for a package like `compare`, which judges others."""


def judge(package: Any, checks: Sequence[Check] = CHECKS) -> Finding | None:
    """Return the first law that a package breaks, None if it keeps them all.

    Parameters
    ----------
    package : module or namespace
        With the public names of `scratch_rnn`; `student_package` makes one of a single class.
    checks : sequence of Check
        The laws, in the order in which they are tried.
    """
    return next(findings(package, checks), None)


def findings(package: Any, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Yield a finding for each law that a package breaks."""
    for check in checks:
        finding = try_check(check, package)
        if finding is not None:
            yield finding


def try_check(check: Check, package: Any) -> Finding | None:
    """Return the first case in which the package breaks this law."""
    cases = 0
    with np.errstate(all="ignore"):
        outcomes = check.outcomes(package)
        while True:
            cases += 1
            try:
                outcome = next(outcomes, None)
            except Exception as error:
                detail = f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}"
                return Finding(check, cases, "", "", None, detail)
            if outcome is None:
                return None
            if outcome.complaint:
                what, _, detail = outcome.complaint.partition(": ")
                return Finding(check, cases, outcome.case, what, None, detail)
            wrong = next((c for c in outcome.comparisons if not c.ok), None)
            if wrong is not None:
                return Finding(
                    check,
                    cases,
                    outcome.case,
                    wrong.tensor,
                    wrong.step,
                    wrong.describe(),
                    outcome.comparisons,
                )
