"""A mistake: what is said of it, and the part of the equations that it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.equations import Array, Equations


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake, in words that stand by themselves."""

    words: str
    stages: tuple[str, ...]  # in which it can be
    parts: dict[str, Callable[..., Any]]  # methods of `Equations`, as the mistake has them

    def equations(self) -> Equations:
        """Return the six functions with the mistake in them."""
        made: Equations = type("Mistaken", (Equations,), self.parts)()
        return made


def mistake(words: str, stages: tuple[str, ...], **parts: Callable[..., Any]) -> Mistake:
    """Make a mistake."""
    return Mistake(words, stages, parts)


def softmax(logits: Array, axis: int = 1) -> Array:
    """exp(logits) over its sum."""
    p = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(p / p.sum(axis=axis, keepdims=True))
