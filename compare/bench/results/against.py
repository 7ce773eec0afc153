"""Compare a benchmark with an earlier one: ``rnn-parity bench --against FILE``.

Times of two runs cannot be compared: the processor may have been slower. So each time is first
divided by PyTorch's time in the same run, and these ratios are compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from compare.bench.results.result import Document, divide_times
from compare.bench.workload.shapes import REFERENCE
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
    def description(self) -> str:
        """How much slower or faster the row is, if that is more than noise."""
        if self.is_noise:
            return "within noise"
        change = self.now / self.before - 1
        return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'}"


def read_earlier(path: Path, settings: Mapping[str, object]) -> Document:
    """Read an earlier benchmark; a UsageError says that it was measured with other settings."""
    earlier = Document.read(path)
    for name, found in select_settings(earlier).items():
        if found != settings[name]:
            raise UsageError(
                f"expected --against a benchmark with {name} {settings[name]}, "
                f"got {name} {found} in {path}"
            )
    return earlier


def select_settings(document: Document) -> dict[str, object]:
    """Return the settings without which ratios cannot be compared."""
    cells = ", ".join(sorted({shape.cell for shape in document.shapes}))
    optimizer = document.settings.get("optimizer", "sgd")  # the only one in earlier benchmarks
    same = {name: document.settings[name] for name in ("dtype", "threads")}
    return {"cell": cells, "optimizer": optimizer} | same


def changes(earlier: Document, now: Document) -> list[Change]:
    """Return the change of each ratio to PyTorch's time that both benchmarks have."""
    found = []
    both = [document.by_shape() for document in (earlier, now)]
    for name in (shape.name for shape in now.shapes if shape in earlier.shapes):
        for phase, timings in both[1][name].items():
            others = both[0][name].get(phase, {})
            for row in (row for row in timings if row != REFERENCE):
                before, after = (
                    divide_times(t.get(row), t.get(REFERENCE)) for t in (others, timings)
                )
                if before is not None and after is not None:
                    is_noise = before.low <= after.high and after.low <= before.high
                    found.append(Change(row, name, phase, before.value, after.value, is_noise))
    return found


def describe_differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what differs between the machines of two benchmarks, if both state it."""
    own: list[dict[str, object]] = []
    for environment in (earlier, now):
        stated = {"processor": environment["processor"]}
        if "card" in environment:  # not in earlier files
            stated |= {"GPU": (environment["card"] or {"name": "none"})["name"]}
        own.append(stated | environment.get("versions", {}))
    for name, before in own[0].items():
        if own[1].get(name, before) != before:
            yield f"Another {name}: {before} earlier, {own[1][name]} now"
    codes = [environment["code"] for environment in (earlier, now) if "code" in environment]
    if len({*codes}) == 2:
        yield "Another version of scratch_rnn or concise_rnn: their source differs"


def show_changes(earlier: Document, now: Document, terminal: Terminal) -> None:
    """Print a line for each ratio that both benchmarks have."""
    terminal.line()
    terminal.line(
        f"Against the benchmark of {earlier.time}: ratios to PyTorch's time in the same run", "bold"
    )
    for line in describe_differences(earlier.environment, now.environment):
        terminal.line(line)
    found = changes(earlier, now)
    if not found:
        terminal.line("No row is timed together with PyTorch in both benchmarks")
        return
    titles = ("shape", "phase", "row", "before", "now", "change")
    table = plain_table(titles, left=("shape", "phase", "row", "change"))
    for change in found:
        numbers = f"{change.before:.2f}", f"{change.now:.2f}"
        text = Text(change.description, "" if change.is_noise else "bold")
        table.add_row(change.shape, change.phase, change.row, *numbers, text)
    terminal.console.print(table)
    terminal.line("Within noise: the ranges of both ratios, from quartile to quartile, overlap")
