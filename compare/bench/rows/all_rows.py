"""All possible rows, in the order of the table."""

from __future__ import annotations

from collections.abc import Sequence

from compare.bench.rows.cuda_rows import CUDA_NAMES, Device, cuda_rows
from compare.bench.rows.jax_row import Jax
from compare.bench.rows.numpy_rows import Plain, Scratch
from compare.bench.rows.onnx_row import Onnx
from compare.bench.rows.page_row import TorchPage
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchCells, TorchCompiled, TorchRow
from compare.parity import DeviceError
from compare.terminal import UsageError

SCRATCH = Scratch.name
REFERENCE = TorchRow.name
"""PyTorch on the CPU. Scratch is checked against it, and ratios are relative to its times."""


def all_rows(device: Device | None) -> list[Row]:
    """Return every row; the rows on a GPU only if there is a device."""
    rows: list[Row] = [Plain(), Scratch(), TorchRow(), TorchCells(), TorchCompiled()]
    rows += [TorchPage(), Jax(), Onnx()]
    return rows + list(cuda_rows(device) if device else [])


def choose_rows(
    names: Sequence[str], dtype: str, device: Device | None
) -> tuple[list[Row], list[str]]:
    """Return the rows with these names (no names: all rows), and notes on rows that are left out.

    Raises
    ------
    UsageError
        If a name is unknown, or no row is available.
    DeviceError
        If a row on a GPU is requested and there is no GPU.
    """
    rows = all_rows(device)
    if device is None:
        missing = [name for name in names if name in CUDA_NAMES]
        if missing:
            raise DeviceError(f"expected a CUDA device for --rows {missing[0]}, got none")
    unknown = [name for name in names if name not in {row.name for row in rows}]
    if unknown:
        known = ", ".join(row.name for row in rows)
        raise UsageError(f"expected --rows among {known}, got {unknown[0]!r}")
    chosen = [row for row in rows if not names or row.name in names]
    reasons = {row.label: row.missing(dtype) for row in chosen}
    present = [row for row in chosen if reasons[row.label] is None]
    if not present:
        told = "; ".join(f"{label}: {reason}" for label, reason in reasons.items())
        raise UsageError(f"expected at least one row that is available, got {told}")
    return present, [
        f"{label} is left out: {reason}" for label, reason in reasons.items() if reason
    ]
