"""What `check` says of a submission's code: in a terminal, as JSON, and for Gradescope."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from compare.check.cases.comparison import Comparison
from compare.check.cases.parts import PartResult
from compare.check.functions.training import Training, show_training
from compare.check.worker.client import Notes
from compare.terminal import Terminal

STYLES = {"right": "green", "wrong": "bold red", "missing": "dim", "error": "red", "timeout": "red"}

FAILED = ("wrong", "error", "timeout")

WIDEST = 8
"""Columns of a tensor that are shown side by side."""


WARNING = re.compile(r"(.+):(\d+): (\w*Warning: .+)")
"""What Python prints of a warning: file, line, and what it is."""


@dataclass(slots=True)
class Report:
    """All that was found."""

    target: str
    form: str  # functions, cs231n, class, torch
    cell: str
    seed: int
    stages: list[PartResult]
    features: list[dict[str, str]] = field(default_factory=list)
    properties: list[dict[str, str]] = field(default_factory=list)
    error_handling: list[dict[str, str]] = field(default_factory=list)
    strict: bool = False  # whether error_handling count
    notes: list[str] = field(default_factory=list)
    failed: str = ""  # what else is not as it should be
    training: Training | None = None
    adapter: str = ""  # that made another library's class ours

    @property
    def score(self) -> float:
        """A point for each stage that is right."""
        return float(sum(result.verdict == "right" for result in self.stages))

    @property
    def wrong(self) -> list[dict[str, str]]:
        """The features and the properties that are there and wrong; with `strict`, the error_handling too."""
        error_handling = self.error_handling if self.strict else []
        return [
            f for f in self.features + self.properties + error_handling if f["verdict"] in FAILED
        ]

    @property
    def ok(self) -> bool:
        """Whether all that is required is there and right, and no feature is wrong."""
        fails = self.failed or (self.training is not None and self.training.failed)
        return self.score == len(self.stages) and not self.wrong and not fails

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain JSON values."""
        return {
            "form": self.form,
            "cell": self.cell,
            "ok": self.ok,
            "score": self.score,
            "out_of": float(len(self.stages)),
            "seed": self.seed,
            "stages": [_stage_as_json(result) for result in self.stages],
            "features": self.features,
            "properties": self.properties,
            "error_handling": self.error_handling,
            "training": None if self.training is None else self.training.to_json(),
        }

    def to_gradescope(self) -> dict[str, Any]:
        """Give the report as the results.json of Gradescope's autograder."""
        training = []
        if self.training is not None:
            training.append(
                {
                    "name": "training in lock-step with PyTorch",
                    "status": "failed" if self.training.failed else "passed",
                    "output": self.training.failed or "right",
                }
            )
        return {
            "score": self.score,
            "output": f"rnn-parity check: {self.score:g} of {len(self.stages)}",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": [
                {
                    "name": result.stage.name,
                    "number": str(k),
                    "score": float(result.verdict == "right"),
                    "max_score": 1.0,
                    "status": "passed" if result.verdict == "right" else "failed",
                    "output": "\n".join(text.plain for text in explained(result)) or "right",
                }
                for k, result in enumerate(self.stages, start=1)
            ]
            + training,
        }


def _stage_as_json(result: PartResult) -> dict[str, Any]:
    right, wrong = result.verdict == "right", result.wrong
    expected: Any = result.expected or None
    got: Any = result.got or None
    at = None
    if wrong is not None and (at := first_entry(wrong)) is not None:
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
    """Write plain values into a file."""
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


# In a terminal ----------------------------------------------------------------------------------


