"""The results of a benchmark, as they are stored in the JSON file.

Tables and pictures are made from this file only. This module needs no NumPy, PyTorch or model.
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
"""Version of the file format."""

TIMED, REFUSED, LEFT_OUT = "timed", "refused", "left out"


@dataclass(frozen=True, slots=True)
class Roof:
    """The best rates of the machine."""

    products: dict[str, float]  # floating-point operations per second, by library
    copying: float  # bytes per second, read and written

    @property
    def rate(self) -> float:
        """The higher of the two rates of matrix products."""
        return max(self.products.values())


@dataclass(frozen=True, slots=True)
class Timing:
    """One row in one phase of one shape: its times, or the reason why there are none."""

    row: str  # name of the row
    shape: str  # name of the shape
    phase: str
    outcome: str  # TIMED, REFUSED or LEFT_OUT
    flops: int  # operations per call; in generation per character
    bytes: int  # bytes read and written by the products, per call or character
    reason: str = ""
    seconds: list[float] = field(default_factory=list)  # per call or character, for each round
    first_call: float | None = None  # seconds, including compilation

    @property
    def median(self) -> float:
        """The median of the rounds' times."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range of the rounds' times."""
        return interquartile_range(self.seconds)


@dataclass(frozen=True, slots=True)
class RowInfo:
    """The name and label of a row, and whether its first call compiles."""

    name: str
    label: str
    compiles: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak memory of one training step in a separate process, or the reason why there is none."""

    row: str
    shape: Shape
    bytes: int | None  # peak memory of the process minus its memory before the step
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of scratch's training step."""

    name: str
    seconds: float  # median
    flops: int


@dataclass(slots=True)
class Document:
    """All results of one benchmark."""

    time: str
    settings: dict[str, Any]
    environment: dict[str, Any]
    notes: list[str]
    roof: Roof
    rows: list[RowInfo]
    shapes: list[Shape] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    reference_product: list[float] = field(default_factory=list)  # seconds in each round
    parts_of: Shape | None = None
    parts: list[Part] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    finished: bool = False
    schema: int = SCHEMA

    def find(self, row: str, shape: str, phase: str) -> Timing | None:
        """Return the result of a row in a phase of a shape."""
        wanted = row, shape, phase
        return next((t for t in self.timings if (t.row, t.shape, t.phase) == wanted), None)

    def phases(self, shape: str) -> list[str]:
        """Return the phases of a shape that were measured, in order."""
        return list(dict.fromkeys(t.phase for t in self.timings if t.shape == shape))

    def ratio(self, timing: Timing, reference: str) -> float | None:
        """Return a row's time divided by the reference's time, if both were timed."""
        other = self.find(reference, timing.shape, timing.phase)
        if other is None or other.outcome != TIMED or timing.outcome != TIMED:
            return None
        return timing.median / other.median

    def write(self, path: Path) -> None:
        """Write the file atomically; create its directory if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [(json.dumps(asdict(self), indent=1) + "\n").encode()])

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file of `write`.

        Raises
        ------
        RecordError
            If the file is missing, damaged, or has another format.
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
    """Return the interquartile range; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    return quartiles[2] - quartiles[0]
