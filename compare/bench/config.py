"""The options of ``rnn-parity bench``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from tyro.conf import arg

from compare.bench.rows import all_labels
from compare.bench.workload.shapes import NAMED, PHASES
from compare.parity import CellName
from compare.terminal import FROM_0, THREADS, Range, UsageError, check_options

ROWS = ", ".join(f"{name} ({label})" for name, label in all_labels().items())
ABOVE_0 = Range(5e-324, 1.7e308, "to be a number above 0")
PHASE_NAMES = list(dict.fromkeys(phase for phases in PHASES.values() for phase in phases))


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """Measure the time of scratch, PyTorch and others; exit code 1 if scratch's results differ."""

    shapes: Annotated[
        str,
        arg(
            metavar="NAME|FILE.json",
            help=f"{', '.join(NAMED)}, or a JSON file: a list of objects with T, B, V, H.",
        ),
    ] = "seed"
    only: Annotated[tuple[str, ...], arg(metavar="H=256 B=1,32 ...", help_behavior_hint="")] = ()
    """Measure only the shapes with these sizes."""
    cell: CellName = "rnn"
    """Recurrent layer of all rows."""
    rows: Annotated[
        tuple[str, ...],
        arg(
            metavar="ROW ...",
            help=f"Implementations to measure: {ROWS}. On a GPU also with -tf32, as in cuda-tf32.",
            help_behavior_hint="(default: all that are available)",
        ),
    ] = ()
    phases: Annotated[
        tuple[str, ...],
        arg(
            metavar="PHASE ...",
            help=f"Phases to measure: {', '.join(PHASE_NAMES)}.",
            help_behavior_hint="(default: all phases of the shape)",
        ),
    ] = ()
    dtype: Literal["float32", "float64"] = "float32"
    """Dtype of the parameters and of the computation, in all rows."""
    threads: Annotated[int, THREADS, arg(metavar="N")] = 1
    """Number of CPU threads for each row."""
    budget: Annotated[float, ABOVE_0, arg(metavar="SECONDS")] = 30.0
    """Time limit for the measurement of each row, for all shapes and phases together."""
    seed: Annotated[int, FROM_0, arg(metavar="N")] = 0
    """Seed of the weights and inputs."""
    memory: Annotated[bool, arg(help_behavior_hint="")] = False
    """Also measure the peak memory of a large training step: T 256, B 64, H 1024."""
    json: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: benchmarks/<time>.json)")
    ] = None
    """File for the results. The pictures are written into the same directory."""
    against: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Also compare the ratios to PyTorch's times with those of an earlier benchmark's file."""
    plot: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Measure nothing: print the table of this file and draw its pictures again."""

    def check(self) -> Self:
        """Return the configuration itself, or raise UsageError if an option is invalid."""
        for phase in self.phases:
            if phase not in PHASE_NAMES:
                known = ", ".join(PHASE_NAMES)
                raise UsageError(f"expected --phases among {known}, got {phase!r}")
        check_options(self)
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the options that affect the measurement as JSON values, without directories."""
        values = dataclasses.asdict(self) | {"shapes": Path(self.shapes).name}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if name not in ("against", "json", "plot")
        }
