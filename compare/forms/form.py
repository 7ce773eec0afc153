"""A form of a function: how it is called in each library, and what its results are called."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Protocol

import numpy as np
import torch

from compare.forms.rounding import ROUNDOFF, TorchRounding, start_rounding
from compare.forms.values import Case
from compare.implementations import Array, Results

GRADIENT = "gradient of "


class FormError(Exception):
    """A form has no results for a case; the message is one line."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a form is run: in which dtype, and whether it rounds at random, as in which dtype."""

    dtype: str = "float64"
    rounding: str = ""
    seed: int = 0


EXACT = Run()


class Form(Protocol):
    """A function in a library."""

    title: str
    notes: list[str]  # on what it does beside its results

    @property
    def has_gradients(self) -> bool:
        """Whether its library computes gradients."""

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return its outputs, and the gradient of each argument; FormError if there are none.

        They are in float64, whatever the dtype of the computation.
        """

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the results of some runs that round at random, stacked along a first axis."""


@dataclass(slots=True)
class TorchForm:
    """A function of tensors. Autograd computes its gradients.

    `bind` returns the function for the sizes of a case, which takes tensors by the case's names.
    """

    title: str
    bind: Callable[[Case], Callable[..., object]]
    device: str = "cpu"
    notes: list[str] = field(default_factory=list)
    has_gradients: bool = True
    is_vectorised: bool = True  # until `vmap` cannot run it

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return the results of a case, from PyTorch's autograd."""
        function = self.bind(case)
        tensors = self.make_tensors(case, how.dtype)
        leaves = {name: t.requires_grad_() for name, t in tensors.items() if t.is_floating_point()}
        mode = TorchRounding(how.rounding, how.seed) if how.rounding else nullcontext()
        with mode:
            given = {name: tensor.clone() for name, tensor in tensors.items()}
            outputs = name_outputs(function(**given))
            kept = [output for output in outputs.values() if output.requires_grad]
            gradients: Sequence[torch.Tensor | None] = [None] * len(leaves)
            if kept:
                upstream = [u for u, o in zip(self.draw(case, outputs), outputs.values(), strict=True)
                            if o.requires_grad]
                gradients = torch.autograd.grad(kept, [*leaves.values()], upstream, allow_unused=True)
        if not how.rounding:
            self.note_changes(tensors, given)
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
            outputs, pull_back = torch.func.vjp(compute, *values)
            upstream = self.draw(case, dict(zip(names, outputs, strict=True)))
            return (*outputs, *pull_back(tuple(upstream)))

        stacked = [torch.stack([tensor] * count) for tensor in floats.values()]
        with TorchRounding(dtype, 0):
            results = torch.vmap(compute_both, randomness="different")(*stacked)
        return dict(zip([*names, *(GRADIENT + n for n in floats)], map(as_double, results), strict=True))

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

    def note_changes(self, before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> None:
        """Note each argument that the function has changed."""
        for name, tensor in before.items():
            if not torch.equal(tensor.nan_to_num(), after[name].nan_to_num()):
                note(self, f"changes its argument {name}")


@dataclass(slots=True)
class NumpyForm:
    """A function of arrays, without gradients."""

    title: str
    bind: Callable[[Case], Callable[..., object]]
    notes: list[str] = field(default_factory=list)
    has_gradients: bool = False

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return the outputs of a case."""
        if how.dtype == "bfloat16":
            raise FormError("NumPy has no bfloat16")
        given = {
            name: array.astype(how.dtype if array.dtype.kind == "f" else array.dtype)
            for name, array in case.arrays.items()
        }
        if how.rounding:
            random, u = np.random.default_rng(how.seed), ROUNDOFF[how.rounding]
            given = {
                name: start_rounding(array, u, random) if array.dtype.kind == "f" else array
                for name, array in given.items()
            }
        with np.errstate(all="ignore"):
            outputs = name_outputs(self.bind(case)(**given))
        for name, array in given.items():
            if not np.array_equal(np.asarray(array), case.arrays[name].astype(array.dtype), equal_nan=True):
                note(self, f"changes its argument {name}")
        return {name: np.asarray(output, np.float64) for name, output in outputs.items()}

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the outputs of `count` runs."""
        return stack([self.run(case, Run(rounding=dtype, seed=seed)) for seed in range(count)])


def note(form: Form, text: str) -> None:
    """Note something once."""
    if text not in form.notes:
        form.notes.append(text)


def stack(runs: Sequence[Results]) -> Results:
    """Return the results of several runs, stacked along a first axis."""
    return {name: np.stack([results[name] for results in runs]) for name in runs[0]}


def as_double(tensor: torch.Tensor) -> Array:
    """Return the values of a tensor in float64."""
    array: Array = tensor.detach().to("cpu", torch.float64).numpy()
    return array


def name_outputs(result: object) -> dict[str, Any]:
    """Return the arrays of a result by name: output, or output 1, output 2, … of several."""
    leaves = [*list_leaves(result)]
    if not leaves:
        raise FormError(f"expected an array, or several, got {type(result).__name__}")
    return {f"output {path}".strip(): leaf for path, leaf in leaves}


def list_leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a result, with the keys of dicts and the fields of records above them."""
    if value is None:
        return
    if is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        value = dict(zip(value._fields, value, strict=True))
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from list_leaves(item, f"{path}.{key}".strip("."))
    elif isinstance(value, tuple | list):
        for k, item in enumerate(value, start=1):
            yield from list_leaves(item, path if len(value) == 1 else f"{path}.{k}".strip("."))
    elif isinstance(value, bool | int | float):
        yield path, np.asarray(value, np.float64)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        yield path, value