def show(report: Report, terminal: Terminal) -> None:
    """Print a line for each stage, and explain the first that is not right."""
    width = max(len(result.stage.name) for result in report.stages)
    said = ""
    for result in report.stages:
        text = Text(f"  {result.stage.name.ljust(width)}  ")
        text.append(result.verdict.ljust(8), STYLES[result.verdict])
        if (in_short := _in_short(result)) != said or result.verdict == "right":
            text.append(in_short, "dim")
        said = in_short
        terminal.console.print(text, soft_wrap=True)
    terminal.line(f"  {report.score:g} of {len(report.stages)}", "bold")
    _show_features(report, terminal)
    for note in report.notes:
        terminal.line(f"  note: {note}", "yellow")
    if report.training is not None:
        show_training(report.training, terminal)
    failed = [r for r in report.stages if r.verdict not in ("right", "missing")]
    if failed and failed[0].case is not None:  # without a case it could not be loaded
        terminal.line()
        for text in explained(failed[0]):
            terminal.console.print(text, soft_wrap=True)
        if len(failed) > 1 and report.form in ("functions", "cs231n"):  # a layer has no stages
            terminal.line()
            terminal.line(f"  `--stage {failed[1].stage.name}` explains the next one.", "dim")


def _show_features(report: Report, terminal: Terminal) -> None:
    """Print what else a layer has; not to have something is no failure."""
    words = {"missing": "not there"}
    for kind, found in (("", report.features), ("properties ", report.properties)):
        for verdict in dict.fromkeys(("right", *FAILED, *(entry["verdict"] for entry in found))):
            names = [_named(entry) for entry in found if entry["verdict"] == verdict]
            if names:
                text = Text(f"  {kind}{words.get(verdict, verdict)}: ", STYLES.get(verdict, "dim"))
                terminal.console.print(text.append(", ".join(names), "default"), soft_wrap=True)
    for entry in report.properties:
        if entry["verdict"] in FAILED and "found" in entry:
            terminal.line(f"  {entry['name']}, on {entry['case']}: {entry['found']}", "red")
    error_handling = [entry for entry in report.error_handling if entry["verdict"] == "wrong"]
    for entry in error_handling:
        told = f"  error_handling: {entry['name']}: {entry['found']}"
        terminal.line(told, "red" if report.strict else "dim")
    if error_handling and not report.strict:
        terminal.line(
            "  What is not there is no failure, and error_handling count only with --strict.", "dim"
        )
    elif any(entry["verdict"] == "missing" for entry in report.features):
        terminal.line("  What is not there is no failure.", "dim")


def _named(entry: dict[str, str]) -> str:
    return (
        f"{entry['name']} ({entry['likely'].rstrip('.')})" if "likely" in entry else entry["name"]
    )


def _in_short(result: PartResult) -> str:
    """Say in a line what came of a stage."""
    if result.verdict == "right":
        return "; ".join([f"{result.cases} case{'s'[: result.cases != 1]}", *result.notes])
    if result.wrong is not None:
        return f"{result.wrong.tensor}: {where(result.wrong)}"
    if result.verdict == "missing":
        return ""
    return told_in_short(result)


def told_in_short(result: PartResult) -> str:
    """Say in words what came of a stage that has no numbers to show."""
    if result.expected == "a result":  # there was none, and this is why
        return result.got
    return f"expected {result.expected}, got {result.got}"


def where(wrong: Comparison) -> str:
    """Say what was expected and what came, at the first wrong entry or of the whole."""
    at = first_entry(wrong)
    if at is None:
        expected, got = problem(wrong)
        return f"expected {expected}, got {got}"
    place = f" at [{', '.join(map(str, at))}]" if at else ""
    for digits in (6, 9, 17):  # as many as it takes to tell them apart
        expected, got = (f"{array[at]:.{digits}g}" for array in (wrong.expected, wrong.got))
        if expected != got:
            break
    return f"expected {expected}, got {got}{place}"


def problem(wrong: Comparison) -> tuple[str, str]:
    """Say how shapes or dtypes differ."""
    expected, got = wrong.expected, wrong.got
    if expected.shape != got.shape:
        return f"shape {expected.shape}", f"shape {got.shape}" if got.size else "none"
    return str(expected.dtype), str(got.dtype)


