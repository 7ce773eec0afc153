"""What a benchmark found, as the JSON file has it. Tables and pictures are made from this alone.

Nothing here needs NumPy, PyTorch, or a model.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from compare.bench.shapes import Shape
from compare.runs import RecordError, write_file

SCHEMA = 1
"""Version of the file's layout."""

TIMED, REFUSED, LEFT_OUT = "timed", "refused", "left out"


@dataclass(frozen=True, slots=True)
class Roof:
    """What the machine can do at best."""

    products: dict[str, float]  # floating-point operations a second, by whose BLAS
    copying: float  # bytes a second, read and written

    @property
    def rate(self) -> float:
        """The faster of the products' rates."""
        return max(self.products.values())


@dataclass(frozen=True, slots=True)
class Timing:
    """One row in one phase of one shape: its times, or why there are none."""

    row: str  # its name
    shape: str  # its name
    phase: str
    outcome: str  # TIMED, REFUSED or LEFT_OUT
    flops: int  # of one call; of one character in generation
    bytes: int
    reason: str = ""
    seconds: list[float] = field(default_factory=list)  # likewise of one call, for each round
    first_call: float | None = None  # seconds, compilation among them

    @property
    def median(self) -> float:
        """The time that half the rounds stayed under."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range of the rounds."""
        return interquartile_range(self.seconds)


@dataclass(frozen=True, slots=True)
class RowInfo:
    """How a row is called, and whether its first calls compile."""

    name: str
    label: str
    compiles: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak memory of one training step in a process of its own, or why it isn't told."""

    row: str
    shape: Shape
    bytes: int | None  # by which the peak lies above what the process held before
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of scratch's training step."""

    name: str
    seconds: float  # median
    flops: int


@dataclass(slots=True)
class Document:
    """All of one benchmark."""

    time: str
    settings: dict[str, Any]
    environment: dict[str, Any]
    notes: list[str]
    roof: Roof
    rows: list[RowInfo]
    shapes: list[Shape] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    reference_product: list[float] = field(default_factory=list)  # seconds, for each round
    parts_of: Shape | None = None
    parts: list[Part] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    finished: bool = False
    schema: int = SCHEMA

    def find(self, row: str, shape: str, phase: str) -> Timing | None:
        """Return what was found of a row in a phase of a shape."""
        wanted = row, shape, phase
        return next((t for t in self.timings if (t.row, t.shape, t.phase) == wanted), None)

    def phases(self, shape: str) -> list[str]:
        """Return the phases that were measured at a shape, in order."""
        return list(dict.fromkeys(t.phase for t in self.timings if t.shape == shape))

    def ratio(self, timing: Timing, reference: str) -> float | None:
        """Return a row's time as a share of the reference's, if both were timed."""
        other = self.find(reference, timing.shape, timing.phase)
        if other is None or other.outcome != TIMED or timing.outcome != TIMED:
            return None
        return timing.median / other.median

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; its directory is made if need be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [(json.dumps(asdict(self), indent=1) + "\n").encode()])

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file that `write` has written.

        Raises
        ------
        RecordError
            If it is not there, is damaged, or has another layout.
        """
        try:
            values = json.loads(path.read_bytes())
            if not isinstance(values, dict) or values.get("schema") != SCHEMA:
                raise ValueError(f"schema {SCHEMA} was expected")
            values["roof"] = Roof(**values["roof"])
            values["rows"] = _all(RowInfo, values["rows"])
            values["shapes"] = _all(Shape, values["shapes"])
            values["timings"] = _all(Timing, values["timings"])
            values["parts"] = _all(Part, values["parts"])
            if values["parts_of"] is not None:
                values["parts_of"] = Shape(**values["parts_of"])
            values["memory"] = [
                Memory(**{**entry, "shape": Shape(**entry["shape"])}) for entry in values["memory"]
            ]
            return cls(**values)
        except OSError as error:
            raise RecordError(f"expected a benchmark in {path}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise RecordError(f"expected a benchmark in {path}, got: {error}") from error


def _all(kind: type[Any], entries: Iterable[Mapping[str, Any]]) -> list[Any]:
    names = {entry.name for entry in fields(kind)}
    return [kind(**{name: entry[name] for name in names}) for entry in entries]


def interquartile_range(values: list[float]) -> float:
    """Return the distance between the quartiles; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    return quartiles[2] - quartiles[0]
