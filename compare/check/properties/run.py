"""Try all properties on a package: which one is violated, in which case, in which tensor.

Each property is tried on a fixed set of cases, each drawn from its own seed. If PyTorch has the
same computation, the expected results are PyTorch's, and the tolerance of each entry is measured on
our own implementation (`compare.parity.tolerance`). So the result is the same each time.
The test suite searches much further.

>>> import scratch_rnn
>>> check_package(scratch_rnn) is None
True
"""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.check.properties import against_torch as against_torch
from compare.check.properties import of_comparison as of_comparison
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_memory as of_memory
from compare.check.properties import of_models as of_models
from compare.check.properties import of_sequences as of_sequences
from compare.check.properties import of_training as of_training
from compare.check.properties.property import Finding, Property
from compare.implementations import Package

MODULES = (against_torch, of_layers, of_sequences, of_memory, of_models, of_training)
PROPERTIES = tuple(each for module in MODULES for each in module.PROPERTIES)
"""All properties of a package like `scratch_rnn`, from the single layer to a training."""


def check_package(package: Package, properties: Sequence[Property] = PROPERTIES) -> Finding | None:
    """Return the first property that a package like `scratch_rnn` violates, or None."""
    return next(list_findings(package, properties), None)


def list_findings(
    package: Package, properties: Sequence[Property] = PROPERTIES
) -> Iterator[Finding]:
    """Yield a finding for each property that a package violates."""
    for each in properties:
        finding = check_property(each, package)
        if finding is not None:
            yield finding


def check_property(tried: Property, package: Package) -> Finding | None:
    """Return the first case in which the package violates this property, or None."""
    cases = 0
    with np.errstate(all="ignore"):
        outcomes = tried.outcomes(package)
        while True:
            cases += 1
            try:
                outcome = next(outcomes, None)
            except Exception as error:
                detail = f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}"
                return Finding(tried, cases, "", "", None, detail)
            if outcome is None:
                return None
            case, comparisons = outcome.case, outcome.comparisons
            if outcome.complaint:
                what, _, detail = outcome.complaint.partition(": ")
                return Finding(tried, cases, case, what, None, detail)
            wrong = next((c for c in comparisons if not c.ok), None)
            if wrong is not None:
                found = wrong.tensor, wrong.step, wrong.describe()
                return Finding(tried, cases, case, *found, comparisons)
