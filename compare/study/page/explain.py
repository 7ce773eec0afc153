"""The command `explain`: a page with all numbers of the network for a short text."""

import dataclasses
import webbrowser
from pathlib import Path
from typing import Any

from compare.files import is_page
from compare.parity import limited_threads
from compare.runs import Course, newest_run, read_course
from compare.study.config import ExplainConfig
from compare.study.page.build import MARK, PageSize, scripts, write_page
from compare.study.page.demonstration import demonstration
from compare.study.page.record import record
from compare.terminal import PACKAGE, Terminal, UsageError, plural


def explain(config: ExplainConfig, terminal: Terminal | None = None) -> Path:
    """Write the page and return its path.

    A UsageError says that no token of the text is in the vocabulary, the file at the path is not a
    page of `explain`, or the page has no script for the cell; a RecordError, that the weights
    cannot be read, or the page cannot show their setting.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.out.exists() and not (config.overwrite or is_page(config.out, MARK)):
        raise UsageError(
            f"expected a new file or a page of explain as --out, got {config.out}, "
            "which is something else (--overwrite replaces it)"
        )
    if config.cell is not None:
        scripts(config.cell)
    course = choose_course(config, terminal)
    scripts(course.setting.cell)  # before the results are computed
    with limited_threads(1):
        made = record(config.text, course, terminal)
        small = _small(course)
    size = write_page(made, config.out, most_bytes=round(config.megabytes * 1e6), small=small)
    terminal.line(_left_out(size))
    if size.has_small:
        terminal.line("A menu in the page shows the demonstration, a small network, in its place.")
    address = config.out.resolve().as_uri()
    terminal.line(f"Written to {config.out} ({size.num_bytes / 1e3:,.0f} kB).")
    if not (config.open and webbrowser.open(address)):
        terminal.line(f"Open it in a browser: {address}")
    return config.out


def _small(course: Course) -> dict[str, Any] | None:
    """Return the demonstration with the same cell for the page of a run; None if there is none."""
    try:
        small = demonstration(course.setting.cell)
    except UsageError:
        return None
    if course.source == small.source:
        return None
    ends = small.snapshots[0], small.snapshots[-1]
    return record(ExplainConfig().text, dataclasses.replace(small, snapshots=ends))


def choose_course(config: ExplainConfig, terminal: Terminal) -> Course:
    """Return the requested run, or else the newest run, or else the demonstration."""
    if config.cell is not None:
        course = demonstration(config.cell)
        terminal.line(f"Weights: {course.source}")
        return course
    path = config.checkpoint or newest_run(config.runs)
    if path is None:
        course = demonstration()
        terminal.line(
            f"No run under {config.runs}/: this is {course.source}. "
            f"`{PACKAGE} run --quick` trains your own model."
        )
    else:
        course = read_course(path)
        terminal.line(f"Weights: {path}, {', '.join(s.label for s in course.snapshots)}")
    return course


def _left_out(size: PageSize) -> str:
    """Return a line about the checkpoints that are left out."""
    kept, details, of = len(size.kept), len(size.with_details), size.num_checkpoints
    if details == of:
        return f"{plural(of, 'checkpoint')}, with all weights"
    return (
        f"{kept} of {of} checkpoints, {details} of them with their weights: "
        f"the limit is {size.most_bytes / 1e6:g} MB (--megabytes)"
    )
