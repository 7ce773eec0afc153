"""The folder of `grade DIR --report REPORT`: what it has, and how it goes on where it stopped.

class.html           what the class missed
grades.csv           a line for each submission, in order of name
students/NAME.html   the page of --explain of each
class.json           all results; with the same settings, a submission that has not changed
is not checked again
"""

import csv
import dataclasses
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from compare.check import (
    STAGES,
    ItemResult,
    Report,
    choose_stage,
    is_explanation,
    list_parts,
    write_json,
    write_page,
)
from compare.classroom.class_page import is_class_page, list_remarks, write_class_page
from compare.classroom.config import GradeConfig
from compare.classroom.older_results import StoredClass, read_results
from compare.classroom.submissions import Submissions
from compare.files import JsonObject, Output, has_keys, open_input, write_output
from compare.implementations import CELLS, CallFailed
from compare.terminal import package_version

RESULTS, GRADES, PAGE = "class.json", "grades.csv", "class.html"
MOST_BYTES = 2**28  # of the results of a class, and of a submission that is hashed
RENAME = "; rename it, or choose another folder"
IDLE = ("report", "target", "json", "jobs")
"""Options that do not change a verdict."""

FORMULA = ("=", "+", "-", "@", "\t")
"""A cell of a table that begins so would be computed by a spreadsheet."""


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file; empty if it cannot be read, or is larger."""
    try:
        with open_input(path, MOST_BYTES) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def name_page(report: Path, name: str) -> Path:
    """Return the path of a submission's page."""
    return report / "students" / f"{name}.html"


class ClassReport:
    """The report on the submissions of a class."""

    def __init__(self, config: GradeConfig, folder: Path, submissions: Submissions) -> None:
        self.config, self.folder, self.files = config, folder, submissions.files
        self.note = submissions.note
        is_older = has_keys(folder / RESULTS, "settings", "files")
        self.older = read_results(folder / RESULTS, MOST_BYTES) if is_older else StoredClass({}, [])
        self.grades = self.older.grades

    def list_outputs(self) -> list[Output]:
        """Return all files of the report, each with what recognizes an older one."""
        recognize: dict[Path, Callable[[Path], bool]] = {
            self.folder / RESULTS: lambda _: bool(self.older.settings),
            self.folder / GRADES: lambda path: hash_file(path) in self.grades,
            self.folder / PAGE: is_class_page,
        }
        recognize |= {name_page(self.folder, name): is_explanation for name in self.files}
        return [
            Output("--report", path, "an older report", is_older, RENAME, makes_folder=True)
            for path, is_older in recognize.items()
        ]

    def begin(self) -> list[JsonObject]:
        """Make the folders, and return the results of an older report that still hold."""
        for name in self.files:
            name_page(self.folder, name).parent.mkdir(parents=True, exist_ok=True)
        is_same = self.older.settings == self.settings
        return [row for row in self.older.files if self._holds(row)] if is_same else []

    @property
    def settings(self) -> dict[str, str]:
        """The other things that the verdicts depend on, beside the submissions."""
        fields = dataclasses.asdict(self.config)
        options = {name: str(value) for name, value in fields.items() if name not in IDLE}
        return options | {"class": self.config.submissions.name, "version": package_version()}

    def _holds(self, row: JsonObject) -> bool:
        path = self.files.get(row["file"])
        is_same = path is not None and row.get("sha256") == hash_file(path) != ""
        return is_same and name_page(self.folder, row["file"]).is_file()

    def write_rows(self, rows: Sequence[JsonObject]) -> None:
        """Write the results so far."""
        values = {"settings": self.settings, "files": [*rows], "grades": self.grades}
        write_json(self.folder / RESULTS, values)

    def write_all(self, rows: Sequence[JsonObject]) -> None:
        """Write the grades and the pages, those also whose check has ended without one."""
        ordered = sorted(rows, key=lambda row: row["file"])
        for row in ordered:
            if not row["stages"]:
                report = make_report(row, self.config)
                row |= report.to_json()
                write_page(report, name_page(self.folder, row["file"]), row["file"])
        grades = write_grades(ordered).encode("utf-8-sig")  # so that Excel reads it as UTF-8
        self.grades = [hashlib.sha256(grades).hexdigest(), hash_file(self.folder / GRADES)]
        self.write_rows(ordered)  # it knows the older grades, too, should it be killed here
        write_output(self.folder / GRADES, grades)
        write_class_page(self.folder / PAGE, ordered, self.config, self.note)


def make_report(row: JsonObject, config: GradeConfig) -> Report:
    """Return the report on a submission whose check has ended without one."""
    cell = config.cell or next(iter(CELLS))
    is_class = bool(config.submissions.name)
    items = list_parts(cell) if is_class else choose_stage(STAGES[cell], config.stage)
    failure = CallFailed("error", row["failed"])
    stages = [ItemResult.from_failure(item, failure) for item in items]
    form = "class" if is_class else "functions"
    return Report(row["file"], form, cell, config.seed, stages)


def write_grades(rows: Sequence[JsonObject]) -> str:
    """Return the grade book: a line for each submission, with the verdict on each function."""
    stages = dict.fromkeys(stage["name"] for row in rows for stage in row["stages"])
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["file", "score", "out of", *stages, "likely mistakes", "remarks"])
    for row in rows:
        verdicts = {stage["name"]: stage["verdict"] for stage in row["stages"]}
        likely = dict.fromkeys(stage["likely"] for stage in row["stages"] if stage["likely"])
        line = [row["file"], f"{row['score']:g}", f"{row['out_of']:g}"]
        line += [verdicts.get(name, "") for name in stages]
        line += ["; ".join(likely), "; ".join(list_remarks(row))]
        table.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in line])
    return text.getvalue()
