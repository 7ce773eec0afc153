"""The results of the ladder's measurement, as they are stored in ``ladder.json``.

The table and the picture of the page are made from this file only.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compare.bench.results.result import SCHEMA, Roof, Seconds, read_file
from compare.bench.workload.shapes import Shape
from compare.files import write_file


@dataclass(frozen=True, slots=True)
class Rung:
    """One version of the step, and its times."""

    name: str
    expected: str  # expected effect of the change from the previous rung
    seconds: list[Seconds]  # one time for each round
    threads: int

    @property
    def median(self) -> float:
        """The median of the rounds' times."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Aside:
    """A single operation that the page compares with others."""

    name: str
    seconds: list[Seconds]

    @property
    def median(self) -> float:
        """The median of the blocks' times."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Ladder:
    """All rungs, beginning with the plain version, and PyTorch."""

    shape: Shape
    environment: dict[str, Any]
    notes: list[str]
    roof: Roof  # on one thread
    rungs: list[Rung]
    pytorch: list[Rung]
    asides: list[Aside]
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Write the file atomically; create its directory if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [(json.dumps(asdict(self), indent=1) + "\n").encode()])

    @classmethod
    def read(cls, path: Path) -> Ladder:
        """Read a file of `write`.

        Raises
        ------
        RecordError
            If the file is missing or damaged.
        """
        ladder: Ladder = read_file(cls, path, "a ladder")
        return ladder
