"""The report: all results of a check, as a table, as JSON, and for Gradescope."""

import math
from dataclasses import dataclass, field, replace

from compare.check.core.result_text import (
    describe_problem,
    describe_shapes,
    explain,
    find_first_entry,
    summarize,
)
from compare.check.core.results import ItemResult, Result
from compare.files import JsonObject
from compare.implementations import CELLS, FAILED, Verdict

FORWARD = "forward"
"""The comparison of a recurrence with the cell of its name, beside its properties."""


@dataclass(slots=True)
class Report:
    """All results of a check."""

    target: str
    form: str  # functions, cs231n, loss, class, torch, own
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
    another: str = ""  # the other cell as which it is right
    is_asked: bool = False  # whether --cell names it
    own: str = ""  # in words, which cell it is that was read by calling it
    misfit: str = ""  # why it was not: its form is another one, which is no mistake
    adapter: str = ""  # of a class of another library
    title: str = ""  # the first line, if it is not printed yet

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
        """Failures beside the stages, each in a line."""
        wrong = [f"{result.name}: {result.verdict}" for result in self.wrong]
        return [*filter(None, [self.failed]), *wrong]

    @property
    def ok(self) -> bool:
        """Whether all that is required is there and right, and no feature is wrong."""
        is_cell = not self.another or self.is_asked
        return self.score == len(self.stages) and is_cell and not self.failures

    @property
    def sizes(self) -> dict[str, list[int]]:
        """The smallest and the largest of each size that was tried."""
        tried = [sizes for result in self.stages for sizes in result.tried]
        by_letter = {letter: [n[letter] for n in tried if letter in n] for letter in "NTBVDHL"}
        return {letter: [min(ns), max(ns)] for letter, ns in by_letter.items() if ns}

    @property
    def is_empty(self) -> bool:
        """Whether nothing of what is graded is there: none is written, or no class has the name."""
        return not self.misfit and {r.verdict for r in self.stages} == {Verdict.MISSING}

    @property
    def unit(self) -> str:
        """The name of the graded items."""
        if self.form == "own":
            return "properties"
        return "functions" if self.form in ("functions", "cs231n", "loss") else "parts"

    @property
    def score_in_words(self) -> str:
        """The score, and before it another cell that is computed."""
        if self.own:
            properties = [r.verdict for r in self.stages if r.name != FORWARD]
            number = properties.count(Verdict.RIGHT)
            return f"{self.own}; {number} of {len(properties)} properties hold"
        if self.another:
            layer = CELLS[self.cell].layer_title
            return f"right, as {self.another}, which is not {layer}"
        if self.is_empty:
            name, *others = (result.name for result in self.stages)
            unwritten = f"nothing is written yet: begin with {name}"
            return self.failed or (unwritten if others else f"{name} is not written yet")
        score = f"{self.score:g} of {len(self.stages)} {self.unit} are right"
        first = self.stages[0].diagnosis if self.stages else None
        return f"another cell, {first.another}; {score}" if first and first.another else score

    @property
    def summary(self) -> str:
        """The score, and the first failure beside it."""
        more = [line for line in self.failures[:1] if line != self.score_in_words]
        return "; ".join([self.score_in_words, *more])

    @property
    def summary_below(self) -> str:
        """The summary below the table of stages, which names some of the failures."""
        reported = [describe_problem(result) for result in self.stages]
        return self.score_in_words if self.failed and self.failed in reported else self.summary

    def hide_equations(self) -> None:
        """Leave out the equations, and the lines of the plain version: exercises ask for them."""
        for result in self.stages:
            result.item = replace(result.item, equation="")
            result.diagnosis = result.diagnosis and replace(result.diagnosis, lines=())

    def describe(self) -> str:
        """Return the summary, and what the terminal shows below the table, as one text."""
        stages = [stage for stage in self.stages if stage.verdict != Verdict.RIGHT]
        return "\n\n".join([self.summary, *map(_explain, stages), *self.failures[1:]])

    def describe_in_lines(self) -> str:
        """Return the summary, and a line for each stage that is not right, for an exception."""
        lines = [self.summary]
        for stage in self.stages:
            if stage.verdict != Verdict.RIGHT:
                case = f" on {stage.case.description}" if stage.case else ""
                lines.append(f"{stage.name}{case}: {summarize(stage) or stage.verdict}")
                lines += [f"Likely mistake: {stage.likely}"] if stage.likely else []
        return "\n".join([*lines, *self.failures[1:]])

    def to_json(self) -> JsonObject:
        """Return the report as plain JSON values."""
        return {
            "form": self.form,
            "cell": self.cell,
            "ok": self.ok,
            "score": self.score,
            "out_of": float(len(self.stages)),
            "seed": self.seed,
            "sizes": self.sizes,
            "stages": [_write_stage(result) for result in self.stages],
            "features": [result.to_json() for result in self.features],
            "properties": [result.to_json() for result in self.properties],
            "error_handling": [result.to_json() for result in self.error_handling],
            "kernels": [result.to_json() for result in self.kernels],
            "notes": self.notes,
        }

    def to_gradescope(self) -> JsonObject:
        """Return the report as the results.json of Gradescope's autograder."""
        tests: list[JsonObject] = [
            {
                "name": stage.name,
                "number": str(k),
                "score": float(stage.verdict == Verdict.RIGHT),
                "max_score": 1.0,
                "status": "passed" if stage.verdict == Verdict.RIGHT else "failed",
                "output": _explain(stage) or stage.verdict.value,
            }
            for k, stage in enumerate(self.stages, start=1)
        ]
        return {
            "score": self.score,
            "output": f"rnn-parity check: {self.score:g} of {len(self.stages)}",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": tests,
        }


def _explain(stage: ItemResult) -> str:
    return "\n".join(line.plain for line in explain(stage))


def _write_stage(result: ItemResult) -> JsonObject:
    right, wrong = result.verdict == Verdict.RIGHT, result.wrong
    expected: object = result.expected or None
    got: object = result.got or None
    at = None if wrong is None else find_first_entry(wrong)
    if wrong is not None and at is not None:
        expected, got = _convert_number(wrong.expected[at]), _convert_number(wrong.got[at])
    elif wrong is not None:
        expected, got = describe_shapes(wrong)
    return {
        "name": result.name,
        "verdict": result.verdict.value,
        "points": float(right),
        "out_of": 1.0,
        "cases": result.cases,
        "case": result.case.description if result.case and not right else None,
        "tensor": wrong.tensor if wrong is not None else None,
        "at": None if at is None else list(at),
        "expected": expected,
        "got": got,
        "likely": result.likely or None,
    } | ({"where": result.where} if result.where else {})


def _convert_number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))  # JSON has no NaN
