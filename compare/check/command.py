"""``rnn-parity check``: tell a stranger what is right, what is wrong, where, and why perhaps."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from compare.check.config import CheckConfig
from compare.check.diagnosis import likely_mistake
from compare.check.report import Report, notes_of, show, write_json
from compare.check.stages import STAGES, Stage, StageResult
from compare.check.stranger.client import Notes, Source, Stranger, Trouble, source_of
from compare.check.trying import TheirFunctions, ours, try_all
from compare.terminal import CommandError, Terminal, UsageError

__all__ = ["CheckConfig", "CheckError", "check", "examine"]


class CheckError(CommandError):
    """Not all that is required is there and right."""


def check(config: CheckConfig, terminal: Terminal | None = None) -> Report | None:
    """Check a file or a class and print what was found; with --new write a template.

    Raises
    ------
    CheckError
        If not all that is required is there and right.
    UsageError
        If a setting won't do, or there is no such file.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.new is not None:
        write_template(config.new, config.cell)
        terminal.line(f"Written: {config.new}. Fill it in, then:")
        terminal.line(f"  rnn-parity check {config.new}", "bold")
        return None
    if config.watch:
        watch(config, terminal)
    report = examine(config, terminal)
    _keep(report, config)
    if not report.ok:
        raise CheckError(f"expected all right, got {_summary(report)}")
    return report


def _summary(report: Report) -> str:
    counts = f"{report.score:g} of {len(report.stages)}"
    return f"{counts}; {report.failed}" if report.failed else counts


def _keep(report: Report, config: CheckConfig) -> None:
    if config.json is not None:
        write_json(config.json, report.to_json())
    if config.gradescope is not None:
        write_json(config.gradescope, report.to_gradescope())


def write_template(path: Path, cell: str) -> None:
    """Write the exercise: functions whose docstrings say what is to be written."""
    template = resources.files("compare.check") / f"template_{cell}.txt"
    if not template.is_file():
        raise UsageError(f"expected --cell rnn, got {cell}: there is no template for it yet")
    text = template.read_text(encoding="utf-8").replace("FILE", path.name)
    path.write_text(text, encoding="utf-8")


def watch(config: CheckConfig, terminal: Terminal) -> None:
    """Examine the file again and again, whenever it has changed; Ctrl-C ends it."""
    source = _source(config)
    if not source.file:
        raise UsageError(f"expected a file with --watch, got {config.target}")
    seen = None
    while True:
        changed = Path(source.file).stat().st_mtime_ns if Path(source.file).exists() else seen
        if changed != seen:
            seen = changed
            report = examine(config, terminal)
            _keep(report, config)
            terminal.line()
            terminal.line("Waiting for the file to be saved; Ctrl-C ends this.", "dim")
        time.sleep(0.3)


def _source(config: CheckConfig) -> Source:
    assert config.target is not None
    try:
        return source_of(
            config.target,
            numpy_only=config.numpy_only,
            seconds=config.timeout,
            gibibytes=config.memory,
        )
    except FileNotFoundError:
        raise UsageError(
            f"expected a file, FILE:CLASS or MODULE:CLASS, got {config.target!r}; "
            "--new FILE writes a template"
        ) from None


def examine(config: CheckConfig, terminal: Terminal) -> Report:
    """Check the functions of a file, and show what was found."""
    source = _source(config)
    stages = _chosen(config.stage)
    terminal.line(f"{config.target}: six functions, seed {config.seed}")
    report = Report(str(config.target), "functions", config.cell, config.seed, [])
    notes = Notes()

    def load() -> Stranger:
        return Stranger(source, ours, notes)

    try:
        load().close()
        report.stages = try_stages(load, stages, config)
    except Trouble as trouble:
        report.stages = [
            StageResult(stage, trouble.verdict, expected="a result", got=str(trouble))
            for stage in stages
        ]
    report.notes += notes_of(notes)
    show(report, terminal)
    return report


def _chosen(name: str | None) -> tuple[Stage, ...]:
    if name is None:
        return STAGES
    chosen = tuple(stage for stage in STAGES if stage.name == name)
    if not chosen:
        names = ", ".join(stage.name for stage in STAGES)
        raise UsageError(f"expected --stage to be one of {names}, got {name!r}")
    return chosen


def try_stages(
    load: Callable[[], Stranger], stages: tuple[Stage, ...], config: CheckConfig
) -> list[StageResult]:
    """Try stages, with one seed or with ten; find the mistake that each wrong one looks like."""
    results = try_all(load, stages, config.seed)
    for seed in range(config.seed + 1, config.seed + 10 if config.deep else 0):
        again = try_all(load, stages, seed)
        for k, (first, later) in enumerate(zip(results, again, strict=True)):
            if first.verdict == "right":
                later.cases += first.cases
                results[k] = later
    for result in results:
        if result.verdict == "wrong":
            diagnose(result, load, config.seed)
    return results


def diagnose(result: StageResult, load: Callable[[], Stranger], seed: int) -> None:
    """Put into a result which mistake it looks like."""
    try:
        with load() as stranger:
            functions = (result.functions_of or TheirFunctions)(stranger)
            result.likely = likely_mistake(result, functions, seed)
    except Trouble:
        return
