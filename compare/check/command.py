"""``rnn-parity check``: is this RNN right, what is wrong and where, and which mistake is likely."""

import time
from dataclasses import replace
from pathlib import Path

from compare.check.core.config import OWN, CheckConfig
from compare.check.core.loading import find_source, make_loader
from compare.check.core.report import Report
from compare.check.exercise.examine import examine_functions
from compare.check.exercise.functions import list_functions, list_in_columns
from compare.check.layers.examine import examine_class
from compare.check.layers.own import can_be_own, examine_own
from compare.check.report.outputs import refuse_replacing
from compare.check.report.page import write_page
from compare.check.report.printing import list_notes, show, write_json
from compare.implementations import CallFailed, Notes, Source, Start, clean
from compare.terminal import CommandError, Terminal, UsageError, hide_memory

__all__ = ["CheckConfig", "CheckError", "check", "examine"]


class CheckError(CommandError):
    """Something that is required is missing or wrong."""


def check(config: CheckConfig, terminal: Terminal | None = None) -> Report:
    """Check a file or a class, and print the report.

    Parameters
    ----------
    config : CheckConfig
        The target and the options of ``rnn-parity check``.
    terminal : Terminal, optional
        Where to print. Default: nothing is printed.

    Returns
    -------
    Report
        The results of all stages, features and properties; everything required is right.

    Raises
    ------
    CheckError
        If something that is required is missing or wrong.
    UsageError, DeviceError, OSError
        If an option, a file, a module or the device is not valid, or the target could not be
        checked.
    """
    from threadpoolctl import threadpool_limits  # not needed in a browser

    terminal = terminal or Terminal(quiet=True)
    config.check()
    hide_memory()
    source = find_source(config)
    refuse_replacing(config, [Path(source.file)] if source.file else [])
    with threadpool_limits(1, user_api="blas"):  # more only wait for products as small as these
        if config.watch:
            watch(config, source, terminal)
        report = examine(config, terminal, source, is_search=True)
    if report.misfit and not report.wrong:
        what = f"the gradients of {config.target} were" if report.score else f"{config.target} was"
        what = f"{config.target} was" if report.form == "own" else what
        raise UsageError(f"{what} not checked: {report.misfit}")
    if not report.ok:
        quiet = terminal.console.quiet
        raise CheckError(report.describe_in_lines() if quiet else report.summary_below)
    return report


def examine(
    config: CheckConfig,
    terminal: Terminal,
    source: Source | None = None,
    start: Start | None = None,
    *,
    is_search: bool = False,
) -> Report:
    """Check a file or a class, and print the report.

    `start` takes the place of a new process for the user's code. A file without a function of the
    template is searched for a recurrence if `is_search` says so.
    """
    source = source or find_source(config)
    is_named = bool(source.name) or is_search
    is_readable = start is None and is_named and can_be_own(config)
    if config.cell == OWN:
        if not is_readable:
            raise UsageError(
                f"expected FILE:CLASS or FILE:FUNCTION with --cell {OWN}, got {config.target}"
            )
        try:
            report = examine_own(config, terminal)
        except CallFailed as failure:
            raise UsageError(f"{config.target} was not checked: {failure}") from None
    else:
        report = _examine_known(config, terminal, source, start)
        if report.misfit and is_readable:
            report = _choose(report, config, terminal)
    if report.form == "own":
        read = clean(report.target)
        report.title = f"{read}: a recurrence, read by calling it, seed {report.seed}"
    if report.title:
        terminal.line(report.title)
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


def _examine_known(
    config: CheckConfig, terminal: Terminal, source: Source, start: Start | None
) -> Report:
    """Check a file or a class whose form is known."""
    notes = Notes()
    layers = [] if source.module else list_in_columns(Path(source.file))
    name = source.name.replace("backward", "forward")  # a layer in columns has both
    if layers and not name:
        name = next((n for n in layers if n.startswith(config.base_cell or "")), layers[0])
    if name in layers:
        config = replace(config, target=f"{config.target.removesuffix(f':{source.name}')}:{name}")
        source = replace(source, name=name)
    is_function = not source.module and source.name in list_functions(Path(source.file))
    if source.name in layers or (source.is_layer and not is_function):
        report = examine_class(config, make_loader(config, source, notes, start), terminal)
    else:
        report = examine_functions(config, source, terminal, notes, start)
    if not report.adapter:
        report.notes += list_notes(notes)
    for name in layers if source.name in layers else ():
        report.notes += [f"also there: {name}, as FILE:{name}"] * (name != source.name)
    return report


def _choose(report: Report, config: CheckConfig, terminal: Terminal) -> Report:
    """Return the report on what was read by calling it, if that says more than this one."""
    try:
        own = examine_own(config, terminal)
    except CallFailed as failure:
        is_promised = not report.misfit.startswith("expected a parameter")  # by the author's names
        if not is_promised and str(failure).startswith("none of "):
            report.misfit = str(failure)
        return report
    if own.target != config.target:  # a recurrence in a file; its class may have a known form
        found = replace(config, target=own.target)
        known = _examine_known(found, terminal, find_source(found), None)
        known.notes += own.notes[:1]
        return own if known.misfit else known
    is_same = own.cell == report.cell
    return own if is_same or not report.score else report


def watch(config: CheckConfig, source: Source, terminal: Terminal) -> None:
    """Check the file whenever it has changed, until Ctrl-C."""
    if not source.file:
        raise UsageError(f"expected a file with --watch, got {config.target}")
    seen = None
    while True:
        changed = Path(source.file).stat().st_mtime_ns if Path(source.file).exists() else seen
        if changed != seen:
            seen = changed
            examine(config, terminal, source, is_search=True)
            terminal.line()
            terminal.line("Waiting for the file to be saved; Ctrl-C ends this.", "dim")
        time.sleep(0.3)
