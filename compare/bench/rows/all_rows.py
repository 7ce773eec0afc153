"""All rows, in the order of the table, and the rows of one benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from compare.bench import rows as package
from compare.bench.rows.row import Device, Row
from compare.bench.workload.work import REFERENCE, SCRATCH
from compare.parity import Cell, DeviceError
from compare.terminal import UsageError


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
    names: Sequence[str], dtype: str, cell: Cell, device: Device | None
) -> tuple[list[Row], list[str]]:
    """Return the rows with these names (no names: all rows), and a note on each that is left out.

    Refused if a name is unknown, no row is available, or a row needs a GPU and there is none.
    """
    rows = all_rows(device)
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
    return present, [f"{row.label}, left out: {why}" for row, why in reasons.items() if why]
