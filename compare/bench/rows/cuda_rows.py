"""The rows on a CUDA device, each in float32 and in TF32.

`cuda` and `cudnn` are PyTorch's layers without cuDNN and with it. `cuda-page` and `cuda-graph` are
the hand-written equations on the same GPU; see `TorchPage`. `kernel` and `kernel-graph` are
scratch_rnn's kernels in Triton.

TF32 multiplies with 10 bits of mantissa. PyTorch has two settings for it: one for cuDNN's recurrent
layers, and one for its own matrix products, which it uses if cuDNN is off. PyTorch has an older and
a newer interface to these settings, and it raises an error if a program uses both. So we use only
one: the newer interface if PyTorch has it, otherwise the older one.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import nn

from compare.bench.rows.row import TF32_GAPS, Device, Row, line
from compare.bench.rows.torch_rows import CELL_FUNCTIONS, TorchPage, TorchRow, load
from compare.bench.workload.case import Arrays, Case, Job, LayerInputs, Run
from compare.bench.workload.shapes import GENERATION
from compare.implementations import CELLS, Cell

LABELS = {
    "cuda": "GPU, no cuDNN",
    "cudnn": "GPU, cuDNN",
    "cuda-page": "GPU, by hand",
    "cuda-graph": "GPU, by hand, CUDA graph",
    "kernel": "GPU, kernel by hand",
    "kernel-graph": "GPU, kernel by hand, CUDA graph",
}
"""Each of them is also a row with TF32: its name ends in -tf32."""

NO_DEVICE = (
    f"No CUDA device that PyTorch {torch.__version__} can use: "
    "the rows on a GPU are left out, with and without cuDNN."
)

STYLES = {
    "cuda": ("#cc79a7", "<"),
    "cudnn": ("#7b3294", ">"),
    "cuda-page": ("#a6761d", "2"),
    "cuda-graph": ("#66a61e", "h"),
    "kernel": ("#1b9e77", "X"),
    "kernel-graph": ("#a50026", "P"),
}


def rows(device: Device | None) -> list[Row]:
    """Return the rows of a device: each layer in float32 and in TF32.

    Without a device, return the kernels in Triton's interpreter, if it is switched on.
    """
    if device is None:
        return [Interpreted()] if os.environ.get("TRITON_INTERPRET") == "1" else []
    kinds: dict[str, type[Cuda | CudaPage | Kernel]] = {
        "cuda": Cuda,
        "cudnn": Cuda,
        "cuda-page": CudaPage,
    }
    kinds |= {"cuda-graph": CudaPage, "kernel": Kernel, "kernel-graph": Kernel}
    return [kind(device, name, tf32=t) for name, kind in kinds.items() for t in (False, True)]


def find_device() -> Device | None:
    """Return the CUDA device, or None if PyTorch cannot use one."""
    if not torch.cuda.is_available():
        return None
    return Device(torch.cuda.get_device_name("cuda"), "cuda")


class OnCuda(Row):
    """What the rows on a CUDA device have in common; `name` is one of `LABELS`."""

    place = 4

    def __init__(self, device: Device, name: str, *, tf32: bool) -> None:
        self.device, self.kind, self.tf32 = device.torch_name, name, tf32
        self.name = name + ("-tf32" if tf32 else "")
        self.label = LABELS[name].replace("GPU", device.name) + (", TF32" if tf32 else "")
        if tf32:
            self.gaps, self.only_float32 = TF32_GAPS, "TF32 needs"
        self.style = line(*STYLES[name], linewidth=1.5, linestyle="--" if tf32 else "-")

    def settings(self, threads: int) -> AbstractContextManager[object]:
        return precision(cudnn=self.kind == "cudnn", tf32=self.tf32)

    def settings_note(self, threads: int) -> str:
        """Return the active settings in one line."""
        with self.settings(threads):
            active = ", ".join(f"{name} {value}" for name, value in read_settings().items())
        tolerance = " (checked with the tolerance of TF32)" if self.tf32 else ""
        return f"{self.label}: {active}{tolerance}"

    def make_ready(self, run: Run) -> Run:
        """Return the run, or a CUDA graph of it."""
        return Recorded(run) if self.kind.endswith("-graph") else run


class Cuda(OnCuda, TorchRow):
    """concise_rnn on a CUDA device, with PyTorch's own layers."""

    cells = CELL_FUNCTIONS


