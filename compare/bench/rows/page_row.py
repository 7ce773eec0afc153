"""The row that runs our pages on PyTorch's tensors: the hand-written equations, without autograd.

On a GPU it answers the question "scratch or cuDNN?" at its fairest: by hand, on the same card. A
page knows NumPy only as `np`. Here it is read once more, with PyTorch's functions as `np`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any

import torch

from compare.bench.rows.numpy_rows import page_jobs
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import Case, Job, LayerCase
from compare.parity import tensor_as_array
from scratch_rnn.plain.model import CELLS, Cell

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
"""What the pages of the cells use of NumPy, by its names there."""


@cache
def pages_on_torch() -> dict[str, Cell]:
    """Return the functions of each cell's page, on PyTorch's tensors."""
    return {name: _on_torch(cell) for name, cell in CELLS.items()}


def _on_torch(cell: Cell) -> Cell:
    page = sys.modules[cell.forward.__module__]
    spec = spec_from_file_location(f"{page.__name__}_on_torch", page.__file__)
    assert spec is not None
    assert spec.loader is not None
    again: Any = module_from_spec(spec)
    spec.loader.exec_module(again)
    again.np = TORCH_AS_NP
    forward, backward = (
        getattr(again, function.__name__) for function in (cell.forward, cell.backward)
    )
    return cell._replace(forward=forward, backward=backward)


class TorchPage(TorchRow):
    """A bare layer by our pages, on the CPU."""

    name, label = "torch-page", "PyTorch CPU, by hand"

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer. A model has others: this row is not in its table."""
        if not isinstance(case, LayerCase):
            return {}
        jobs = page_jobs(case, pages_on_torch(), self.on_device, tensor_as_array)
        return {
            phase: Job(self.made_ready(torch.no_grad()(job.run)), job.results)
            for phase, job in jobs.items()
        }

    def made_ready(self, run: Run) -> Run:
        """Return what is timed."""
        return run
