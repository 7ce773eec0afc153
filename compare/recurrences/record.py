"""How a recurrence stands: the record that its process writes."""

from dataclasses import asdict, dataclass, field
from typing import Literal

from compare.files import JsonObject


@dataclass(frozen=True, slots=True)
class Standing:
    """How a property stands: right, wrong, or not tried for the reason in `why`."""

    name: str
    words: str
    verdict: Literal["right", "wrong", "not tried"]
    why: str = ""
    cases: int = 0
    case: str = ""  # the smallest that shows the mistake
    finding: str = ""  # the first wrong entry
    where: str = ""  # what the failing cases have in common
    likely: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """A recurrence as it was read, and how its properties stand."""

    form: str  # how it is called, in words
    cell: str = ""  # the known cell that it is; empty if it is one of its own
    title: str = ""  # of the cell, in words
    readings: int = 0  # of its parameters that were tried
    standings: list[Standing] = field(default_factory=list)
    name: str = ""  # what it is called in its file
    others: list[str] = field(default_factory=list)  # what may be another recurrence there

    def to_json(self) -> JsonObject:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> "Examined":
        """Return what `to_json` has written."""
        standings = [Standing(**each) for each in values["standings"]]
        return cls(**{**values, "standings": standings})
