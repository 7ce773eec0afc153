"""A function of PyTorch's tensors. Autograd computes its gradients."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch

from compare.forms.form import EXACT, GRADIENT, Bind, Run, name_outputs, note, silence, stack
from compare.forms.rounding import TorchRounding
from compare.forms.values import Case
from compare.implementations import Array, Results


@dataclass(slots=True)
class TorchForm:
    """A function of tensors, on a device."""

    title: str
    bind: Bind
    device: str = "cpu"
    notes: list[str] = field(default_factory=list)
    is_wide: bool = True  # until something in it is not float64
    is_vectorised: bool = True  # until `vmap` cannot run it

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return the results of a case, from PyTorch's autograd."""
        function, tensors = self.bind(case), self.make_tensors(case, how.dtype)
        leaves = {name: t.requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
        mode = TorchRounding(how.rounding, how.seed) if how.rounding else None
        with mode or nullcontext(), silence():
            inputs = {name: tensor.clone() for name, tensor in tensors.items()}
            outputs = name_outputs(function(**inputs))
            pairs = zip(outputs.values(), self.draw(case, outputs), strict=True)
            kept = [(output, upstream) for output, upstream in pairs if output.requires_grad]
            gradients: Sequence[torch.Tensor | None] = [None] * len(leaves)
            if kept:
                gradients = torch.autograd.grad(
                    [output for output, _ in kept],
                    [*leaves.values()],
                    [upstream for _, upstream in kept],
                    allow_unused=True,
                )
        if mode is None:
            self.note_changes(tensors, inputs)
        if how.dtype == "float64":
            kinds = {output.dtype for output in outputs.values() if output.is_floating_point()}
            self.is_wide &= kinds <= {torch.float64} and not (mode and mode.is_narrow)
        results = {name: as_double(output) for name, output in outputs.items()}
        for name, gradient in zip(leaves, gradients, strict=True):
            zeros = np.zeros(case.arrays[name].shape)
            results[GRADIENT + name] = zeros if gradient is None else as_double(gradient)
        return results

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the results of `count` runs, at once if `torch.vmap` can run the function."""
        if self.is_vectorised:
            try:
                return self.run_at_once(case, dtype, count)
            except Exception:  # of vmap: the runs one by one raise what is the function's own
                self.is_vectorised = False
        return stack([self.run(case, Run(rounding=dtype, seed=seed)) for seed in range(count)])

    def run_at_once(self, case: Case, dtype: str, count: int) -> Results:
        """Return the results of `count` runs, made as one run of stacked tensors."""
        function, tensors = self.bind(case), self.make_tensors(case, "float64")
        floats = {name: t for name, t in tensors.items() if t.is_floating_point()}
        others = {name: t for name, t in tensors.items() if name not in floats}
        names: list[str] = []

        def compute(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
            given = dict(zip(floats, values, strict=True))
            outputs = name_outputs(function(**given, **others))
            names[:] = outputs
            return tuple(outputs.values())

        def compute_both(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
            outputs, pull_back = torch.func.vjp(compute, *values)  # type: ignore[misc]
            upstream = self.draw(case, dict(zip(names, outputs, strict=True)))
            return (*outputs, *pull_back(tuple(upstream)))

        stacked = [torch.stack([tensor] * count) for tensor in floats.values()]
        with TorchRounding(dtype, 0) as mode, silence():
            results = torch.vmap(compute_both, randomness="different")(*stacked)
        self.is_wide &= not mode.is_narrow
        return dict(
            zip([*names, *(GRADIENT + n for n in floats)], map(as_double, results), strict=True)
        )

    def make_tensors(self, case: Case, dtype: str) -> dict[str, torch.Tensor]:
        """Return the arguments of a case as tensors of the dtype."""
        tensors = {name: torch.from_numpy(array.copy()) for name, array in case.arrays.items()}
        kind = getattr(torch, dtype)
        return {
            name: t.to(self.device, kind if t.is_floating_point() else t.dtype)
            for name, t in tensors.items()
        }

    def draw(self, case: Case, outputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return the upstream gradient of each output."""
        drawn = case.draw_upstream([tuple(output.shape) for output in outputs.values()])
        pairs = zip(drawn, outputs.values(), strict=True)
        return [torch.from_numpy(array).to(output.device, output.dtype) for array, output in pairs]

    def note_changes(
        self, before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]
    ) -> None:
        """Note each argument that the function has changed."""
        for name, tensor in before.items():
            if not torch.equal(tensor.nan_to_num(), after[name].nan_to_num()):
                note(self, f"changes its argument {name}")


def as_double(tensor: torch.Tensor) -> Array:
    """Return the values of a tensor in float64."""
    array: Array = tensor.detach().to("cpu", torch.float64).numpy()
    return array
