"""Properties as tests: a comparison that does not hold becomes the failure that a reader sees."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.check.cases.comparison import table_of
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import Results, alike, rounding, run, to_rounding
from compare.check.classes.features import PROPERTIES
from compare.check.classes.layers import Layers
from compare.check.properties.layer_property import LayerProperty
from compare.check.worker.client import Trouble
from compare.parity import SAFETY
from compare.parity.rows import ParityReport, ParityRow, compare_results
from tests import tally
from tests.counts import number
from tests.passed import leave_out


def demand(report: ParityReport, claim: str, case: object, *, measured: bool = True) -> None:
    """Fail unless every row of the report holds; remember how near it came, if that is measured."""
    for row in report.rows:
        if measured and row.allowed > 0 and np.isfinite(row.share):
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


def keeps(law: LayerProperty, implementation: Any, case: LayerCase) -> None:
    """Fail unless a class keeps a law in this case; none is broken by refusing to be tried."""
    leave_out(implementation, case, **law.needs)
    try:
        found = tuple(law.holds(implementation, case))
        if number(quick=0, deep=1) and any(c.difference for cs in found for c in cs):
            rounding(case)  # how near it came
            found = tuple(law.holds(implementation, case))
        for comparisons in found:
            if isinstance(implementation, Layers):  # the same bits are error_handling, and no law
                comparisons = tuple(to_rounding(c, case) for c in comparisons)
            measured = "rounding" in vars(case)
            if measured or not comparisons or not all(c.ok for c in comparisons):
                report = table_of(comparisons)
                demand(report, f"{law.name}: {law.statement}", case, measured=measured)
    except Trouble as trouble:
        if law in PROPERTIES:
            raise NotImplementedError(str(trouble)) from None
        raise


def against(
    reference: Results, implementation: Any, case: LayerCase, smallest: float = 0.0
) -> ParityReport:
    """Compare a class's results with a reference, as far as rounding and underflow explain.

    Results below `smallest` may have become zero on either side.
    """
    leave_out(implementation, case)
    allowed = {name: array + SAFETY * smallest for name, array in rounding(case)[1].items()}
    return table_of(alike(reference, run(implementation, case), case, lambda _: allowed))
