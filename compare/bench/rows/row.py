"""A row of the table: one implementation on one device with one set of settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from compare.bench.workload.case import Case
from compare.bench.workload.job import Job
from compare.parity import Cell

FLOAT32_GAPS, TF32_GAPS = 1, 2**13
"""Precision of the arithmetic in ulps of float32: TF32 has 13 bits fewer."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU that PyTorch can use."""

    name: str  # name of the model, such as "NVIDIA H100"
    torch_name: str  # name in PyTorch, such as "cuda"


class Row(ABC):
    """An implementation that can be measured."""

    name: str
    """Name of the row in ``--rows``."""
    label: str
    """Name of the row in the table."""
    place: int = 2
    """Place in the table: rows with smaller numbers come first."""
    style: Mapping[str, Any] = MappingProxyType({})
    """Its line in the pictures: see `line`."""
    compiles: bool = False
    """Whether its first call at each shape compiles. The table shows this time separately."""
    gaps: int = FLOAT32_GAPS
    """Precision of its arithmetic, in ulps of float32."""

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why the row is not available for this dtype and cell, or None if it is."""
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


def line(color: str, marker: str, linewidth: float = 1.3, **others: Any) -> Mapping[str, Any]:
    """Return the style of a line in the pictures, as arguments of ``Axes.plot``.

    Choose a colour that colour-blind people can tell apart from the others, and a marker of its own
    for print in black and white.
    """
    return {"color": color, "marker": marker, "linewidth": linewidth, **others}


def no_cell(cell: Cell, known: bool) -> str | None:
    """Return the reason why a row is not available if it does not know the cell."""
    return None if known else f"it has no {cell.layer}"
