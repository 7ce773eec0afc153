"""The graded item, the case of one call, and the result: one record for everything graded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from compare.implementations import CallFailed, Verdict
from compare.mistakes import Mistake
from compare.parity import Comparison

ARGUMENT = ", an argument"
AFTER_ANOTHER = ", after another call"
SECOND = " of a second call"
"""The ends of the names of tensors that must not change, or must be the same again."""

MOST_LINES = 3  # of the plain version with a likely mistake, and as many right ones

Inputs = dict[str, Any]
"""The arguments of a call by name: arrays, tuples and lists of arrays, and numbers."""

NAMES_IN_JSON = {name: name for name in ("case", "tensor", "got")} | {"finding": "found"}
NAMES_IN_JSON |= {name: name for name in ("where", "likely", "why")}
"""The fields of a result that its JSON has, and their names there."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The inputs of one call. Two cases are never equal, even with equal inputs."""

    description: str
    inputs: Inputs = field(default_factory=dict)
    dtype: str = "float64"
    sizes: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)  # of its arguments
    memory: str = ""  # of its arrays, if it is stated
    is_called_again: bool = True  # other calls come before and after its own

    @property
    def largest(self) -> float:
        """The largest magnitude of an input."""
        arrays = [a for a in self.inputs.values() if isinstance(a, np.ndarray) and a.size]
        return max((float(np.abs(a).max()) for a in arrays), default=0.0)


@dataclass(frozen=True, slots=True)
class Item:
    """A graded item: a function of the exercise, or what a layer computes. It is worth a point."""

    name: str
    equation: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to try an item; a layer is tried in one way only."""

    replaced: tuple[str, ...] = ()  # the submission's functions that the reference replaces
    begins_with: float | None = None  # at the submission's own states, from h_0 times this factor

    def check_number(self, compared: int, drawn: int) -> None:
        """Refuse to call an item right if not all of its cases were compared.

        At the submission's own states, cases with infinities are skipped; half must remain.
        """
        needed = drawn if self.begins_with is None else drawn / 2
        if compared < needed:
            raise CallFailed("error", f"only {compared} of {drawn} cases could be compared")


FIRST_ATTEMPT = Attempt()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The likely mistake of a result: a symptom, or a mistake of the catalogue."""

    words: str
    lines: tuple[str, ...] = ()  # of the plain version with it
    mistake: Mistake | None = None  # of the catalogue

    @property
    def another(self) -> str:
        """The cell that is computed with it; empty if it has no name."""
        return self.mistake.another if self.mistake else ""


@dataclass(slots=True, kw_only=True)
class Result:
    """The result of a graded item, a feature, a property or a kernel."""

    name: str
    verdict: Verdict = Verdict.RIGHT
    case: Case | None = None  # the case that shows the mistake
    tensor: str = ""
    finding: str = ""  # what is wrong, in a line
    expected: str = ""  # in words, where no numbers can be compared
    got: str = ""
    where: str = ""  # what the wrong cases have in common
    diagnosis: Diagnosis | None = None  # the likely mistake; None if none is known
    why: str = ""  # it is not tried, or missing in some cases alone

    @property
    def likely(self) -> str:
        """The likely mistake in words; empty if none is known."""
        return self.diagnosis.words if self.diagnosis else ""

    def to_json(self) -> dict[str, str]:
        """Return the fields that are not empty as JSON values."""
        values = {key: getattr(self, name) for name, key in NAMES_IN_JSON.items()}
        if self.case is not None:
            values["case"] = self.case.description
        told = {name: str(value) for name, value in values.items() if value}
        return {"name": self.name, "verdict": self.verdict.value, **told}


@dataclass(slots=True, kw_only=True)
class ItemResult(Result):
    """The result of a graded item."""

    name: str = ""
    item: Item
    attempt: Attempt = FIRST_ATTEMPT
    cases: int = 0  # tried
    comparisons: tuple[Comparison, ...] = ()  # all tensors of the case
    wrong: Comparison | None = None  # the first one that is wrong
    notes: list[str] = field(default_factory=list)
    tried: list[Mapping[str, int]] = field(default_factory=list)  # the sizes of each case

    def __post_init__(self) -> None:
        self.name = self.item.name

    @property
    def likely_lines(self) -> tuple[str, ...]:
        """The lines of the plain version with the likely mistake, and the right ones."""
        if self.diagnosis is None or not self.diagnosis.lines:
            return ()
        mistake = self.diagnosis.mistake
        versions = {"wrong": self.diagnosis.lines, "right": mistake.right_lines if mistake else ()}
        return tuple(
            f"{verdict}  {line}"
            for verdict, lines in versions.items()
            for line in lines[:MOST_LINES]
        )

    @classmethod
    def from_failure(
        cls,
        item: Item,
        failure: CallFailed,
        attempt: Attempt = FIRST_ATTEMPT,
        case: Case | None = None,
        cases: int = 0,
    ) -> Self:
        """Return the result of an item for which there are no numbers."""
        return cls(
            item=item,
            attempt=attempt,
            verdict=failure.verdict,
            case=case,
            expected=failure.expected,
            got=failure.got,
            cases=cases,
        )
