"""The rows on a CUDA device: without cuDNN and with cuDNN, each in float32 and in TF32.

TF32 multiplies with 10 bits of mantissa. PyTorch has two settings for it: one for cuDNN's recurrent
layers, and one for its own matrix products, which it uses if cuDNN is off. PyTorch has an older and
a newer interface to these settings, and it raises an error if a program uses both. So we use only
one: the newer interface if PyTorch has it, otherwise the older one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from compare.bench.gate import FLOAT32_GAPS, TF32_GAPS
from compare.bench.torch_rows import TorchRow

CUDA_NAMES = ("cuda", "cuda-tf32", "cudnn", "cudnn-tf32")


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


class Cuda(TorchRow):
    """concise_rnn on a CUDA device.

    Parameters
    ----------
    device : Device
    cudnn, tf32 : bool
        Whether to use cuDNN, and TF32.
    """

    def __init__(self, device: Device, *, cudnn: bool, tf32: bool) -> None:
        self.device = device.torch_name
        self.cudnn, self.tf32 = cudnn, tf32
        self.name = ("cudnn" if cudnn else "cuda") + ("-tf32" if tf32 else "")
        self.label = f"{device.name}, {'cuDNN' if cudnn else 'no cuDNN'}" + (
            ", TF32" if tf32 else ""
        )
        self.gaps = TF32_GAPS if tf32 else FLOAT32_GAPS

    def missing(self, dtype: str) -> str | None:
        """Return why TF32 is not available for this dtype, or None."""
        if self.tf32 and dtype != "float32":
            return f"TF32 needs dtype float32, and this is {dtype}"
        return None

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Switch cuDNN and TF32 on or off."""
        return precision(cudnn=self.cudnn, tf32=self.tf32)


def cuda_rows(device: Device) -> list[Cuda]:
    """Return the four rows of a device."""
    return [
        Cuda(device, cudnn=cudnn, tf32=tf32) for cudnn in (False, True) for tf32 in (False, True)
    ]


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
