"""The report of `check`: in a terminal, as JSON, and for Gradescope."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from compare.check.cases.results import ItemResult, Result
from compare.check.report.explanation import (
    describe_problem,
    describe_shapes,
    explain,
    find_first_entry,
    summarize,
)
from compare.check.subjects.training import TrainingResult, show_training
from compare.files import write_file
from compare.implementations import FAILED, Notes, Verdict, clean
from compare.terminal import Terminal, plural

STYLES = {"right": "green", "wrong": "bold red", "missing": "dim", "error": "red", "timeout": "red"}
WARNING = re.compile(r"(.+):(\d+): (\w*Warning: .+)")  # file, line, category and message
PACKAGES = ("scratch_rnn/", "concise_rnn/", "compare/")
REFUSED = "(--numpy-only refuses that)"
SHOWN = ("case", "tensor", "found", "got", "likely")  # of a feature, a property or a kernel
MOST_NAMES = 5  # opened files that a note names


class Row(NamedTuple):
    """A row of the table of results."""

    name: str
    verdict: str
    fails: bool
    message: str = ""


@dataclass(slots=True)
class Report:
    """All results of a check."""

    target: str
    form: str  # functions, cs231n, class, torch
    cell: str
    seed: int
    stages: list[ItemResult] = field(default_factory=list)
    features: list[Result] = field(default_factory=list)
    properties: list[Result] = field(default_factory=list)
    error_handling: list[Result] = field(default_factory=list)
    kernels: list[Result] = field(default_factory=list)  # compiled, with --compile-for
    strict: bool = False  # whether error handling counts
    notes: list[str] = field(default_factory=list)
    failed: str = ""  # why it could not be checked
    training: TrainingResult | None = None
    adapter: str = ""  # of a class of another library

    @property
    def score(self) -> float:
        """A point for each stage that is right."""
        return float(sum(result.verdict == Verdict.RIGHT for result in self.stages))

    @property
    def wrong(self) -> list[Result]:
        """The features and properties that fail; with `strict` also the error handling."""
        counted = self.features + self.properties + self.kernels
        counted += self.error_handling if self.strict else []
        return [result for result in counted if result.verdict in FAILED]

    @property
    def failures(self) -> list[str]:
        """What fails beside the stages, each in a line."""
        training = self.training.failed if self.training is not None else ""
        wrong = [f"{result.name}: {result.verdict}" for result in self.wrong]
        return [*filter(None, (self.failed, training)), *wrong]

    @property
    def ok(self) -> bool:
        """Whether all that is required is there and right, and no feature is wrong."""
        return self.score == len(self.stages) and not self.failures

    @property
    def sizes(self) -> dict[str, list[int]]:
        """The smallest and the largest of each size that was tried."""
        tried = [sizes for result in self.stages for sizes in result.tried]
        found = {letter: [n[letter] for n in tried if letter in n] for letter in "NTBVDHL"}
        return {letter: [min(ns), max(ns)] for letter, ns in found.items() if ns}

    @property
    def unit(self) -> str:
        """What a point is given for."""
        return "functions" if self.form in ("functions", "cs231n") else "parts"

    @property
    def summary(self) -> str:
        """The score, and the first failure beside it."""
        score = f"{self.score:g} of {len(self.stages)} {self.unit} are right"
        return "; ".join([score, *self.failures[:1]])

    @property
    def summary_below(self) -> str:
        """The summary below the table of stages, which names some of the failures."""
        reported = [describe_problem(result) for result in self.stages]
        return self.summary.partition(";")[0] if self.failed in reported else self.summary

    def hide_equations(self) -> None:
        """Leave out the equations, and the lines of the plain version: exercises ask for them."""
        for result in self.stages:
            result.item = replace(result.item, equation="")
            result.likely_lines = ()

    def rows(self) -> Iterator[Row]:
        """Yield the stages, features, properties and kernels as one table."""
        for stage in self.stages:
            message = "\n".join(line.plain for line in explain(stage))
            yield Row(stage.name, stage.verdict, stage.verdict != Verdict.RIGHT, message)
        for result in self.features + self.properties + self.kernels:
            values = result.to_json()
            message = ": ".join(values[name] for name in SHOWN if name in values)
            yield Row(result.name, result.verdict, result.verdict in FAILED, message)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "form": self.form,
            "cell": self.cell,
            "ok": self.ok,
            "score": self.score,
            "out_of": float(len(self.stages)),
            "seed": self.seed,
            "sizes": self.sizes,
            "stages": [_stage_as_json(result) for result in self.stages],
            "features": [result.to_json() for result in self.features],
            "properties": [result.to_json() for result in self.properties],
            "error_handling": [result.to_json() for result in self.error_handling],
            "kernels": [result.to_json() for result in self.kernels],
            "training": None if self.training is None else self.training.to_json(),
            "notes": self.notes,
        }

    def to_gradescope(self) -> dict[str, Any]:
        """Return the report as the results.json of Gradescope's autograder."""
        tests: list[dict[str, Any]] = [
            {
                "name": row.name,
                "number": str(k),
                "score": float(not row.fails),
                "max_score": 1.0,
                "status": "failed" if row.fails else "passed",
                "output": row.message or "right",
            }
            for k, row in enumerate(islice(self.rows(), len(self.stages)), start=1)
        ]
        if self.training is not None:
            failed = self.training.failed
            test = {"name": "training in lock-step with PyTorch", "output": failed or "right"}
            tests.append(test | {"status": "failed" if failed else "passed"})
        return {
            "score": self.score,
            "output": f"rnn-parity check: {self.score:g} of {len(self.stages)}",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": tests,
        }


