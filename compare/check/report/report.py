"""The report of `check`: in a terminal, as JSON, and for Gradescope."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from compare.check.cases.parts import PartResult
from compare.check.report.explanation import explained, first_entry, in_short, problem, reason
from compare.check.subjects.training import TrainingResult, show_training
from compare.files import write_file
from compare.implementations import Notes, clean
from compare.terminal import Terminal, plural

STYLES = {"right": "green", "wrong": "bold red", "missing": "dim", "error": "red", "timeout": "red"}
FAILED = ("wrong", "error", "timeout")
WARNING = re.compile(r"(.+):(\d+): (\w*Warning: .+)")  # file, line, category and message
PACKAGES = ("scratch_rnn/", "concise_rnn/", "compare/")
REFUSED = "(--numpy-only refuses that)"
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
    stages: list[PartResult]
    features: list[dict[str, str]] = field(default_factory=list)
    properties: list[dict[str, str]] = field(default_factory=list)
    error_handling: list[dict[str, str]] = field(default_factory=list)
    kernels: list[dict[str, str]] = field(default_factory=list)  # compiled, with --compile-for
    strict: bool = False  # whether error handling counts
    notes: list[str] = field(default_factory=list)
    failed: str = ""  # why it could not be checked
    training: TrainingResult | None = None
    adapter: str = ""  # of a class of another library

    @property
    def score(self) -> float:
        """A point for each stage that is right."""
        return float(sum(result.verdict == "right" for result in self.stages))

    @property
    def wrong(self) -> list[dict[str, str]]:
        """The features and properties that fail; with `strict` also the error handling."""
        counted = self.features + self.properties + self.kernels
        counted += self.error_handling if self.strict else []
        return [entry for entry in counted if entry["verdict"] in FAILED]

    @property
    def failures(self) -> list[str]:
        """What fails beside the stages, each in a line."""
        training = self.training.failed if self.training is not None else ""
        wrong = [f"{entry['name']}: {entry['verdict']}" for entry in self.wrong]
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
        reported = [reason(result) for result in self.stages]
        return self.summary.partition(";")[0] if self.failed in reported else self.summary

    def hide_equations(self) -> None:
        """Leave out the equations, and the lines of the plain version: exercises ask for them."""
        for result in self.stages:
            result.stage = replace(result.stage, equation="")
            result.likely_lines = ()

    def rows(self) -> Iterator[Row]:
        """Yield the stages, features and properties as one table."""
        for result in self.stages:
            lines = [line.plain for line in explained(result)]
            fails = result.verdict != "right"
            yield Row(result.stage.name, result.verdict, fails, "\n".join(lines))
        for entry in self.features + self.properties + self.kernels:
            keys = ("case", "tensor", "found", "got", "likely")
            message = ": ".join(entry[key] for key in keys if key in entry)
            yield Row(entry["name"], entry["verdict"], entry["verdict"] in FAILED, message)

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
            "features": self.features,
            "properties": self.properties,
            "error_handling": self.error_handling,
            "kernels": self.kernels,
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


def _stage_as_json(result: PartResult) -> dict[str, Any]:
    right, wrong = result.verdict == "right", result.wrong
    expected: Any = result.expected or None
    got: Any = result.got or None
    at = None if wrong is None else first_entry(wrong)
    if at is not None:
        expected, got = _number(wrong.expected[at]), _number(wrong.got[at])
    elif wrong is not None:
        expected, got = problem(wrong)
    return {
        "name": result.stage.name,
        "verdict": result.verdict,
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
    width = max(len(result.stage.name) for result in report.stages)
    previous = ""
    for result in report.stages:
        text = Text(f"  {result.stage.name.ljust(width)}  ")
        text.append(result.verdict.ljust(8), STYLES[result.verdict])
        line = in_short(result)
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
    _show_entries(report, terminal)
    for note in report.notes:
        terminal.line(f"  note: {note}", "yellow")
    if report.training is not None:
        show_training(report.training, terminal)
    failed = [r for r in report.stages if r.verdict not in ("right", "missing")]
    if failed and failed[0].case is not None:  # without a case it could not be loaded
        terminal.line()
        for text in explained(failed[0], is_reported=True):
            terminal.console.print(text, soft_wrap=True)
        if len(failed) > 1 and report.unit == "functions":
            terminal.line()
            terminal.line(f"  `--stage {failed[1].stage.name}` explains the next one.", "dim")


def _show_entries(report: Report, terminal: Terminal) -> None:
    """Print features, properties and error handling, by verdict."""
    for kind, found in (("", report.features), ("properties ", report.properties)):
        for verdict in dict.fromkeys(("right", *FAILED, *(entry["verdict"] for entry in found))):
            names: dict[str, list[str]] = {}  # by the reason why a property is not tried
            for entry in found:
                if entry["verdict"] == verdict:
                    likely = f" ({entry['likely'].rstrip('.')})" if "likely" in entry else ""
                    names.setdefault(entry.get("why", ""), []).append(entry["name"] + likely)
            if names and not verdict.endswith("--strict"):  # these are part of the error handling
                lists = [", ".join(each) + f" ({why})" * bool(why) for why, each in names.items()]
                text = Text(f"  {kind}{verdict}: ", STYLES.get(verdict, "dim"))
                terminal.console.print(text.append("; ".join(lists), "default"), soft_wrap=True)
    for entry in report.properties:
        if entry["verdict"] in FAILED and "found" in entry:
            terminal.line(f"  {entry['name']}, on {entry['case']}: {entry['found']}", "red")
    for entry in report.kernels:
        line = f"  {entry['name']}: {entry.get('found') or entry['got']}"
        terminal.line(line, STYLES[entry["verdict"]])
    uncounted = []
    if any(entry["verdict"] == "missing" for entry in report.features):
        uncounted.append("Missing features do not count.")
    wrong = [entry for entry in report.error_handling if entry["verdict"] == "wrong"]
    for entry in wrong:
        line = f"  error handling: {entry['name']}: {entry['found']}"
        terminal.line(line, "red" if report.strict else "dim")
    if wrong and not report.strict:
        uncounted.append("Error handling counts only with --strict.")
    if uncounted:
        terminal.line(f"  {' '.join(uncounted)}", "dim")


def notes_of(notes: Notes) -> Iterator[str]:
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
