"""A judge for whoever wrote an RNN by hand: what is wrong with it, where, and by which law.

Each `Check` states a law and tries it on a fixed set of cases, each drawn from a seed of its own.
Where torch knows the answer, the answer is torch's, and the tolerance is what rounding does to the
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

from compare.check.cases.comparison import Check, Comparison, Finding, Outcome, table_of
from compare.check.properties import against_torch as against_torch
from compare.check.properties import error_handling
from compare.check.properties import of_comparison as of_comparison
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_sequences as of_sequences
from compare.check.properties import of_text as of_text
from compare.check.properties import of_training as of_training
from compare.check.properties.layer_property import LayerProperty
from compare.check.properties.package import student_package

__all__ = [
    "CHECKS",
    "COMPARISON_CHECKS",
    "PROPERTIES",
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

PROPERTIES = (*against_torch.PROPERTIES, *of_layers.PROPERTIES, *of_sequences.PROPERTIES)
"""The properties of a single layer, in the order in which they are tried."""

CHECKS: tuple[Check | LayerProperty, ...] = (
    *PROPERTIES,
    *map(
        Check,
        (
            error_handling.drawn_masks,
            error_handling.refusals,
            error_handling.initial_parameters,
            of_training.cross_entropy,
            of_training.perplexity,
            of_training.clipping,
            of_training.update,
            of_training.step_as_torch,
            of_training.updates_as_torch,
            of_training.epochs_as_torch,
            of_training.threads,
            of_training.prediction_as_torch,
            of_text.batches,
            of_text.vocabulary,
        ),
    ),
)
"""The properties, from the single layer to the whole, in the order in which they are tried."""


COMPARISON_CHECKS: tuple[Check | LayerProperty, ...] = tuple(
    Check(law)
    for law in (
        of_comparison.equals_pass,
        of_comparison.differences_are_refused,
        of_comparison.nan_is_refused,
        of_comparison.shapes_and_names_are_refused,
        of_comparison.copies_are_copies,
    )
)
"""The properties for a package like `compare`, which judges others."""


def judge(package: Any, checks: Sequence[Check | LayerProperty] = CHECKS) -> Finding | None:
    """Return the first law that a package breaks, None if it keeps them all.

    Parameters
    ----------
    package : module or namespace
        With the public names of `scratch_rnn`; `student_package` makes one of a single class.
    checks : sequence of Check
        The properties, in the order in which they are tried.
    """
    return next(findings(package, checks), None)


def findings(package: Any, checks: Sequence[Check | LayerProperty] = CHECKS) -> Iterator[Finding]:
    """Yield a finding for each law that a package breaks."""
    for check in checks:
        finding = try_check(check, package)
        if finding is not None:
            yield finding


def try_check(check: Check | LayerProperty, package: Any) -> Finding | None:
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
