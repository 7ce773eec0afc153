"""The results of a benchmark, as they are stored in the JSON file: all that is shown is from it."""

import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Self

from compare import files
from compare.bench.workload.shapes import LEFT_OUT, NOT_MEASURED, REFUSED, TIMED, Shape
from compare.files import JsonObject
from compare.implementations import CELLS
from compare.terminal import Range

SCHEMA = 5  # version of the file format
DIGITS = 4  # significant digits of the numbers in the file

MOST_BYTES = 2**24

SECONDS = Range(1e-12, 1e9, "between 1e-12 and 1e+09 seconds")
Seconds = Annotated[float, SECONDS]


@dataclass(frozen=True, slots=True)
class Timing:
    """One row in one phase of one shape: its times, or the reason why there are none."""

    row: str  # name of the row
    shape: str  # name of the shape
    phase: str
    outcome: str  # TIMED, REFUSED or LEFT_OUT
    flops: Annotated[int, files.NUMBERED]  # operations per call; in generation per character
    reason: str = ""
    seconds: list[Seconds] = field(default_factory=list)  # per call or character, for each round
    first_call: Annotated[float | None, SECONDS] = None  # seconds, including compilation
    errors: dict[str, Annotated[float, files.NOT_NEGATIVE]] = field(default_factory=dict)
    # relative RMS error of each result against float64; empty where that is not known

    @property
    def error(self) -> float | None:
        """The largest of the errors; None if they are not known."""
        return max(self.errors.values(), default=None)

    @property
    def median(self) -> float:
        """The median of the rounds' times."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range of the rounds' times."""
        lower, upper = quartiles(self.seconds)
        return upper - lower


@dataclass(frozen=True, slots=True)
class RowInfo:
    """The name and label of a row, and whether its first call compiles."""

    name: str
    label: str
    compiles: bool


@dataclass(slots=True)
class Document:
    """All results of one benchmark."""

    time: str
    settings: JsonObject
    environment: JsonObject
    notes: list[str]
    rows: list[RowInfo]
    shapes: list[Shape] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    reference_product: list[Seconds] = field(default_factory=list)  # seconds in each round
    finished: bool = False
    schema: int = SCHEMA

    def find(self, row: str, shape: str, phase: str) -> Timing | None:
        """Return the result of a row in a phase of a shape."""
        wanted = row, shape, phase
        return next((t for t in self.timings if (t.row, t.shape, t.phase) == wanted), None)

    def group_by_shape(self) -> dict[str, dict[str, dict[str, Timing]]]:
        """Return all results by shape, phase and row, in the order of the measurement."""
        timings_by_shape: dict[str, dict[str, dict[str, Timing]]] = {
            shape.name: {} for shape in self.shapes
        }
        for timing in self.timings:
            timings_by_shape[timing.shape].setdefault(timing.phase, {})[timing.row] = timing
        return timings_by_shape

    def ratio(self, timing: Timing, reference: str) -> float | None:
        """Return a row's time divided by the reference's time, if both were timed."""
        ratio = divide_times(timing, self.find(reference, timing.shape, timing.phase))
        return None if ratio is None else ratio.value

    @property
    def named_rows(self) -> list[str]:
        """The rows that ``--rows`` names; empty if all that are available were measured."""
        rows = self.settings.get("rows")
        return [row for row in rows if isinstance(row, str)] if isinstance(rows, list) else []

    def list_left_out(self) -> list[str]:
        """Return the notes on the rows that ``--rows`` names and that are not in the table."""
        return [note for note in self.notes if self.named_rows and NOT_MEASURED in note]

    def write(self, path: Path) -> None:
        """Write the file atomically, a timing a line; create its directory if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = files.to_lines(round_numbers(asdict(self))) + "\n"
        files.write_output(path, content.encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of `write`; a RecordError says why it cannot be read."""
        try:
            values = files.read_json(path, MOST_BYTES)
            if isinstance(values, dict) and values.get("schema") != SCHEMA:
                raise files.SchemaError(f"schema {SCHEMA}", files.excerpt(values.get("schema")))
            document: Self = files.read(cls, values, "a benchmark")
        except files.SchemaError as error:
            raise files.RecordError(f"expected a benchmark in {path}: {error}") from None
        if problem := document.contradiction():
            raise files.RecordError(f"expected a benchmark in {path}, got {problem}")
        return document

    @staticmethod
    def is_stored(path: Path) -> bool:
        """Return whether a file is a benchmark, of this version or another one."""
        return files.has_keys(path, "reference_product", "rows", "timings")

    def contradiction(self) -> str:
        """Return why tables and pictures cannot be made from this file; empty if they can."""
        rows, shapes = {row.name for row in self.rows}, {shape.name for shape in self.shapes}
        for timing in self.timings:
            if timing.row not in rows or timing.shape not in shapes:
                return f"the times of a row or a shape that is not listed: {timing.row}"
            known = timing.outcome in (TIMED, REFUSED, LEFT_OUT)
            if not known or (timing.outcome == TIMED) != bool(timing.seconds):
                return f"a row that is {timing.outcome}, with {len(timing.seconds)} times"
        threads, dtype = self.settings.get("threads"), self.settings.get("dtype")
        if type(threads) is not int or threads < 1 or not isinstance(dtype, str):
            return "settings without threads and dtype"
        if not isinstance(self.environment.get("processor"), str):
            return "no processor"
        unknown = [shape.cell for shape in self.shapes if shape.cell not in CELLS]
        return f"a cell that is not one of {', '.join(CELLS)}: {unknown[0]}" if unknown else ""


def round_numbers(value: object, digits: int = DIGITS) -> object:
    """Return JSON values with each float rounded to this number of significant digits."""
    match value:
        case float():
            return float(f"{value:.{digits}g}")
        case list():
            return [round_numbers(item, digits) for item in value]
        case dict():
            return {key: round_numbers(item, digits) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Ratio:
    """A row's time divided by another row's time."""

    value: float  # of the medians
    low: float  # from quartile to quartile of both times, the widest way
    high: float


def divide_times(timing: Timing | None, reference: Timing | None) -> Ratio | None:
    """Return the ratio of two times, or None if one of them is missing."""
    if timing is None or reference is None or {timing.outcome, reference.outcome} != {TIMED}:
        return None
    (low, high), (least, most) = quartiles(timing.seconds), quartiles(reference.seconds)
    return Ratio(timing.median / reference.median, low / most, high / least)


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile; twice the value if there is one alone."""
    if len(values) < 2:
        return values[0], values[0]
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, upper


def duration(seconds: float) -> str:
    """Return a time as text with three digits and its unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * factor:
            value = seconds / factor
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns" if seconds else "0"
