"""What a row of the table is: one implementation, on one device, in one setting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

from compare.bench.case import Case, Job
from compare.bench.gate import FLOAT32_GAPS


class Row(ABC):
    """An implementation that can be measured."""

    name: str
    """What ``--rows`` calls it."""
    label: str
    """What the table calls it."""
    compiles: bool = False
    """Whether its first call at each shape compiles, which may take long and is told apart."""
    gaps: int = FLOAT32_GAPS
    """How coarse its arithmetic is, in gaps between float32 numbers."""

    def missing(self, dtype: str) -> str | None:
        """Return why the row can't be had here, or None if it can."""
        return None

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Put the row's settings in force while the body runs; what is set is put back after."""
        return nullcontext()

    def rest(self, threads: int) -> float:
        """Return for how many seconds its threads may go on watching for work after a block."""
        return 0.0

    @abstractmethod
    def prepare(self, case: Case) -> dict[str, Job]:
        """Return a job for each phase that the row knows, with parameters of its own."""
