"""A row of the table: one implementation on one device with one set of settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

from compare.bench.measure.gate import FLOAT32_GAPS
from compare.bench.workload.case import Case, Job


class Row(ABC):
    """An implementation that can be measured."""

    name: str
    """Name of the row in ``--rows``."""
    label: str
    """Name of the row in the table."""
    compiles: bool = False
    """Whether its first call at each shape compiles. The table shows this time separately."""
    gaps: int = FLOAT32_GAPS
    """Precision of its arithmetic, in ulps of float32."""

    def missing(self, dtype: str) -> str | None:
        """Return why the row is not available here, or None if it is."""
        return None

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Apply the row's settings inside the ``with`` block; restore the old ones afterwards."""
        return nullcontext()

    def rest(self, threads: int) -> float:
        """Return how many seconds its idle threads may keep a core busy after a block."""
        return 0.0

    @abstractmethod
    def prepare(self, case: Case) -> dict[str, Job]:
        """Return a job for each phase of the row, with its own copy of the parameters."""
