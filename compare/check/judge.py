"""A judge for whoever wrote an RNN by hand: what is wrong with it, where, and by which law.

Each `Check` states a law and tries it on a fixed set of cases, each drawn from a seed of its own.
Where torch knows the answer, the answer is torch's, and the allowance is what rounding does to the
case (`compare.parity.tolerance`), measured on our own implementation. Nothing here depends on
chance. A verdict takes less than a second where an early law is broken, and some seconds where none
is. It is what `rnn-parity break` shows. The test suite searches far wider.

>>> import scratch_rnn
>>> judge(scratch_rnn) is None
True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from compare.check import (
    comparison_laws,
    layer_laws,
    manners,
    sequence_laws,
    text_laws,
    torch_laws,
    training_laws,
)
from compare.check.law import Law
from compare.check.student import student_package
from compare.check.verdict import Check, Comparison, Finding, Outcome, table_of

__all__ = [
    "CHECKS",
    "COMPARISON_CHECKS",
    "LAWS",
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

LAWS = (*torch_laws.LAWS, *layer_laws.LAWS, *sequence_laws.LAWS)
"""The laws of a single layer, in the order in which they are tried."""

CHECKS: tuple[Check | Law, ...] = (
    *LAWS,
    *map(
        Check,
        (
            manners.drawn_masks,
            manners.refusals,
            manners.initial_parameters,
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
        ),
    ),
)
"""The laws, from the single layer to the whole, in the order in which they are tried."""


COMPARISON_CHECKS: tuple[Check | Law, ...] = tuple(
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


def judge(package: Any, checks: Sequence[Check | Law] = CHECKS) -> Finding | None:
    """Return the first law that a package breaks, None if it keeps them all.

    Parameters
    ----------
    package : module or namespace
        With the public names of `scratch_rnn`; `student_package` makes one of a single class.
    checks : sequence of Check
        The laws, in the order in which they are tried.
    """
    return next(findings(package, checks), None)


def findings(package: Any, checks: Sequence[Check | Law] = CHECKS) -> Iterator[Finding]:
    """Yield a finding for each law that a package breaks."""
    for check in checks:
        finding = try_check(check, package)
        if finding is not None:
            yield finding


def try_check(check: Check | Law, package: Any) -> Finding | None:
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
