"""The parts of a submission that are tried, and what came of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from compare.implementations import Trouble


@dataclass(frozen=True, slots=True)
class Case:
    """The inputs of one call."""

    words: str
    inputs: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What a point is given for: a function of the exercise, or what a layer computes."""

    name: str
    equation: str


@dataclass(slots=True)
class PartResult:
    """The result of one part."""

    stage: Part
    verdict: str  # right, wrong, missing, error, timeout
    cases: int = 0  # tried
    case: Any = None  # the Case that shows what is wrong
    comparisons: tuple[Any, ...] = ()  # all tensors of it
    wrong: Any = None  # the first Comparison that is wrong
    seen: list[Any] = field(default_factory=list)  # of a layer: cases, and all results of each
    expected: str = ""  # in words, where no numbers can be compared
    got: str = ""
    likely: str = ""  # the likely mistake
    likely_lines: tuple[str, ...] = ()  # of the plain version with this mistake
    notes: list[str] = field(default_factory=list)
    tried: list[Mapping[str, int]] = field(default_factory=list)  # sizes

    @classmethod
    def without(cls, stage: Any, trouble: Trouble, **more: Any) -> Self:
        """Return the result of a part for which there are no numbers."""
        return cls(stage, trouble.verdict, expected=trouble.expected, got=trouble.got, **more)


def in_float64(value: Any) -> Any:
    """Return a value with all arrays of floats in it in float64."""
    if isinstance(value, dict):
        return {name: in_float64(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_float64(item) for item in value)
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value