def _stage_as_json(result: ItemResult) -> dict[str, Any]:
    right, wrong = result.verdict == Verdict.RIGHT, result.wrong
    expected: Any = result.expected or None
    got: Any = result.got or None
    at = None if wrong is None else find_first_entry(wrong)
    if wrong is not None and at is not None:
        expected, got = _number(wrong.expected[at]), _number(wrong.got[at])
    elif wrong is not None:
        expected, got = describe_shapes(wrong)
    return {
        "name": result.name,
        "verdict": result.verdict.value,
        "points": float(right),
        "out_of": 1.0,
        "cases": result.cases,
        "case": result.case.words if result.case and not right else None,
        "tensor": wrong.tensor if wrong is not None else None,
        "at": None if at is None else list(at),
        "expected": expected,
        "got": got,
        "likely": result.likely or None,
    }


def _number(value: Any) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))  # JSON has no NaN


def check_can_write(path: Path) -> None:
    """Raise OSError if no file can be written there; change nothing."""
    if path.is_symlink() or (path.exists() and not (path.is_file() or path.is_dir())):
        return  # a link, a pipe or a terminal
    was_there = path.exists()
    path.open("ab").close()
    if not was_there:
        path.unlink()


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values into a file: all of them, or nothing."""
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    content = text.encode(errors="backslashreplace")
    path = path.resolve()  # the file that a link names
    if path.exists() and not path.is_file():  # a pipe or a terminal
        path.write_bytes(content)
    else:
        write_file(path, [content])


def show(report: Report, terminal: Terminal) -> None:
    """Print a line for each stage, what else was checked, and explain the first failure."""
    width = max(len(result.name) for result in report.stages)
    previous = ""
    for result in report.stages:
        text = Text(f"  {result.name.ljust(width)}  ")
        text.append(result.verdict.ljust(8), STYLES[result.verdict])
        line = summarize(result)
        if line != previous or result.verdict == "right":
            text.append(line, "dim")
        previous = line
        terminal.console.print(text, soft_wrap=True)
    terminal.line(f"  {report.score:g} of {len(report.stages)}", "bold")
    if report.sizes:
        shown = (
            f"{letter} {a} to {b}" if a < b else f"{letter} {a}"
            for letter, (a, b) in report.sizes.items()
            if b > 1
        )
        terminal.line(f"  sizes tried: {', '.join(shown)}", "dim")
    _show_results(report, terminal)
    for note in report.notes:
        terminal.line(f"  note: {note}", "yellow")
    if report.training is not None:
        show_training(report.training, terminal)
    failed = [r for r in report.stages if r.verdict not in ("right", "missing")]
    if failed and failed[0].case is not None:  # without a case it could not be loaded
        terminal.line()
        for text in explain(failed[0], is_reported=True):
            terminal.console.print(text, soft_wrap=True)
        if len(failed) > 1 and report.unit == "functions":
            terminal.line()
            terminal.line(f"  `--stage {failed[1].name}` explains the next one.", "dim")


def _show_results(report: Report, terminal: Terminal) -> None:
    """Print features, properties, kernels and error handling."""
    _show_by_verdict("", report.features, terminal)
    _show_by_verdict("properties ", report.properties, terminal)
    for result in report.properties:
        if result.verdict in FAILED and result.found and result.case is not None:
            terminal.line(f"  {result.name}, on {result.case.words}: {result.found}", "red")
    for result in report.kernels:
        line = f"  {result.name}: {result.found or result.got}"
        terminal.line(line, STYLES[result.verdict])
    uncounted = []
    if any(result.verdict == Verdict.MISSING for result in report.features):
        uncounted.append("Missing features do not count.")
    wrong = [result for result in report.error_handling if result.verdict == Verdict.WRONG]
    for result in wrong:
        line = f"  error handling: {result.name}: {result.found}"
        terminal.line(line, "red" if report.strict else "dim")
    if wrong and not report.strict:
        uncounted.append("Error handling counts only with --strict.")
    if uncounted:
        terminal.line(f"  {' '.join(uncounted)}", "dim")


def _show_by_verdict(kind: str, found: Sequence[Result], terminal: Terminal) -> None:
    """Print the names of features or properties, a line for each verdict."""
    for verdict in dict.fromkeys((Verdict.RIGHT, *FAILED, *(result.verdict for result in found))):
        names: dict[str, list[str]] = {}  # by the reason why a property is not tried
        for result in found:
            if result.verdict == verdict:
                likely = f" ({result.likely.rstrip('.')})" if result.likely else ""
                names.setdefault(result.why, []).append(result.name + likely)
        if names and verdict != Verdict.NOT_STRICT:  # these are part of the error handling
            lists = [", ".join(each) + f" ({why})" * bool(why) for why, each in names.items()]
            text = Text(f"  {kind}{verdict}: ", STYLES.get(verdict, "dim"))
            terminal.console.print(text.append("; ".join(lists), "default"), soft_wrap=True)


def list_notes(notes: Notes) -> Iterator[str]:
    """Yield notes on what the code imports, opens, starts and prints."""
    if notes.imported:
        yield f"imports {', '.join(notes.imported)} {REFUSED}"
    if notes.opened:
        of_project = [name for name in notes.opened if name.startswith(PACKAGES)]
        shown = [*of_project, *(name for name in notes.opened if name not in of_project)]
        more = f" and {len(shown) - MOST_NAMES} more" * (len(shown) > MOST_NAMES)
        refused = f" {REFUSED}" if of_project else ""
        yield f"opens {', '.join(shown[:MOST_NAMES])}{more}{refused}"
    if notes.started:
        yield f"uses {', '.join(notes.started)} {REFUSED}"
    if notes.asked:
        yield f"asks the reference for {', '.join(notes.asked)}, which it has to compute itself"
    if notes.left:
        yield f"left {plural(notes.left, 'process', 'processes')} running, ended by the check"
    if notes.lines:
        first = next(iter(notes.first.strip().splitlines()), "")
        if warning := WARNING.match(first):
            file = Path(warning[1]).name
            yield f"warned: {clean(warning[3])} ({clean(file)}, line {warning[2]})"
        else:
            many = f"{notes.lines:,} line{'s'[: notes.lines != 1]}"
            yield f"printed {many}, the first: {first[:60]!r}"
