"""A row of the table: one implementation on one device with one set of settings."""

import importlib.util
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from compare.bench import rows as package
from compare.bench.workload.case import Case, Job, LayerInputs, ModelInputs
from compare.bench.workload.shapes import NOT_MEASURED, REFERENCE, SCRATCH
from compare.implementations import Cell
from compare.parity import DeviceError
from compare.terminal import PACKAGE, UsageError

FLOAT32_GAPS, TF32_GAPS = 1, 2**13
"""Precision of the arithmetic in ulps of float32: TF32 has 13 bits fewer."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU that PyTorch can use."""

    name: str  # name of the model, such as "NVIDIA H100"
    torch_name: str  # name in PyTorch, such as "cuda"


class Row:
    """An implementation that can be measured."""

    name: str  # in ``--rows``
    label: str  # in the table
    place: int = 2  # in the table: rows with smaller numbers come first
    style: Mapping[str, Any] = MappingProxyType({})  # its line in the pictures: see `line`
    compiles: bool = False  # at the first call of each shape; the table shows this time separately
    gaps: int = FLOAT32_GAPS  # precision of its arithmetic, in ulps of float32
    cells: Collection[str] | None = None  # names of the cells that it has; None: all
    only_float32: str = ""  # what needs this dtype: "its layers need"; empty if nothing does
    packages: tuple[str, ...] = ()  # needed packages, from an optional extra with the row's name
    idle: float = 0.0  # seconds for which its idle threads, if there are several, keep a core busy
    untimed: str = ""  # why it gets no time, although its results are right

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why the row is not available for this dtype and cell, or None if it is."""
        if self.only_float32 and dtype != "float32":
            return f"{self.only_float32} dtype float32, and this is {dtype}"
        if any(importlib.util.find_spec(name) is None for name in self.packages):
            return f"it is not installed (pip install '{PACKAGE}[{self.name}]')"
        known = self.cells is None or cell.name in self.cells
        return None if known else f"it has no {cell.layer}"

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Apply the row's settings inside the ``with`` block; restore the old ones afterwards."""
        return nullcontext()

    def rest(self, threads: int) -> float:
        """Return the rest after a block, in seconds."""
        return self.idle if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return a job for each phase of the row, with its own copy of the parameters."""
        return self.layer(case) if isinstance(case, LayerInputs) else self.model(case)

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        """Return the phases of a layer."""
        return {}

    def model(self, case: ModelInputs) -> dict[str, Job]:
        """Return the phases of a model."""
        return {}


def line(color: str, marker: str, linewidth: float = 1.3, **others: Any) -> Mapping[str, Any]:
    """Return the style of a line in the pictures, as arguments of ``Axes.plot``.

    Choose a colour that colour-blind people can tell apart from the others, and a marker of its own
    for print in black and white.
    """
    return {"color": color, "marker": marker, "linewidth": linewidth, **others}


def all_rows(device: Device | None) -> list[Row]:
    """Return every row; the rows on a GPU only if there is a device."""
    names = [module.name for module in iter_modules(package.__path__)]
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    found = [row for m in modules if hasattr(m, "LABELS") for row in m.rows(device)]
    return sorted(found, key=lambda row: row.place)


def checkers() -> list[Row]:
    """Return scratch and PyTorch on the CPU: every check needs both."""
    return [row for row in all_rows(None) if row.name in (SCRATCH, REFERENCE)]


def choose_rows(
    names: Sequence[str],
    dtype: str,
    cell: Cell,
    device: Device | None,
    targets: Sequence[Row] = (),
) -> tuple[list[Row], list[str]]:
    """Return the rows with these names (none: all rows), and a note on each that is left out.

    `targets` are rows of the user's, beside those of this project.
    """
    rows = [*all_rows(device), *targets]
    known = [row.name for row in rows]
    for name in names:
        if name not in known:
            if device is None and name in [row.name for row in all_rows(Device("", ""))]:
                raise DeviceError(f"expected a CUDA device for --rows {name}, got none")
            raise UsageError(f"expected --rows among {', '.join(known)}, got {name!r}")
    reasons = {row: row.missing(dtype, cell) for row in rows if not names or row.name in names}
    present = [row for row, reason in reasons.items() if reason is None]
    if not present:
        listed = "; ".join(f"{row.label}: {reason}" for row, reason in reasons.items())
        raise UsageError(f"expected at least one row that is available, got {listed}")
    return present, [f"{row.label}{NOT_MEASURED}{why}" for row, why in reasons.items() if why]
