"""The output of the commands: lines, and a progress bar.

If the output is a file or a pipe, there are lines instead of the bar, no colours, no line breaks.
Text of the user is printed unchanged.
"""

import io
import os
import sys
import textwrap
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, OverflowMethod
from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from compare.terminal.version import PACKAGE

PLAIN_WIDTH = 100  # columns of a table if the output is not a terminal

QUIET_SECONDS = 10.0  # without a line; then there is one on the progress

LONG_EPOCH = 10_000
"""The fewest updates of an epoch whose hundredths have a line each if there is no terminal."""


def plain_table(
    titles: Iterable[str], left: Collection[str], overflow: OverflowMethod = "ellipsis"
) -> Table:
    """Return a table with a line under its head; the columns that are not `left` have numbers."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title in left else "right", overflow=overflow)
    return table


class _Console(Console):
    """A console that raises BrokenPipeError, unless the command `continues` without a reader."""

    continues = False
    is_unread = False

    def on_broken_pipe(self) -> None:
        if not self.continues:
            raise BrokenPipeError
        self.file, self.is_unread = io.StringIO(), True


class Terminal:
    """Standard output, or another console, with its width and its colours; or nothing if quiet."""

    def __init__(
        self, console: Console | None = None, *, quiet: bool = False, continues: bool = False
    ) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for a terminal without Unicode
        own = _Console(emoji=False, markup=False, highlight=False, quiet=quiet)
        own.continues = continues
        self.console = console or own
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = PLAIN_WIDTH
        self._last_line = time.monotonic()
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal

    @property
    def is_unread(self) -> bool:
        """Whether nobody reads the output any more: its pipe was closed."""
        return isinstance(self.console, _Console) and self.console.is_unread

    def line(self, text: str = "", style: str = "", *, whole: bool = False) -> None:
        """Print a line; on a terminal it is wrapped between words, unless it is to be copied."""
        if self.console.is_terminal and not whole:
            text = wrapped(text, self.console.width)
        self.console.print(Text(text, style), soft_wrap=True)
        self._last_line = time.monotonic()

    def line_at_times(self, text: str) -> None:
        """Print a line on the progress, if the last line was printed some seconds ago."""
        if time.monotonic() - self._last_line > QUIET_SECONDS:
            self.line(text, "dim")

    def note(self, text: str) -> None:
        """Print one line to standard error."""
        if not self.console.quiet:
            sys.stderr.write(f"{PACKAGE}: {text}\n")

    def written(self, texts: Mapping[str, str], indent: str = "  ") -> None:
        """Print the text of each model, once if they are equal."""
        sides = list(texts)
        if len(sides) > 1 and len(set(texts.values())) == 1:
            texts = {" and ".join(sides): texts[sides[0]]}
        width = max(map(len, texts))
        for side, text in texts.items():
            line = Text(f"{indent}{side.ljust(width)}  ")
            if self.console.is_terminal:
                lines = wrapped(text, max(20, self.console.width - len(line))).split("\n")
                text = ("\n" + " " * len(line)).join(lines)
            self.console.print(line.append(text, "bold"), soft_wrap=True)

    @contextmanager
    def progress(
        self, num_epochs: int, updates_per_epoch: int, *, done: int = 0
    ) -> "Iterator[Progress]":
        """Show the progress of a training while the body runs, after `done` updates."""
        progress = Progress(self, num_epochs, updates_per_epoch, done)
        with progress.bar:
            yield progress


class Progress:
    """The progress of a training: a bar in a terminal, else a line from time to time."""

    def __init__(
        self, terminal: Terminal, num_epochs: int, updates_per_epoch: int, done: int
    ) -> None:
        self._terminal = terminal
        self._num_epochs = num_epochs
        self._updates_per_epoch = updates_per_epoch
        self._begun = time.perf_counter()
        self._done_before = self._updates = done
        self.bar = RichProgress(
            *_list_bar_columns(terminal.console.width),
            console=terminal.console,
            disable=not terminal.live,
            refresh_per_second=4,
        )
        fields: dict[str, Any] = dict.fromkeys(("rate", "perplexity", "apart"), "")
        fields["epoch"] = done // updates_per_epoch
        self._task = self.bar.add_task("", total=self._total, completed=done, **fields)

    @property
    def seconds(self) -> float:
        """Time since the training began or was resumed."""
        return time.perf_counter() - self._begun

    @property
    def rate(self) -> float:
        """Updates per second in that time."""
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
            return
        length = self._updates_per_epoch
        if length >= LONG_EPOCH and self._updates % (length // 100) == 0:
            done = f"update {self._updates:,} of {self._total:,}"
            self._terminal.line("  ".join([done, *self._describe_speed()]), "dim")

    def end_epoch(
        self,
        perplexities: Mapping[str, float],
        largest_difference: float | None,
        texts: Mapping[str, str] | None,
        recall_shares: Mapping[str, float] | None = None,
    ) -> None:
        """End an epoch; if there are texts, print the figures and what each side wrote."""
        figures_in_bar = " ".join(f"{value:.2f}" for value in perplexities.values())
        self.bar.update(self._task, perplexity=figures_in_bar)
        if texts is None:
            return
        done = f"epoch {self._updates // self._updates_per_epoch}/{self._num_epochs}"
        figures = [done, perplexity_line(perplexities)]
        if recall_shares:
            figures.append(recall_line(recall_shares))
        if largest_difference is not None:
            figures.append(f"largest difference {largest_difference:.1e}")
        if not self._terminal.live:
            figures += self._describe_speed()
        self._terminal.line("  ".join(figures), "dim")
        self._terminal.written(texts)

    def _describe_speed(self) -> list[str]:
        left = (self._total - self._updates) / self.rate
        return [f"{self.rate:.0f} updates/s", f"{left:.0f} s left"]

    @property
    def _total(self) -> int:
        return self._num_epochs * self._updates_per_epoch


def wrapped(line: str, width: int) -> str:
    """Wrap a line between words; one that is longer than the width is not broken."""
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def perplexity_line(perplexities: Mapping[str, float]) -> str:
    """Return a line with the perplexity of each model."""
    return "perplexity " + ", ".join(f"{side} {value:.2f}" for side, value in perplexities.items())


def recall_line(recall_shares: Mapping[str, float]) -> str:
    """Return a line with the recall accuracy of each model."""
    shares = ", ".join(f"{side} {share:.1%}" for side, share in recall_shares.items())
    return f"recall accuracy {shares}"


def describe_range(name: str, numbers: Collection[int]) -> str:
    """Return the smallest and the largest of some numbers with their name: ``T 1 to 9``."""
    least, most = min(numbers), max(numbers)
    return f"{name} {least}" if least == most else f"{name} {least} to {most}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 epoch, 2 epochs."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _list_bar_columns(width: int) -> Sequence[ProgressColumn]:
    """Return the columns that fit on one line of the terminal, the most important ones."""
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
