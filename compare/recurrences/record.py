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
class Identity:
    """The cell that a recurrence is, or how it differs from the one that its name says."""

    cell: str = ""  # empty if it is none that is known
    title: str = ""  # in words, of one that the catalogue has
    readings: int = 0  # of its parameters as those of the cell of its name; of any without a name
    is_matched: bool = True  # unless its parameters have no reading as those of that cell
    finding: str = ""  # where it differs from the cell of its name, in the nearest reading
    likely: str = ""  # the mistake that gives its numbers


@dataclass(frozen=True, slots=True)
class Examined:
    """A recurrence as it was read, and how its properties stand."""

    form: str  # how it is called, in words
    named: str = ""  # the cell that it should be, as its name or the user says
    identity: Identity = field(default_factory=Identity)
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
        identity = Identity(**values["identity"])
        return cls(**{**values, "identity": identity, "standings": standings})
