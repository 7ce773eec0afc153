"""All rows, and those that a benchmark measures."""

from collections.abc import Sequence

from compare.bench.rows.cuda_rows import CudaGraph, Cudnn, Kernel
from compare.bench.rows.numpy_rows import OneThread, Plain, Scratch
from compare.bench.rows.row import Device, Row
from compare.bench.rows.torch_rows import TorchCells, TorchCompiled, TorchPage, TorchRow
from compare.bench.workload.shapes import NOT_MEASURED
from compare.implementations import Cell
from compare.parity import DeviceError
from compare.terminal import UsageError


def all_rows(device: Device | None) -> list[Row]:
    """Return every row in the order of the table; the rows on a GPU only if there is a device."""
    rows: list[Row] = [Plain(), Scratch(), OneThread(), TorchRow()]
    rows += [TorchPage(), TorchCells(), TorchCompiled()]
    return rows if device is None else [*rows, Cudnn(device), CudaGraph(device), Kernel(device)]


def checkers() -> list[Row]:
    """Return scratch and PyTorch on the CPU: every check needs both."""
    return [Scratch(), TorchRow()]


def choose_rows(
    names: Sequence[str],
    dtype: str,
    cell: Cell,
    device: Device | None,
    targets: Sequence[Row] = (),
) -> tuple[list[Row], list[str]]:
    """Return the rows with these names (none: all rows), and a note on each that is left out.

    `targets` are the user's rows, beside this project's.
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