def first_entry(wrong: Comparison) -> tuple[int, ...] | None:
    """Return the index of the first wrong entry, in the order of time; None without numbers."""
    if wrong.problem:
        return None
    at = np.argwhere(wrong.wrong_entries)
    return tuple(int(k) for k in at[0])


def explained(result: PartResult) -> list[Text]:
    """Explain in lines what is wrong with a stage: case, numbers, equation, likely mistake."""
    if result.verdict == "right":
        return []
    lines = []
    case = f" on {result.case.words}" if result.case else ""
    if result.wrong is None:
        lines.append(Text(f"{result.stage.name}{case}: {told_in_short(result)}"))
    else:
        lines.append(Text(f"{result.stage.name}{case}: {result.wrong.tensor} is wrong"))
        lines += side_by_side(result.wrong)
    lines += [Text(f"  {note}", "dim") for note in result.notes]
    lines.append(Text())
    lines += [Text(f"  {line}", "cyan") for line in result.stage.equation.split("\n")]
    if result.likely:
        lines += [Text(), Text("  It looks like this: ").append(result.likely, "bold")]
    return lines


def side_by_side(wrong: Comparison) -> list[Text]:
    """Show expected and got side by side, the wrong entries marked with a star."""
    at = first_entry(wrong)
    if at is None:
        expected, got = problem(wrong)
        return [Text(f"  expected {expected}, got {got}")]
    lines = []
    index: tuple[Any, ...] = ()
    if wrong.expected.ndim == 3:
        index = (at[0],)
        lines.append(Text(f"  at step {at[0] + 1} of {len(wrong.expected)}", "dim"))
    marks = np.atleast_2d(wrong.wrong_entries[index])
    left, right = np.atleast_2d(wrong.expected[index]), np.atleast_2d(wrong.got[index])
    shown = [_rows(left, np.zeros_like(marks)), _rows(right, marks)]
    width = max(len(text.plain) for text in [*shown[0], Text("expected")])
    lines.append(Text(f"  {'expected'.ljust(width)}   got", "dim"))
    for one, other in zip(*shown, strict=True):
        lines.append(
            Text("  ").append(one).append(" " * (width - len(one.plain) + 3)).append(other)
        )
    more = left.shape[0] > WIDEST or left.shape[1] > WIDEST
    many, apart = int(wrong.wrong_entries.sum()), wrong.difference
    off = f"off by up to {apart:.2g}" if math.isfinite(apart) else "some are not finite"
    lines.append(
        Text(
            f"  {many} of {wrong.expected.size} entries wrong, marked *"
            + (" (not all of them are shown)" if more else "")
            + f"; {off}, where rounding explains {np.max(wrong.allowed):.2g}",
            "dim",
        )
    )
    return lines


def _rows(array: np.ndarray, marks: np.ndarray) -> list[Text]:
    rows = []
    for numbers, row_marks in zip(array[:WIDEST], marks[:WIDEST], strict=False):
        text = Text()
        for number, is_wrong in zip(numbers[:WIDEST], row_marks[:WIDEST], strict=True):
            shown = f"{number:.4g}".rjust(10) + ("*" if is_wrong else " ")
            text.append(shown, "bold red" if is_wrong else "")
        rows.append(text)
    return rows


def notes_of(notes: Notes) -> Iterator[str]:
    """Yield what else is worth knowing of the code."""
    if notes.imported:
        yield f"imports {', '.join(notes.imported)} (--numpy-only refuses that)"
    if notes.lines:
        first = next(iter(notes.first.strip().splitlines()), "")
        if warning := WARNING.match(first):
            yield f"warned: {warning[3]} ({Path(warning[1]).name}, line {warning[2]})"
        else:
            many = f"{notes.lines:,} line{'s'[: notes.lines != 1]}"
            yield f"printed {many}, the first: {first[:60]!r}"
