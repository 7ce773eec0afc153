"""Results that somebody passes on: ``rnn-parity bench --submit FILE``.

The file is that of ``--json``. It has all rounds, the machine with its card, the versions, and the
hash of the code. Others can repeat the benchmark: its shapes and rows are those that everybody has,
and PyTorch's times, to which ratios are compared, are among them.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from compare.bench.config import BenchConfig
from compare.bench.results.result import Document
from compare.bench.rows.target_row import find_targets
from compare.bench.workload.shapes import NAMED, REFERENCE, SCRATCH, TIMED
from compare.files import RecordError
from compare.implementations import split_target
from compare.terminal import UsageError


def check_options(config: BenchConfig) -> None:
    """Raise UsageError if nobody else could repeat a benchmark with these options."""
    if config.json is not None:
        raise UsageError("expected --submit or --json, got both")
    if config.shapes not in NAMED:
        named = ", ".join(NAMED)
        raise UsageError(f"expected --submit with --shapes {named}, got {config.shapes}")
    for target in find_targets(config.rows):
        if Path(split_target(target)[0]).exists():
            raise UsageError(f"expected --submit with rows that everybody has, got {target}")
    if config.rows and not {SCRATCH, REFERENCE} <= {*config.rows}:
        got = " ".join(config.rows)
        raise UsageError(f"expected --submit with the rows {SCRATCH} and {REFERENCE}, got {got}")


def check_results(document: Document, path: Path) -> None:
    """Raise RecordError if a benchmark has no times of scratch and PyTorch in one phase."""
    timed = {(t.row, t.shape, t.phase) for t in document.timings if t.outcome == TIMED}
    if any((REFERENCE, *where) in timed for row, *where in timed if row == SCRATCH):
        return
    what = f"a phase in which {SCRATCH} and {REFERENCE} are timed"
    raise RecordError(f"expected {what} in {path}, got none: try a larger --budget")


def describe_repetition(settings: Mapping[str, object], path: Path) -> str:
    """Return the command that measures the same again and compares it with a file."""
    defaults = BenchConfig().to_json()
    words = ["rnn-parity", "bench"]
    for name, value in settings.items():
        if value != defaults[name]:
            values = value if isinstance(value, list) else [] if value is True else [value]
            words += [f"--{name}", *map(str, values)]
    return shlex.join([*words, "--against", path.name])
