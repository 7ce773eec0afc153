"""The rows on a CUDA device, which answer "scratch or cuDNN?", in float32.

`cudnn` is PyTorch's layer. `cuda-graph` is the plain version on the same GPU (see `TorchPage`),
recorded in a CUDA graph, so that all its operations start at once. `kernel` is scratch_rnn's
kernels in Triton.

TF32 multiplies with 10 bits of mantissa, and cuDNN uses it by default. `disable_tf32` switches it
off: PyTorch has one setting for cuDNN's recurrent layers, and one for its own matrix products.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import nn

from compare.bench.rows import LABELS
from compare.bench.rows.row import Device, Row
from compare.bench.rows.torch_rows import CELL_FUNCTIONS, TorchPage, TorchRow, load
from compare.bench.workload.case import Arrays, Case, Job, TimedCall
from compare.bench.workload.shapes import GENERATION
from compare.implementations import CELLS, Cell

NO_DEVICE = (
    f"No CUDA device that PyTorch {torch.__version__} can use: the rows on a GPU are left out."
)


def find_device() -> Device | None:
    """Return the CUDA device, or None if PyTorch cannot use one."""
    if not torch.cuda.is_available():
        return None
    return Device(torch.cuda.get_device_name("cuda"), "cuda")


class OnCuda(Row):
    """The base of the rows on a CUDA device."""

    def __init__(self, device: Device) -> None:
        self.device = device.torch_name
        self.label = LABELS[self.name].replace("GPU", device.name)

    def settings(self, threads: int) -> AbstractContextManager[object]:
        return disable_tf32()


class Cudnn(OnCuda, TorchRow):
    """concise_rnn on a CUDA device, whose layers are cuDNN's."""

    name = "cudnn"
    cells = CELL_FUNCTIONS


class CudaGraph(OnCuda, TorchPage):
    """The plain version on a CUDA device, recorded in a CUDA graph."""

    name = "cuda-graph"

    def make_ready(self, run: TimedCall) -> TimedCall:
        """Return a CUDA graph of the run."""
        return Recorded(run)


@dataclass
class Recorded:
    """A run that is recorded in a CUDA graph when it is first called, and replayed from then on.

    A graph keeps the addresses of the tensors that the run reads, and not the tensors: `run` does.
    A replay writes to the same tensors again.
    """

    run: TimedCall
    graph: torch.cuda.CUDAGraph | None = None
    value: object = None

    def __call__(self) -> object:
        if self.graph is None:
            self.graph = self.record()
        self.graph.replay()
        return self.value

    def record(self) -> torch.cuda.CUDAGraph:
        """Return the graph of the run, after a warm-up on another stream, as PyTorch requires."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.value = self.run()
        return graph


class Kernel(OnCuda, TorchRow):
    """The recurrences as Triton kernels, `scratch_rnn.kernels`, on a CUDA device."""

    name = "kernel"
    cells = ("rnn", "gru", "lstm", "mingru")

    def missing(self, dtype: str, cell: Cell) -> str | None:
        try:
            import_module("triton")
        except ImportError:
            return "it needs Triton, which is for Linux (pip install 'rnn-parity[kernel]')"
        if dtype != "float32":
            return f"the kernels need dtype float32, and this is {dtype}"
        return super().missing(dtype, cell)

    def make_layer(self, case: Case, parameters: Arrays) -> nn.Module:
        shape, kernels = case.shape, import_module("scratch_rnn.kernels")
        layer: type[nn.Module] = getattr(kernels, CELLS[shape.cell].layer)
        built = layer(shape.V, shape.H, device=self.device)
        load(built, parameters)
        return built

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return all phases but generation, whose sequences have one step; nothing for ReLU."""
        if case.shape.nonlinearity != "tanh":
            return {}
        jobs = super().prepare(case)
        jobs.pop(GENERATION, None)
        return jobs


@contextmanager
def disable_tf32() -> Iterator[None]:
    """Compute in full float32 while the body runs."""
    backends: Any = torch.backends
    settings = backends.cudnn.rnn, backends.cuda.matmul
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "ieee"
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value
