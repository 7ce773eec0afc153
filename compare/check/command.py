"""``rnn-parity check``: is this RNN right, what is wrong and where, and which mistake is likely."""

import time
from pathlib import Path

from compare.check.config import CheckConfig
from compare.check.report.outputs import refuse_replacing
from compare.check.report.page import write_page
from compare.check.report.printing import list_notes, show, write_json
from compare.check.subjects.examination import (
    examine_class,
    examine_functions,
    find_source,
    make_loader,
)
from compare.check.subjects.notebook_template import write_notebook
from compare.check.subjects.report import Report
from compare.check.subjects.template import write_template
from compare.check.vectors.write import write_vectors
from compare.files import name_file
from compare.implementations import (
    CELLS,
    NOTEBOOK,
    Notes,
    Source,
    Start,
    guess_cell_of_class,
    hide_memory,
)
from compare.terminal import CommandError, Terminal, UsageError, plural, refuse_options

__all__ = ["CheckConfig", "CheckError", "check", "examine"]


class CheckError(CommandError):
    """Something that is required is missing or wrong."""


def check(config: CheckConfig, terminal: Terminal | None = None) -> Report | None:
    """Check a file or a class and print the report; with --new write a template.

    CheckError if something that is required is missing or wrong; UsageError, DeviceError or OSError
    if a flag, a file, a module or the device is not valid.
    """
    from threadpoolctl import threadpool_limits  # these are not needed in a browser

    from compare.check.grading.folder import check_folder, find_folder

    terminal = terminal or Terminal(quiet=True)
    config.check()
    hide_memory()
    if config.new is not None:
        cell = config.cell or guess_cell_of_class([config.new.stem]) or next(iter(CELLS))
        template = write_new(config.new, cell)
        with name_file(config.new), config.new.open("x", encoding="utf-8") as file:
            file.write(template)
        terminal.line(f"Written to {config.new}: six functions (cell {cell}). Fill in one, then:")
        terminal.line(f"  rnn-parity check {config.new}", "bold", whole=True)
        return None
    if config.vectors is not None:
        cells = CELLS if config.cell is None else (config.cell,)
        files = write_vectors(config.vectors, [*cells], config.seed)
        terminal.line(f"Written to {config.vectors}: {', '.join(file.name for file in files)}")
        return None
    if (folder := find_folder(str(config.target))) is not None:
        for name in ("gradescope", "watch", "explain"):
            if getattr(config, name):
                raise UsageError(f"expected a file with --{name}, got {config.target}")
        refuse_replacing(config, None, folder)
        rows = check_folder(config, folder, terminal)
        right = sum(row["ok"] for row in rows)
        if right < len(rows):
            raise CheckError(f"{right} of {plural(len(rows), 'file')} are right")
        return None
    refuse_options(config, ["jobs", "class_"], "a folder with --jobs or --class")
    source = find_source(config)
    refuse_replacing(config, source, None)
    with threadpool_limits(1, user_api="blas"):  # more only wait for products as small as these
        if config.watch:
            watch(config, source, terminal)
        report = examine(config, terminal, source)
    if not report.ok:
        quiet = terminal.console.quiet
        raise CheckError(report.describe_failure() if quiet else report.summary_below)
    return report


def write_new(file: Path, cell: str) -> str:
    """Return the template of --new, for this file."""
    template = write_template(cell, file.name)
    return write_notebook(template, file.name) if file.suffix == NOTEBOOK else template


def examine(
    config: CheckConfig,
    terminal: Terminal,
    source: Source | None = None,
    start: Start | None = None,
) -> Report:
    """Check a file or a class, and print the report.

    `start` takes the place of a new process for the user's code.
    """
    source = source or find_source(config)
    notes = Notes()
    load = make_loader(config, source, notes, start)
    report = (examine_class if source.name else examine_functions)(config, load, terminal)
    if not report.adapter:
        report.notes += list_notes(notes)
    if config.no_equations:
        report.hide_equations()
    try:
        show(report, terminal, verbose=config.verbose)
    finally:
        if config.json is not None:
            write_json(config.json, report.to_json())
        if config.gradescope is not None:
            write_json(config.gradescope, report.to_gradescope())
    if config.explain is not None:
        write_page(report, config.explain)
        terminal.line(f"  Written to {config.explain}: open it in a browser.", "dim", whole=True)
    return report


def watch(config: CheckConfig, source: Source, terminal: Terminal) -> None:
    """Check the file whenever it has changed, until Ctrl-C."""
    if not source.file:
        raise UsageError(f"expected a file with --watch, got {config.target}")
    seen = None
    while True:
        changed = Path(source.file).stat().st_mtime_ns if Path(source.file).exists() else seen
        if changed != seen:
            seen = changed
            examine(config, terminal, source)
            terminal.line()
            terminal.line("Waiting for the file to be saved; Ctrl-C ends this.", "dim")
        time.sleep(0.3)
