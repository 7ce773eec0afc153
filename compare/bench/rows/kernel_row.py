"""The recurrences as Triton kernels, `scratch_rnn.kernels`: on a GPU, or in Triton's interpreter.

In the interpreter (TRITON_INTERPRET=1) a kernel runs on the CPU. Its results are checked, but its
time says nothing about a GPU, so it gets none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from compare.bench.rows.cuda_rows import OnCuda, Recorded
from compare.bench.rows.row import Device, Row, line
from compare.bench.rows.torch_rows import TorchRow, load
from compare.bench.workload.case import Arrays, Case, LayerInputs
from compare.bench.workload.job import Job
from compare.bench.workload.work import GENERATION
from compare.parity import CELLS, Cell

LABELS = {
    "kernel": "GPU, kernel by hand",
    "kernel-graph": "GPU, kernel by hand, CUDA graph",
}
"""Each of them is also a row with TF32: its name ends in -tf32."""

STYLES = {"kernel": ("#1b9e77", "X"), "kernel-graph": ("#a50026", "P")}


def rows(device: Device | None) -> list[Row]:
    """Return the rows on a device; without one that in the interpreter, if it is switched on."""
    if device is None:
        return [Interpreted()] if os.environ.get("TRITON_INTERPRET") == "1" else []
    return [Kernel(device, name, tf32=tf32) for name in LABELS for tf32 in (False, True)]


class Interpreted(TorchRow):
    """The kernels in Triton's interpreter."""

    name, label = "kernel", "Triton's interpreter, kernel by hand"
    style = line(*STYLES["kernel"])
    place = 4
    cells = ("rnn", "gru", "lstm")
    input_precision = "ieee"
    untimed = "its results are right, and Triton's interpreter shows no time of a GPU"

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why there is no kernel for this dtype and cell, or None."""
        try:
            import_module("triton")
        except ImportError:
            return "it needs Triton, which is for Linux (pip install 'rnn-parity[kernel]')"
        if dtype != "float32":
            return f"the kernels need dtype float32, and this is {dtype}"
        return super().missing(dtype, cell)

    def make_layer(self, case: Case, parameters: Arrays) -> Any:
        """Return the layer with a copy of the parameters."""
        shape, kernels = case.shape, import_module("scratch_rnn.kernels")
        layer = getattr(kernels, CELLS[shape.cell].layer)
        found = layer(shape.V, shape.H, input_precision=self.input_precision, device=self.device)
        load(found, parameters)
        return found

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return all phases but generation, whose sequences have one step; nothing for ReLU."""
        if case.shape.nonlinearity != "tanh":
            return {}
        jobs = super().prepare(case)
        jobs.pop(GENERATION, None)
        return jobs


class Kernel(OnCuda, Interpreted):
    """The kernels on a CUDA device, started from Python or by a CUDA graph."""

    labels, styles = LABELS, STYLES
    untimed = ""

    def __init__(self, device: Device, name: str, *, tf32: bool) -> None:
        super().__init__(device, name, tf32=tf32)
        self.input_precision = "tf32" if tf32 else "ieee"

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        """Return the phases of a layer, perhaps each as a CUDA graph."""
        jobs, ready = super().layer(case), self.made_ready
        return {p: Job(ready(job.run), job.results, job.inputs) for p, job in jobs.items()}

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases; with a CUDA graph those of a layer."""
        is_layer = isinstance(case, LayerInputs)
        return super().prepare(case) if is_layer or self.kind == "kernel" else {}

    def made_ready(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return the run, or a CUDA graph of it."""
        return Recorded(run) if self.kind == "kernel-graph" else run
