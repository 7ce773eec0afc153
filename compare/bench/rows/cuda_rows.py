"""The rows on a CUDA device, each in float32 and in TF32.

`cuda` and `cudnn` are PyTorch's layers without cuDNN and with it. `cuda-page` and `cuda-graph` are
the hand-written equations on the same card; see `page_row`.

TF32 multiplies with 10 bits of mantissa. PyTorch has two settings for it: one for cuDNN's recurrent
layers, and one for its own matrix products, which it uses if cuDNN is off. PyTorch has an older and
a newer interface to these settings, and it raises an error if a program uses both. So we use only
one: the newer interface if PyTorch has it, otherwise the older one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from compare.bench.measure.gate import FLOAT32_GAPS, TF32_GAPS
from compare.bench.rows.page_row import TorchPage
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchRow


@dataclass(frozen=True, slots=True)
class Device:
    """A device that PyTorch can use."""

    name: str  # name of the model, such as "NVIDIA H100"
    torch_name: str  # name in PyTorch, such as "cuda"


def find_device() -> Device | None:
    """Return the CUDA device, or None if PyTorch cannot use one."""
    if not torch.cuda.is_available():
        return None
    return Device(torch.cuda.get_device_name("cuda"), "cuda")


def no_device_line() -> str:
    """Return the note that there is no CUDA device."""
    return (
        f"No CUDA device that PyTorch {torch.__version__} can use: "
        "the rows on a GPU are left out, with and without cuDNN."
    )


class OnCuda(Row):
    """What the rows on a CUDA device have in common.

    Parameters
    ----------
    device : Device
    name, label : str
        Of the row, without TF32.
    cudnn, tf32 : bool
        Whether to use cuDNN, and TF32.
    """

    def __init__(self, device: Device, name: str, label: str, *, cudnn: bool, tf32: bool) -> None:
        self.device = device.torch_name
        self.cudnn, self.tf32 = cudnn, tf32
        self.name = name + ("-tf32" if tf32 else "")
        self.label = f"{device.name}, {label}" + (", TF32" if tf32 else "")
        self.gaps = TF32_GAPS if tf32 else FLOAT32_GAPS

    def missing(self, dtype: str) -> str | None:
        """Return why TF32 is not available for this dtype, or None."""
        if self.tf32 and dtype != "float32":
            return f"TF32 needs dtype float32, and this is {dtype}"
        return None

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Switch cuDNN and TF32 on or off."""
        return precision(cudnn=self.cudnn, tf32=self.tf32)


class Cuda(OnCuda, TorchRow):
    """concise_rnn on a CUDA device."""

    def __init__(self, device: Device, *, cudnn: bool, tf32: bool) -> None:
        name, label = ("cudnn", "cuDNN") if cudnn else ("cuda", "no cuDNN")
        super().__init__(device, name, label, cudnn=cudnn, tf32=tf32)


class CudaPage(OnCuda, TorchPage):
    """The pages on a CUDA device, each operation started from Python, or all by a CUDA graph."""

    def __init__(self, device: Device, *, graph: bool, tf32: bool) -> None:
        name, label = ("cuda-graph", "by hand, CUDA graph") if graph else ("cuda-page", "by hand")
        super().__init__(device, name, label, cudnn=False, tf32=tf32)
        self.graph = graph

    def made_ready(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return the run, or a CUDA graph of it."""
        return Recorded(run) if self.graph else run


class Recorded:
    """A run that is recorded in a CUDA graph when it is first called, and replayed from then on.

    A graph keeps the addresses of the tensors that the run reads, and not the tensors: `run` does.
    A replay writes to the same tensors again.
    """

    def __init__(self, run: Callable[[], Any]) -> None:
        self.run = run
        self.graph: Any = None
        self.value: Any = None

    def __call__(self) -> Any:
        """Replay the run."""
        if self.graph is None:
            self.record()
        self.graph.replay()
        return self.value

    def record(self) -> None:
        """Record the run, after a warm-up on another stream, as PyTorch asks for."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.value = self.run()
        self.graph = graph


def cuda_rows(device: Device) -> list[OnCuda]:
    """Return the rows of a device."""
    both = (False, True)
    return [
        *(Cuda(device, cudnn=cudnn, tf32=tf32) for cudnn in both for tf32 in both),
        *(CudaPage(device, graph=graph, tf32=tf32) for graph in both for tf32 in both),
    ]


CUDA_NAMES = tuple(row.name for row in cuda_rows(Device("", "")))


@contextmanager
def precision(*, cudnn: bool, tf32: bool) -> Iterator[None]:
    """Apply both settings inside the ``with`` block, and verify them.

    Raises
    ------
    RuntimeError
        If PyTorch does not report the settings that were made.
    """
    before = read_settings()
    wanted = {
        "cudnn": cudnn,
        "cudnn.rnn": _precision_name(tf32=tf32),
        "matmul": _precision_name(tf32=tf32),
    }
    try:
        _set(wanted)
        if read_settings() != wanted:
            raise RuntimeError(f"expected the settings {wanted}, got {read_settings()}")
        yield
    finally:
        _set(before)


def read_settings() -> dict[str, bool | str]:
    """Return whether cuDNN is on, and the precision of recurrent layers and matrix products."""
    backends: Any = torch.backends
    if has_new_interface():
        rnn, matmul = backends.cudnn.rnn.fp32_precision, backends.cuda.matmul.fp32_precision
    else:
        rnn, matmul = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    return {"cudnn": backends.cudnn.enabled, "cudnn.rnn": rnn, "matmul": matmul}


def _set(settings: dict[str, bool | str]) -> None:
    backends: Any = torch.backends
    backends.cudnn.enabled = settings["cudnn"]
    if has_new_interface():
        backends.cudnn.rnn.fp32_precision = settings["cudnn.rnn"]
        backends.cuda.matmul.fp32_precision = settings["matmul"]
    else:
        backends.cudnn.allow_tf32 = settings["cudnn.rnn"]
        backends.cuda.matmul.allow_tf32 = settings["matmul"]


def _precision_name(*, tf32: bool) -> bool | str:
    if has_new_interface():
        return "tf32" if tf32 else "ieee"
    return tf32


def has_new_interface() -> bool:
    """Return whether this PyTorch has a separate setting for cuDNN's recurrent layers."""
    return hasattr(torch.backends.cudnn, "rnn") and hasattr(
        torch.backends.cudnn.rnn, "fp32_precision"
    )
