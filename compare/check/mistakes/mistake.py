"""A mistake: what is said of it, and the part of the equations that it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.functions.equations import Array, Equations
from compare.check.functions.of_package import EQUATIONS


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake, in words that stand by themselves."""

    words: str
    stages: tuple[str, ...]  # in which it can be
    parts: dict[str, Callable[..., Any]]  # methods of `Equations`, as the mistake has them
    cells: tuple[str, ...]

    def equations(self, cell: str) -> Equations:
        """Return the six functions of a cell with the mistake in them."""
        kind = EQUATIONS[cell]
        made: Equations = type("Mistaken", (kind,), self.parts)()
        made.right = kind()
        return made


ELMAN = ("rnn",)


def mistake(
    words: str,
    stages: tuple[str, ...],
    *,
    of: tuple[str, ...] = tuple(EQUATIONS),
    **parts: Callable[..., Any],
) -> Mistake:
    """Make a mistake of those cells whose equations have these parts."""
    cells = tuple(cell for cell in of if all(hasattr(EQUATIONS[cell], part) for part in parts))
    return Mistake(words, stages, parts, cells)


def softmax(logits: Array, axis: int = 1) -> Array:
    """exp(logits) over its sum."""
    p = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(p / p.sum(axis=axis, keepdims=True))
