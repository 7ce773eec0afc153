"""Print the report of `check` in a terminal, and write its files."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.text import Text

from compare.check.core.loading import AS_SCRIPT
from compare.check.core.report import Report
from compare.check.core.result_text import explain, summarize
from compare.check.core.results import Result
from compare.files import JsonObject, write_output
from compare.implementations import FAILED, LEFT_OUT, Notes, Verdict, clean
from compare.terminal import Terminal

STYLES = {"right": "green", "wrong": "bold red", "missing": "dim", "error": "red", "timeout": "red"}
WARNING = re.compile(r"(.+):(\d+): (\w*Warning: .+)")  # file, line, category and message
MOST_NAMES = 5  # opened files that a note names


def write_json(path: Path, values: JsonObject) -> None:
    """Write plain values into a file: all of them, or nothing."""
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_output(path, text.encode(errors="backslashreplace"))


def show(report: Report, terminal: Terminal, *, verbose: bool = False) -> None:
    """Print a line for each stage and the other results, and explain the first failure.

    Without `verbose`, what does not count is counted, and not listed.
    """
    first = [note for note in report.notes if note.startswith(AS_SCRIPT)]  # what is not checked
    for note in first:
        terminal.line(f"  note: {note}", "yellow")
    width = max(len(result.name) for result in report.stages)
    previous = ""
    is_absent = report.is_empty and bool(report.failed)  # a class
    for result in report.stages if report.score or not (report.misfit or is_absent) else ():
        text = Text(f"  {result.name.ljust(width)}  ")
        text.append(f"{result.verdict:<7} ", STYLES.get(result.verdict, "yellow"))
        line = summarize(result)
        if line != previous or result.verdict == "right":
            text.append(line, "dim")
        previous = line
        terminal.console.print(text, soft_wrap=True)
    is_none = report.misfit and not report.score
    score = "not checked" if is_none else f"{report.score:g} of {len(report.stages)}"
    score = f"{score}: {report.score_in_words}" if report.another and not report.own else score
    score = report.score_in_words if report.own else score
    if not is_absent:
        terminal.line(f"  {score}", "bold")
    if report.sizes and not report.is_empty:
        ranges = (
            f"{letter} {a} to {b}" if a < b else f"{letter} {a}"
            for letter, (a, b) in report.sizes.items()
            if b > 1
        )
        terminal.line(f"  sizes tried: {', '.join(ranges)}", "dim")
    _show_results(report, terminal, verbose)
    for note in report.notes:
        if note in first:
            continue
        terminal.line(f"  note: {note}", "yellow")
    failed = [
        result
        for result in report.stages
        if result.verdict not in ("right", "missing", "not tried")
        and LEFT_OUT not in result.got  # its line says all
    ]
    if failed and failed[0].case is not None:  # without a case it could not be loaded
        terminal.line()
        for text in explain(failed[0], is_reported=True):
            terminal.console.print(text, soft_wrap=True)
        if len(failed) > 1 and report.unit == "functions":
            terminal.line()
            terminal.line(f"  `--stage {failed[1].name}` explains the next one.", "dim")


def _show_results(report: Report, terminal: Terminal, verbose: bool) -> None:
    """Print features, properties, kernels and error handling."""
    brief = [] if verbose else [Verdict.MISSING, Verdict.NOT_TRIED]
    _show_by_verdict("features", report.features, terminal, brief)
    brief = [] if verbose else [Verdict.RIGHT, Verdict.NOT_TRIED]
    _show_by_verdict("properties", report.properties, terminal, brief)
    for result in (*report.features, *report.properties):
        if result.verdict in FAILED and result.finding and result.case is not None:
            terminal.line(f"  {result.name}, on {result.case.description}: {result.finding}", "red")
    for result in report.kernels:
        line = f"  {result.name}: {result.finding or result.got}"
        terminal.line(line, STYLES.get(result.verdict, "yellow"))
    uncounted = []
    if verbose and any(result.verdict == Verdict.MISSING for result in report.features):
        uncounted.append("Missing features do not count.")
    wrong = [result for result in report.error_handling if result.verdict == Verdict.WRONG]
    for result in wrong:
        line = f"  error handling: {result.name}: {result.finding}"
        terminal.line(line, "red" if report.strict else "dim")
    if wrong and not report.strict:
        uncounted.append("Error handling counts only with --strict.")
    if uncounted:
        terminal.line(f"  {' '.join(uncounted)}", "dim")


def _show_by_verdict(
    kind: str, results: Sequence[Result], terminal: Terminal, brief: Sequence[Verdict]
) -> None:
    """Print features or properties, a line for each verdict; those that are `brief` are counted.

    Those with a reason of their own are listed: not the lack of a feature, but what was raised.
    """
    for verdict in dict.fromkeys((Verdict.RIGHT, *FAILED, *(result.verdict for result in results))):
        names: dict[str, list[str]] = {}  # by the reason
        for result in results:
            if result.verdict == verdict:
                likely = f" ({result.likely.rstrip('.')})" if result.likely else ""
                names.setdefault(result.why, []).append(result.name + likely)
        whys = [why for why in names if not why or why.startswith("missing")]
        if verdict in brief and whys:
            count = sum(len(names.pop(why)) for why in whys)
            reason = ", as the layer lacks what they need" * all(whys)
            more = " (they do not count; --verbose lists them)" * (verdict == Verdict.MISSING)
            terminal.line(f"  {kind} {verdict}{reason}: {count}{more}", "dim")
        if names and verdict != Verdict.NOT_STRICT:  # these are part of the error handling
            lists = [", ".join(listed) + f" ({why})" * bool(why) for why, listed in names.items()]
            text = Text(f"  {kind} {verdict}: ", STYLES.get(verdict, "dim"))
            terminal.console.print(text.append("; ".join(lists), "default"), soft_wrap=True)


def list_notes(notes: Notes) -> Iterator[str]:
    """Yield notes on what the code imports, opens, starts and prints."""
    if notes.imported:
        yield f"imports {', '.join(notes.imported)} (--numpy-only refuses that)"
    if notes.opened:
        more = f" and {len(notes.opened) - MOST_NAMES} more" * (len(notes.opened) > MOST_NAMES)
        yield f"opens {', '.join(notes.opened[:MOST_NAMES])}{more}, of this project"
    if notes.started:
        yield f"uses {', '.join(notes.started)}"
    if notes.first:
        first = next(iter(notes.first.strip().splitlines()), "")
        if warning := WARNING.match(first):
            file = Path(warning[1]).name
            yield f"warned: {clean(warning[3])} ({clean(file)}, line {warning[2]})"
        else:
            yield f"printed text that begins with {first[:60]!r}"
