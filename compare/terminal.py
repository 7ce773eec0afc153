"""What the command shows: lines, the table of a comparison, and a progress bar.

Where the output is no terminal (a file, a pipe), lines take the place of the bar, nothing is
coloured, and no line is broken. Whatever comes from a user's text is printed as it is.
"""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from compare.parity import ParityReport, ParityRow

PLAIN_WIDTH = 100
"""Columns of a table where the output is no terminal."""


class _Console(Console):
    """A console that hands a broken pipe on to the caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Terminal:
    """Standard output, as wide and as colourful as it happens to be.

    Parameters
    ----------
    console : Console, optional
        Where to print; standard output if left out.
    quiet : bool
        Print nothing at all.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for a terminal without Unicode
        self.console = console or _Console(emoji=False, markup=False, highlight=False, quiet=quiet)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = PLAIN_WIDTH
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line, however long."""
        self.console.print(Text(text, style), soft_wrap=True)

    def written(self, texts: Mapping[str, str], indent: str = "  ") -> None:
        """Print what each side wrote: once, if all wrote the same."""
        sides = list(texts)
        if len(sides) > 1 and len(set(texts.values())) == 1:
            texts = {" and ".join(sides): texts[sides[0]]}
        width = max(map(len, texts))
        for side, text in texts.items():
            line = Text(f"{indent}{side.ljust(width)}  ")
            self.console.print(line.append(text, "bold"), soft_wrap=True)

    def parity(self, report: ParityReport) -> None:
        """Print the comparison as a table, with as many columns as the terminal is wide."""
        unlimited = self.console.options.update(width=1000)
        for columns in _PARITY_COLUMNS:
            table = _parity_table(report.rows, columns)
            if Measurement.get(self.console, unlimited, table).maximum <= self.console.width:
                break
        self.console.print(table)
        self.line(*parity_verdict(report))

    @contextmanager
    def progress(
        self, num_epochs: int, updates_per_epoch: int, *, done: int = 0
    ) -> Iterator[Progress]:
        """Show how far the training is while the body runs; so many updates are done already."""
        progress = Progress(self, num_epochs, updates_per_epoch, done)
        with progress.bar:
            yield progress


def parity_verdict(report: ParityReport) -> tuple[str, str]:
    """Sum the comparison up in one line, and give the style that it is printed in."""
    wrong = [f"{row.name} ({row.problem})" if row.problem else row.name for row in report.failures]
    if wrong:
        names = ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        return f"parity: {len(wrong)} of {len(report.rows)} tensors differ: {names}", "red"
    share = max((row.difference / row.allowed for row in report.rows if row.allowed > 0), default=0)
    return (
        f"parity: all {len(report.rows)} tensors agree; "
        f"the largest difference takes {share:.0%} of what rounding is allowed",
        "green",
    )


class Progress:
    """How far a training is: a bar at the foot of a terminal, or a line every so many epochs."""

    def __init__(
        self, terminal: Terminal, num_epochs: int, updates_per_epoch: int, done: int
    ) -> None:
        self._terminal = terminal
        self._num_epochs = num_epochs
        self._updates_per_epoch = updates_per_epoch
        self._begun = time.perf_counter()
        self._done_before = self._updates = done
        self.bar = RichProgress(
            *_bar_columns(terminal.console.width),
            console=terminal.console,
            disable=not terminal.live,
            refresh_per_second=4,
        )
        self._task = self.bar.add_task(
            "",
            total=self._total,
            completed=done,
            epoch=done // updates_per_epoch,
            rate="",
            perplexity="",
            apart="",
        )

    @property
    def seconds(self) -> float:
        """Time since the training began, or went on."""
        return time.perf_counter() - self._begun

    @property
    def rate(self) -> float:
        """Updates a second in that time."""
        return (self._updates - self._done_before) / max(self.seconds, 1e-9)

    def advance(self, largest_difference: float | None) -> None:
        """Count one update."""
        self._updates += 1
        if self._terminal.live:
            self.bar.update(
                self._task,
                advance=1,
                epoch=self._updates // self._updates_per_epoch,
                rate=f"{self.rate:.0f} updates/s",
                apart="" if largest_difference is None else f"apart {largest_difference:.1e}",
            )

    def end_epoch(
        self,
        perplexities: Mapping[str, float],
        largest_difference: float | None,
        texts: Mapping[str, str] | None,
    ) -> None:
        """End an epoch; if there are texts, print the figures and what each side wrote."""
        shown = " ".join(f"{value:.2f}" for value in perplexities.values())
        self.bar.update(self._task, perplexity=shown)
        if texts is None:
            return
        done = f"epoch {self._updates // self._updates_per_epoch}/{self._num_epochs}"
        figures = [done, perplexity_line(perplexities)]
        if largest_difference is not None:
            figures.append(f"largest difference {largest_difference:.1e}")
        if not self._terminal.live:
            left = (self._total - self._updates) / self.rate
            figures += [f"{self.rate:.0f} updates/s", f"{left:.0f} s left"]
        self._terminal.line("  ".join(figures), "dim")
        self._terminal.written(texts)

    @property
    def _total(self) -> int:
        return self._num_epochs * self._updates_per_epoch


def perplexity_line(perplexities: Mapping[str, float]) -> str:
    """Name the perplexity of each side."""
    return "perplexity " + ", ".join(f"{side} {value:.2f}" for side, value in perplexities.items())


def _bar_columns(width: int) -> Sequence[ProgressColumn]:
    """Choose what fits on one line of the terminal, the most telling first."""
    epoch = TextColumn("epoch {task.fields[epoch]}")
    perplexity = TextColumn("perplexity {task.fields[perplexity]}")
    rate = TextColumn("{task.fields[rate]}")
    apart = TextColumn("{task.fields[apart]}")
    left = TimeRemainingColumn(compact=True)
    if width >= 100:
        return epoch, BarColumn(), left, rate, perplexity, apart
    if width >= 72:
        return epoch, BarColumn(8), left, perplexity, apart
    if width >= 40:
        return epoch, left, TextColumn("{task.fields[perplexity]}")
    return (epoch,)


# From the widest to the narrowest.
_PARITY_COLUMNS = (
    ("tensor", "shape", "largest difference", "in ulps", "allowed", "verdict"),
    ("tensor", "shape", "difference", "ulps", "allowed", "verdict"),
    ("tensor", "apart", "allowed", "verdict"),
    ("tensor", "apart", "verdict"),
    ("tensor", "verdict"),
)


def _parity_table(rows: Sequence[ParityRow], columns: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        left = column in ("tensor", "verdict")
        table.add_column(column, justify="left" if left else "right", overflow="fold")
    group = ""
    for row in rows:
        previous, (group, name) = group, _group(row.name)
        if group and group != previous:
            table.add_row(group)
        cells = _cells(row) | {"tensor": f"  {name}" if group else name}
        table.add_row(*(cells[column] for column in columns))
    return table


def _group(name: str) -> tuple[str, str]:
    """Cut a name in what was done and what it was done to: "updated", "linear.bias"."""
    match = re.fullmatch("(.* of|updated) (.+)", name)
    return (match[1], match[2]) if match else ("", name)


def _cells(row: ParityRow) -> dict[str, str | Text]:
    difference = f"{row.difference:.1e}"
    ulps = f"{row.ulps:,.0f}" if row.ulps < 1e6 else f"{row.ulps:.1e}"
    return {
        "shape": " x ".join(map(str, row.shape)) or "scalar",
        "largest difference": difference,
        "difference": difference,
        "apart": difference,
        "in ulps": ulps,
        "ulps": ulps,
        "allowed": f"{row.allowed:.1e}",
        "verdict": Text("agrees", "green") if row.ok else Text("DIFFERS", "bold red"),
    }
