"""A row of the table: one implementation on one device with one set of settings."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from compare.bench.workload.case import Case, Job, LayerInputs, ModelInputs
from compare.implementations import Cell
from compare.parity import StepSettings


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU that PyTorch can use."""

    name: str  # name of the model, such as "NVIDIA H100"
    torch_name: str  # name in PyTorch, such as "cuda"


class Row:
    """An implementation that can be measured."""

    name: str  # in ``--rows``
    label: str  # in the table
    compiles: bool = False  # at the first call of each shape; the table shows this time separately
    cells: Collection[str] | None = None  # names of the cells that it has; None: all
    idle: float = 0.0  # seconds for which its idle threads, if there are several, keep a core busy

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why the row is not available for this dtype and cell, or None if it is."""
        known = self.cells is None or cell.name in self.cells
        return None if known else f"it has no {cell.layer}"

    def list_unknown(self, settings: StepSettings) -> list[str]:
        """Return the options of a training step that the row does not have: it has no step then."""
        return []

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
