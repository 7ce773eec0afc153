"""The gradients of a recurrence, and the derivative of its own forward pass by differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from compare.implementations import Results
from compare.parity import SAFETY
from compare.recurrences.axes import Array, to_numpy
from compare.recurrences.recurrence import Recurrence

STEP = 2.0**-16
"""The step of a difference quotient, times the size of what is moved."""


class NoGradient(Exception):
    """A recurrence has no gradients that can be read; the message says why."""


@dataclass(frozen=True)
class Point:
    """Where the gradients are computed: all arrays by name, those of states, and the upstream ones.

    A loss is the sum of the products of all results and their upstream gradients.
    """

    recurrence: Recurrence
    arrays: Mapping[str, Array]  # x, the states and the parameters
    states: Sequence[str]  # their names
    upstream: Sequence[Array]  # of the output and of each last state

    def run(self, arrays: Mapping[str, Array]) -> list[Array]:
        """Return the output and the last states."""
        parameters = {n: a for n, a in arrays.items() if n not in ("x", *self.states)}
        states = [arrays[name] for name in self.states] or None
        output, last = self.recurrence.run(arrays["x"], states, parameters)
        return [output, *last]

    def lose(self, arrays: Mapping[str, Array]) -> float:
        """Return the loss for these arrays."""
        own = {name: self.recurrence.make(array) for name, array in arrays.items()}
        with torch.no_grad():
            results = [to_numpy(result) for result in self.run(own)]
        return float(sum((r * d).sum() for r, d in zip(results, self.upstream, strict=True)))

    def differ(self, name: str, direction: Array) -> tuple[float, float]:
        """Return the derivative of the loss along a direction, and how far it may be from it."""
        values, here = self.arrays[name], self.lose(self.arrays)
        step = STEP * max(1.0, float(np.abs(values).max(initial=0.0)))
        quotients, bends, largest = [], [], 1.0
        for size in (step, step / 2):
            after, before = (
                self.lose({**self.arrays, name: values + sign * size * direction})
                for sign in (1, -1)
            )
            quotients.append((after - before) / (2 * size))
            bends.append((after - 2 * here + before) / size)
            largest = max(largest, abs(after), abs(before))
        coarse, fine = quotients
        rounding = float(np.finfo(np.float64).eps) * largest / step
        kink = abs(bends[1] - bends[0] / 2)  # a smooth function bends half as much in half a step
        return fine, SAFETY * (abs(fine - coarse) + kink + rounding)

    def differ_everywhere(self, name: str) -> tuple[Array, Array]:
        """Return the derivative for each entry, and how far each may be from it."""
        shape = self.arrays[name].shape
        right, allowed = np.zeros(shape), np.zeros(shape)
        for at in np.ndindex(shape):
            one = np.zeros(shape)
            one[at] = 1
            right[at], allowed[at] = self.differ(name, one)
        return right, allowed

    def compute_with_autograd(self) -> Results:
        """Return the gradient of each array from PyTorch; NoGradient if no result has one."""
        own = {n: torch.from_numpy(np.array(a)).requires_grad_() for n, a in self.arrays.items()}
        pairs = [
            (result, torch.from_numpy(d))
            for result, d in zip(
                self.run({n: a.clone() for n, a in own.items()}), self.upstream, strict=True
            )
            if result.requires_grad
        ]
        if not pairs:
            raise NoGradient("its results have no gradient")
        gradients = torch.autograd.grad(
            [result for result, _ in pairs],
            [*own.values()],
            [d for _, d in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
        return {name: g.numpy() for name, g in zip(self.arrays, gradients, strict=True)}

    def compute_with_jax(self) -> Results:
        """Return the gradient of each array from JAX."""
        import jax

        own = {name: self.recurrence.make(array) for name, array in self.arrays.items()}
        _, pull_back = jax.vjp(self.run, own)
        upstream = [self.recurrence.make(d) for d in self.upstream]
        (gradients,) = pull_back(upstream)
        return {name: np.asarray(g) for name, g in gradients.items()}
