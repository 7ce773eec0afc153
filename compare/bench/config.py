"""The options of ``rnn-parity bench``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import arg

from compare.bench.rows import LABELS, PRESETS
from compare.bench.workload.shapes import NAMED, PHASES
from compare.files import plain
from compare.implementations import CellName
from compare.parity import StepSettings
from compare.terminal import (
    FROM_0,
    LARGEST,
    SMALLEST,
    THREADS,
    WRITTEN,
    Range,
    UsageError,
    all_but,
    check_options,
    flag,
    refuse_options,
)

LABELLED = ", ".join(f"{name} ({label})" for name, label in LABELS.items())
ROWS = f"Implementations to measure: {LABELLED}. \
Or your own layer: FILE.py (six functions), FILE:CLASS, MODULE:CLASS, or {', '.join(PRESETS)}."
SHAPES = f"{', '.join(NAMED)}, or a JSON file: a list of objects with T, B, V, H."
ABOVE_0 = Range(SMALLEST, LARGEST, "to be a number above 0", too_large="to be finite")
PHASE_NAMES = list(dict.fromkeys(phase for phases in PHASES.values() for phase in phases))
MEASURED = f"Phases to measure: {', '.join(PHASE_NAMES)}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchConfig(StepSettings):
    """Measure the time of scratch, PyTorch and others.

    Exit code 1 if scratch or a row of --rows has wrong results, or if a row of --rows has no times.
    """

    shapes: Annotated[str, arg(metavar="NAME|FILE.json", help=SHAPES)] = "seed"
    cell: CellName = "rnn"
    """Recurrent layer of all rows."""
    rows: Annotated[
        tuple[str, ...], flag("ROW ...", "(default: all that are available)", help=ROWS)
    ] = ()
    phases: Annotated[
        tuple[str, ...], flag("PHASE ...", "(default: all phases of the shape)", help=MEASURED)
    ] = ()
    dtype: Literal["float32", "float64"] = "float32"
    """Dtype of the parameters and of the computation, in all rows."""
    threads: Annotated[int, THREADS, arg(metavar="N")] = 1
    """Number of CPU threads for each row."""
    budget: Annotated[float, ABOVE_0, arg(metavar="SECONDS")] = 30.0
    """Time limit for the measurement of each row, for all shapes and phases together."""
    seed: Annotated[int, FROM_0, arg(metavar="N")] = 0
    """Seed of the weights and inputs."""
    json: Annotated[Path | None, flag("FILE", "(default: benchmarks/<time>.json)"), WRITTEN] = None
    """File for the results, with the machine, its GPU and the versions. The pictures go into the
    same directory."""
    plot: Annotated[Path | None, flag("FILE")] = None
    """Measure nothing: print the table of this file and draw its pictures again."""

    def check(self) -> Self:
        """Return the configuration itself, or raise UsageError if an option is invalid."""
        if self.plot is not None:
            refuse_options(self, all_but(self, "plot"), "--plot alone")
        for phase in self.phases:
            if phase not in PHASE_NAMES:
                known = ", ".join(PHASE_NAMES)
                raise UsageError(f"expected --phases among {known}, got {phase!r}")
        check_options(self)
        return self

    def to_json(self) -> dict[str, object]:
        """Return the options that affect the measurement as JSON values, without directories."""
        values = plain(self) | {"shapes": Path(self.shapes).name}
        return {n: value for n, value in values.items() if n not in ("json", "plot")}
