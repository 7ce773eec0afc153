"""The plain version on PyTorch's tensors: the hand-written equations, without autograd.

On a GPU this is the fairest answer to "scratch or cuDNN?": by hand, on the same card. The plain
version uses NumPy only through the name `np`. Its module is loaded once more, with PyTorch's
functions as `np`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from compare.bench.rows.numpy_rows import plain_functions, plain_layer
from compare.bench.rows.row import Device, Row, line
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import LayerInputs, ModelInputs
from compare.bench.workload.job import Job
from compare.parity import CELLS, tensor_as_array

LABELS = {"torch-page": "PyTorch CPU, by hand"}

Run = Callable[[], Any]

TORCH_AS_NP = SimpleNamespace(
    ndarray=torch.Tensor,
    tanh=torch.tanh,
    exp=torch.exp,
    maximum=lambda z, least: z.clamp(min=least),
    stack=torch.stack,
    split=torch.chunk,
    concatenate=torch.concatenate,
    zeros_like=torch.zeros_like,
    copy=torch.clone,
    errstate=lambda **_: nullcontext(),
)
"""What the plain version uses of NumPy, by its names there."""


def rows(device: Device | None) -> list[Row]:
    """Return the rows of this module."""
    return [TorchPage()]


@cache
def plain_on_torch(cell: str) -> ModuleType:
    """Return the module with the plain version of a cell, on PyTorch's tensors."""
    module = CELLS[cell].plain
    spec = spec_from_file_location(f"{module.__name__}_on_torch", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    again: Any = module_from_spec(spec)
    spec.loader.exec_module(again)
    again.np = TORCH_AS_NP
    return again  # type: ignore[no-any-return]


class TorchPage(TorchRow):
    """A bare layer by the plain version, on the CPU."""

    name, label = "torch-page", LABELS["torch-page"]
    place = 2
    style = line("#56b4e9", "1")

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        """Return the phases of a layer."""
        functions = plain_functions(case.shape, plain_on_torch(case.shape.cell))
        jobs = plain_layer(case, functions, self.on_device, tensor_as_array)
        return {
            phase: Job(self.made_ready(torch.no_grad()(job.run)), job.results)
            for phase, job in jobs.items()
        }

    def model(self, case: ModelInputs) -> dict[str, Job]:
        """Return no phases: the plain version is used for a layer only."""
        return {}

    def made_ready(self, run: Run) -> Run:
        """Return the function that is timed."""
        return run
