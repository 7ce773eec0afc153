"""What the ladder's measurement found, as ``ladder.json`` has it.

The page's table and picture are made from this alone.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compare.bench.result import Roof
from compare.bench.shapes import Shape
from compare.runs import RecordError, write_file

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Rung:
    """One version of the step, and its times."""

    name: str
    expected: str  # of the change from the rung before, by counting
    seconds: list[float]  # for each round
    threads: int

    @property
    def median(self) -> float:
        """The time that half the rounds stayed under."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Aside:
    """One operation of which the page tells."""

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        """The time that half the blocks stayed under."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Ladder:
    """All rungs, from the plain version up, and PyTorch beside them."""

    shape: Shape
    environment: dict[str, Any]
    notes: list[str]
    roof: Roof  # on one thread
    rungs: list[Rung]
    pytorch: list[Rung]
    asides: list[Aside]
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; its directory is made if need be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [(json.dumps(asdict(self), indent=1) + "\n").encode()])

    @classmethod
    def read(cls, path: Path) -> Ladder:
        """Read what `write` has written.

        Raises
        ------
        RecordError
            If it is not there or damaged.
        """
        try:
            values = json.loads(path.read_bytes())
            return cls(
                shape=Shape(**values["shape"]),
                environment=values["environment"],
                notes=values["notes"],
                roof=Roof(**values["roof"]),
                rungs=[Rung(**entry) for entry in values["rungs"]],
                pytorch=[Rung(**entry) for entry in values["pytorch"]],
                asides=[Aside(**entry) for entry in values["asides"]],
                schema=values["schema"],
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RecordError(f"expected a ladder in {path}, got: {error}") from error
