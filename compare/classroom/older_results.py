"""Read the results of an older report of a class, which may have been edited since."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

from compare.files import JsonObject, RecordError, SchemaError, read, read_json
from compare.terminal import Range

POINTS = Annotated[float, Range(0, 1000)]
SECONDS = Annotated[float, Range(0, 1e9)]


@dataclass(frozen=True, slots=True)
class StoredStage:
    """The result of a function or a part, as a report needs it."""

    name: str
    verdict: str
    got: object
    likely: str | None


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The results of a submission, as a report needs them."""

    file: str
    ok: bool
    score: POINTS
    out_of: POINTS
    stages: list[StoredStage]
    failures: list[str]
    failed: str
    notes: list[str]
    seconds: SECONDS = 0.0


@dataclass(frozen=True, slots=True)
class StoredClass:
    """The file of all results; each of `files` is checked as a `StoredRow`."""

    settings: dict[str, str]
    files: list[JsonObject]
    grades: list[str] = field(default_factory=list)
    """SHA-256 of the grade book, and of the one before."""


def read_results(path: Path, most: int) -> StoredClass:
    """Return the results in a file of at most so many bytes; RecordError if they are damaged."""
    try:
        results = read(StoredClass, read_json(path, most), "the results of a class")
        for row in results.files:
            _check_row(row)
    except SchemaError as error:
        advice = "remove it, and all files are checked again"
        raise RecordError(
            f"expected {error.expected} in {path}, got {error.got}; {advice}"
        ) from None
    return results


def _check_row(row: JsonObject) -> None:
    """Raise SchemaError if a report cannot be made of a row; what it does not need may be there."""
    needed = _select(StoredRow, row)
    stages = read(list[JsonObject], row.get("stages"), "stages of a submission")
    needed["stages"] = [_select(StoredStage, stage) for stage in stages]
    read(StoredRow, needed, "a submission")


def _select(kind: type, values: JsonObject) -> JsonObject:
    """Return the fields of a dataclass that an object of JSON has."""
    return {
        field_of_result.name: values[field_of_result.name]
        for field_of_result in fields(kind)
        if field_of_result.name in values
    }
