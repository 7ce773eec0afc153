"""Properties as tests: a comparison that fails becomes the failure of a test."""

import numpy as np

from compare.check import match_within, rounding, run
from compare.check.cases.layer_results import is_measured
from compare.parity import SAFETY, compare_results, tabulate
from tests import counts


def demand(report, claim, case, *, measured=True):
    """Fail unless every row of the report agrees; note the largest share, if it is measured."""
    for row in report.rows:
        if measured and row.allowed > 0 and np.isfinite(row.share):
            counts.note_ratio(row.share, f"{row.name}, {case}")
    if not report.rows or report.failures:
        lines = [f"violated: {claim}", f"  {case}"]
        raise AssertionError("\n".join(lines + [describe(row) for row in report.failures]))


def describe(row):
    if row.problem:
        return f"  {row.name}: {row.problem}"
    return (
        f"  {row.name} {row.shape}: differs by {row.difference:.3g}, tolerance "
        f"{row.allowed:.3g}; first at {list(row.at)}"
    )


def identical(results, others):
    """Compare bit for bit: the tolerance is zero."""
    return compare_results(results, others, dict.fromkeys(results, 0.0))


def demand_property(tried, implementation, case):
    """Fail if a class violates a property in this case."""
    found = tuple(tried.holds(implementation, case))
    if counts.number(quick=0, deep=1) and any(c.difference for cs in found for c in cs):
        rounding(case)  # measure the share of the tolerance
        found = tuple(tried.holds(implementation, case))
    for comparisons in found:
        measured = is_measured(case)
        if measured or not comparisons or not all(c.ok for c in comparisons):
            report = tabulate(comparisons)
            statement = tried.holds.__doc__.partition("\n")[0]
            demand(report, f"{tried.name}: {statement}", case, measured=measured)


def against(reference, implementation, case, smallest=0.0):
    """Compare a class's results with a reference, within rounding and underflow.

    Results below `smallest` may have become zero on either side.
    """
    allowed = {name: array + SAFETY * smallest for name, array in rounding(case)[1].items()}
    return tabulate(match_within(allowed, reference, run(implementation, case), case))
