"""Compare a benchmark with an earlier one: ``rnn-parity bench --against FILE``.

Times of two runs cannot be compared: the processor may have been slower. So each time is first
divided by PyTorch's time in the same run, and these ratios are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from compare.bench.results.result import Document
from compare.bench.results.table import REFERENCE
from compare.terminal import Terminal, UsageError, plain_table


@dataclass(frozen=True, slots=True)
class Change:
    """The ratio of a row's time to PyTorch's, in the earlier run and now."""

    row: str
    shape: str
    phase: str
    before: float
    now: float
    is_noise: bool  # the ranges of both ratios overlap

    @property
    def told(self) -> str:
        """Say how much slower or faster the row is, if that is more than noise."""
        if self.is_noise:
            return "within noise"
        change = self.now / self.before - 1
        return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'}"


def read_earlier(path: Path, settings: Mapping[str, object]) -> Document:
    """Read an earlier benchmark.

    Parameters
    ----------
    path : Path
    settings : mapping
        Of these, both have to have cell, dtype and threads in common.

    Raises
    ------
    RecordError
        If the file is not a benchmark.
    UsageError
        If it was measured with other settings.
    """
    earlier = Document.read(path)
    for name, found in settings_of(earlier).items():
        if found != settings[name]:
            raise UsageError(
                f"expected --against a benchmark with {name} {settings[name]}, "
                f"got {name} {found} in {path}"
            )
    return earlier


def settings_of(document: Document) -> dict[str, object]:
    """Return the settings without which ratios cannot be compared."""
    cells = sorted({shape.cell for shape in document.shapes})
    return {
        "cell": ", ".join(cells),
        "dtype": document.settings["dtype"],
        "threads": document.settings["threads"],
    }


def changes(earlier: Document, now: Document) -> list[Change]:
    """Return the change of each ratio to PyTorch's time that both benchmarks have."""
    found = []
    same = {shape.name for shape in now.shapes if shape in earlier.shapes}
    for timing in now.timings:
        other = earlier.find(timing.row, timing.shape, timing.phase)
        if timing.row == REFERENCE or timing.shape not in same or other is None:
            continue
        before, after = earlier.ratio(other, REFERENCE), now.ratio(timing, REFERENCE)
        if before is not None and after is not None:
            a, b = earlier.ratio_range(other, REFERENCE)
            c, d = now.ratio_range(timing, REFERENCE)
            is_noise = a <= d and c <= b
            change = Change(timing.row, timing.shape, timing.phase, before, after, is_noise)
            found.append(change)
    return found


def show_changes(earlier: Document, now: Document, terminal: Terminal) -> None:
    """Print a line for each ratio that both benchmarks have."""
    terminal.line()
    terminal.line(
        f"Against the benchmark of {earlier.time}: ratios to PyTorch's time in the same run", "bold"
    )
    processors = [document.environment["processor"] for document in (earlier, now)]
    if processors[0] != processors[1]:
        terminal.line(f"Expected the processor of that run, {processors[0]}, got {processors[1]}")
    found = changes(earlier, now)
    if not found:
        terminal.line("Expected a row that both benchmarks have timed beside PyTorch, got none")
        return
    table = plain_table()
    for title in ("shape", "phase", "row"):
        table.add_column(title)
    for title in ("before", "now"):
        table.add_column(title, justify="right")
    table.add_column("change")
    for change in found:
        style = "" if change.is_noise else "bold"
        numbers = (f"{change.before:.2f}", f"{change.now:.2f}")
        told = Text(change.told, style)
        table.add_row(change.shape, change.phase, change.row, *numbers, told)
    terminal.console.print(table)
    terminal.line(
        "Within noise: from quartile to quartile, the ratios of both runs have a common part"
    )