class CudaPage(OnCuda, TorchPage):
    """The plain version on a CUDA device: operations started from Python, or by a CUDA graph."""


@dataclass
class Recorded:
    """A run that is recorded in a CUDA graph when it is first called, and replayed from then on.

    A graph keeps the addresses of the tensors that the run reads, and not the tensors: `run` does.
    A replay writes to the same tensors again.
    """

    run: Run
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


class Interpreted(TorchRow):
    """The recurrences as Triton kernels, `scratch_rnn.kernels`, in Triton's interpreter.

    There a kernel runs on the CPU. Its results are checked, but its time says nothing about a GPU.
    """

    name, label = "kernel", "Triton's interpreter, kernel by hand"
    style = line(*STYLES["kernel"])
    place = 4
    cells = ("rnn", "gru", "lstm")
    input_precision = "ieee"
    only_float32 = "the kernels need"
    untimed = "its results are right, and Triton's interpreter shows no time of a GPU"

    def missing(self, dtype: str, cell: Cell) -> str | None:
        try:
            import_module("triton")
        except ImportError:
            return "it needs Triton, which is for Linux (pip install 'rnn-parity[kernel]')"
        return super().missing(dtype, cell)

    def make_layer(self, case: Case, parameters: Arrays) -> nn.Module:
        shape, kernels = case.shape, import_module("scratch_rnn.kernels")
        layer: type[nn.Module] = getattr(kernels, CELLS[shape.cell].layer)
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

    untimed = ""

    def __init__(self, device: Device, name: str, *, tf32: bool) -> None:
        super().__init__(device, name, tf32=tf32)
        self.input_precision = "tf32" if tf32 else "ieee"

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        """Return the phases of a layer, perhaps each as a CUDA graph."""
        jobs, ready = super().layer(case), self.make_ready
        return {p: Job(ready(job.run), job.results, job.inputs) for p, job in jobs.items()}

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases; with a CUDA graph those of a layer."""
        is_layer = isinstance(case, LayerInputs)
        return super().prepare(case) if is_layer or self.kind == "kernel" else {}


@contextmanager
def precision(*, cudnn: bool, tf32: bool) -> Iterator[None]:
    """Apply both settings while the body runs; a RuntimeError says that they have no effect."""
    before = read_settings()
    value = ("tf32" if tf32 else "ieee") if has_new_interface() else tf32
    wanted: dict[str, bool | str] = {"cudnn": cudnn, "cudnn.rnn": value, "matmul": value}
    try:
        _set(wanted)
        if read_settings() != wanted:
            raise RuntimeError(f"expected the settings {wanted}, got {read_settings()}")
        yield
    finally:
        _set(before)


def read_settings() -> dict[str, bool | str]:
    """Return whether cuDNN is on, and the precision of recurrent layers and matrix products."""
    return {name: getattr(node, key) for name, (node, key) in _places().items()}


def _set(settings: dict[str, bool | str]) -> None:
    for name, (node, key) in _places().items():
        setattr(node, key, settings[name])


def _places() -> dict[str, tuple[Any, str]]:
    """Return where PyTorch has each setting: an object, and the name of its attribute."""
    backends: Any = torch.backends
    cudnn, matmul = backends.cudnn, backends.cuda.matmul
    rnn, key = (cudnn.rnn, "fp32_precision") if has_new_interface() else (cudnn, "allow_tf32")
    return {"cudnn": (cudnn, "enabled"), "cudnn.rnn": (rnn, key), "matmul": (matmul, key)}


def has_new_interface() -> bool:
    """Return whether this PyTorch has a separate setting for cuDNN's recurrent layers."""
    return hasattr(getattr(torch.backends.cudnn, "rnn", None), "fp32_precision")
