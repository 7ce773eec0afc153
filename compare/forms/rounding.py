"""Round at random: run a function in float64 with the rounding errors of a coarser dtype.

This is Monte Carlo arithmetic (Parker 1997) in each operation of somebody else's function, as
Verificarlo and Fuzzy PyTorch have it: the result x of an operation becomes x + x u ε, with ε
uniform in -1 … 1 and u the dtype's unit roundoff. A sum rounds each of its terms too, because its
own result can be much smaller than they are. As float64 itself, u is doubled: float64 has no number
half a gap away, so a smaller move would mostly be none.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from compare.implementations import Array

ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""u: half the distance from 1 to the next number."""


def largest_move(dtype: str) -> float:
    """Return the largest relative move of a result that is computed in float64."""
    return ROUNDOFF[dtype] * (2 if dtype == "float64" else 1)


# fmt: off
MOVES_ONLY = frozenset([
    "_to_copy", "arange", "cat", "clone", "constant_pad_nd", "copy", "copy_", "empty",
    "empty_like", "eq", "eye", "fill", "fill_", "flip", "full", "full_like", "gather", "ge", "gt",
    "index", "index_put", "index_put_", "index_select", "le", "lt", "masked_fill", "masked_fill_",
    "ne", "neg", "new_empty", "new_zeros", "ones", "ones_like", "repeat", "roll", "scatter",
    "select_backward", "select_scatter", "slice_backward", "slice_scatter", "stack", "tril",
    "triu", "where", "zero_", "zeros", "zeros_like",
])
"""PyTorch's operations that move numbers, or change their sign, and round nothing."""

SUMS = frozenset([
    "addmm", "addmv", "baddbmm", "bmm", "convolution", "convolution_backward", "cumprod",
    "cumsum", "dot", "linalg_solve_triangular", "linalg_vector_norm", "logcumsumexp", "logsumexp",
    "matmul", "mean", "mm", "mv", "norm", "prod", "sum", "var",
])
"""Those that add up many terms, or multiply many factors."""
# fmt: on

CONVERSIONS = frozenset(["_to_copy", "copy_"])

NARROW = torch.float32, torch.float16, torch.bfloat16

OWN_MOVES = {getattr(torch, name): 2 * u for name, u in ROUNDOFF.items()}
"""The largest relative move of a tensor in its own dtype, which has no number half a gap away."""


class TorchRounding(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Rounds in each floating operation of PyTorch, forward and backward.

    `is_narrow` says whether one of them made a float64 to a coarser number.
    """

    def __init__(self, dtype: str, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.u, self.random = largest_move(dtype), torch.Generator().manual_seed(seed)
        self.is_narrow = False

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Make one operation, and round its result."""
        name = func._schema.name.partition("::")[2]
        if name.removesuffix("_") in SUMS:
            args = tuple(self.round_off(arg) for arg in args)
        result = func(*args, **(kwargs or {}))
        if name in CONVERSIONS:
            source = args[-1] if name == "copy_" else args[0]
            self.is_narrow |= dtype_of(source) is torch.float64 and dtype_of(result) in NARROW
        if func.is_view or name in MOVES_ONLY:
            return result
        if name.endswith("_"):  # in place: the caller holds the tensor itself
            with _disable_current_modes():
                result.add_(result * self.draw(result)) if result.is_floating_point() else None
            return result
        if isinstance(result, tuple | list):
            return type(result)(map(self.round_off, result))
        return self.round_off(result)

    def round_off(self, value: object) -> object:
        """Return a rounded copy of a tensor of floats, or the value."""
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        with _disable_current_modes():
            moved = value + value * self.draw(value)
            return moved.where(moved.isfinite(), value)  # the largest number has no next one

    def draw(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return u ε for each entry."""
        draws = torch.rand(tensor.shape, generator=self.random, dtype=torch.float64)
        u = max(self.u, OWN_MOVES.get(tensor.dtype, 0.0))
        return (u * (2 * draws - 1)).to(tensor.device, tensor.dtype)


def dtype_of(value: object) -> torch.dtype | None:
    """Return the dtype of a tensor; None of anything else."""
    return value.dtype if isinstance(value, torch.Tensor) else None


class Rounded(np.ndarray[Any, np.dtype[Any]]):
    """An array whose operations round at random."""

    u: float
    random: np.random.Generator

    def __array_finalize__(self, other: object) -> None:
        if isinstance(other, Rounded):
            self.u, self.random = other.u, other.random

    def __array_ufunc__(
        self,
        ufunc: np.ufunc,
        method: str,
        *inputs: object,
        out: tuple[object, ...] = (),
        **options: object,
    ) -> object:
        """Make one operation on plain arrays, and round its result."""
        plain = [self.round_off(x) if self.adds_up(ufunc, method) else to_plain(x) for x in inputs]
        if out:
            options["out"] = tuple(map(to_plain, out))
        result = getattr(ufunc, method)(*plain, **options)
        if out:
            (array,) = out
            assert isinstance(array, np.ndarray)
            array[...] = self.round_off(array)
            return array
        return self.wrap(result)

    def __array_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: Iterable[object],
        kwargs: Mapping[str, object],
    ) -> object:
        """Make an operation that is no ufunc, such as einsum, with rounded arguments."""
        rounded = [self.round_off(x) if isinstance(x, np.ndarray) else x for x in args]
        lists = [[*map(to_plain, x)] if isinstance(x, list | tuple) else x for x in rounded]
        return self.wrap(func(*lists, **{name: to_plain(x) for name, x in kwargs.items()}))

    @staticmethod
    def adds_up(ufunc: np.ufunc, method: str) -> bool:
        """Whether an operation adds up or multiplies many numbers."""
        return ufunc is np.matmul or method != "__call__"

    def round_off(self, value: object) -> object:
        """Return a rounded copy of an array of floats, or the value, as a plain array."""
        plain = to_plain(value)
        if not isinstance(plain, np.ndarray | np.floating) or plain.dtype.kind != "f":
            return plain
        moved = plain + plain * (self.u * (2 * self.random.random(plain.shape) - 1))
        return np.where(np.isfinite(moved), moved, plain)  # the largest number has no next one

    def wrap(self, result: object) -> object:
        """Return a result with its roundings."""
        if isinstance(result, tuple):
            return tuple(map(self.wrap, result))
        if not isinstance(result, np.ndarray | np.floating):
            return result
        return start_rounding(np.asarray(self.round_off(result)), self.u, self.random)


def to_plain(value: object) -> object:
    """Return an array without its roundings."""
    return value.view(np.ndarray) if isinstance(value, Rounded) else value


def start_rounding(array: Array, u: float, random: np.random.Generator) -> Rounded:
    """Return an array whose operations round at random."""
    rounded = array.view(Rounded)
    rounded.u, rounded.random = u, random
    return rounded
