"""Print the results of a benchmark: one table per shape, or one line per shape if many."""

from collections import defaultdict
from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from compare.bench.results.result import (
    Document,
    RowInfo,
    Timing,
    divide_times,
    duration,
    quartiles,
)
from compare.bench.rows.target_row import find_targets
from compare.bench.workload.shapes import (
    GENERATION,
    LEFT_OUT,
    REFERENCE,
    REFUSED,
    SCRATCH,
    SIZES,
    TIMED,
)
from compare.terminal import Terminal, plain_table, plural

FEW = 4  # up to this number of shapes, each shape has its own table

ERROR = (
    "Error: root mean square (RMS) of the difference from float64, divided by the RMS of the "
    "values; the largest over all results of the phase"
)

Timings = Mapping[str, Timing]  # of one phase of one shape, by row


def show(document: Document, terminal: Terminal) -> None:
    """Print everything."""
    by_shape = document.group_by_shape()
    terminal.line()
    if len(document.reference_product) > 1:
        terminal.line(_noise_line(document.reference_product))
    terminal.line()
    if len(document.shapes) <= FEW:
        for shape in document.shapes:
            terminal.line(shape.describe(), "bold")
            terminal.console.print(_table_of_shape(document, by_shape[shape.name]))
    else:
        terminal.line(f"cell {document.shapes[0].cell}", "bold")
        terminal.console.print(_table_of_shapes(document, by_shape))
    if any(timing.error is not None for timing in document.timings):
        terminal.line(ERROR)
    lines = document.list_left_out() + _reasons(document) + _describe_load(document)
    for row in (SCRATCH, *find_targets([row.name for row in document.rows])):
        lines += _list_slower(by_shape, row)
    for line in lines:
        terminal.line(line)


def _noise_line(seconds: list[float]) -> str:
    middle = sorted(seconds)[len(seconds) // 2]
    lower, upper = quartiles(seconds)
    noise = (upper - lower) / middle
    return (
        f"Noise: one fixed product, timed in each of {len(seconds)} rounds, has a median of "
        f"{duration(middle)} and an interquartile range of {noise:.1%} of the median"
    )


def _table_of_shape(document: Document, phases: Mapping[str, Timings]) -> Table:
    titles = ("median", "IQR", "ratio to\nPyTorch", "error to\nfloat64")
    table = plain_table(("", *titles, "first call"), left=("",))
    for phase, timings in phases.items():
        title = "generation, per character" if phase == GENERATION else phase
        table.add_row(Text(title, "bold"))
        for row in document.rows:
            if row.name in timings:
                name = Text(f"  {row.label}", "bold" if row.name == SCRATCH else "")
                table.add_row(name, *_cells(row, timings))
    return table


def _cells(row: RowInfo, timings: Timings) -> list[str | Text]:
    timing = timings[row.name]
    compiled = row.compiles and timing.first_call is not None
    first_call = duration(timing.first_call or 0.0) if compiled else ""
    if timing.outcome != TIMED:
        return [_short(timing), "", "", "", first_call]
    ratio = divide_times(timing, timings.get(REFERENCE))
    return [
        duration(timing.median),
        duration(timing.spread),
        "" if ratio is None else f"{ratio.value:.2f}",
        "" if timing.error is None else f"{timing.error:.1e}",
        first_call,
    ]


def _table_of_shapes(document: Document, by_shape: Mapping[str, Mapping[str, Timings]]) -> Table:
    """Return a line for each phase of each shape: PyTorch's time, and the ratios of other rows."""
    labels = {row.name: row.label for row in document.rows}
    others = [row.name for row in document.rows if row.name != REFERENCE]
    titles = [*SIZES, "phase"]
    titles += [labels[REFERENCE]] if REFERENCE in labels else []
    titles += [f"{name} /" if REFERENCE in labels else name for name in others]
    titles += ["error /"] * (SCRATCH in labels)
    table = plain_table(titles, left=("phase",))
    for shape in document.shapes:
        for phase, timings in by_shape[shape.name].items():
            if all(timing.outcome == LEFT_OUT for timing in timings.values()):
                continue  # the reason is printed below the table
            cells = [_short(timings.get(REFERENCE))] if REFERENCE in labels else []
            cells += [_ratio_cell(timings, name) for name in others]
            error = [_error_cell(timings)] * (SCRATCH in labels)
            sizes = (str(getattr(shape, size)) for size in SIZES)
            table.add_row(*sizes, phase, *cells, *error)
    return table


def _short(timing: Timing | None) -> str | Text:
    if timing is None:
        return ""
    if timing.outcome != TIMED:
        return Text(timing.outcome, "bold red" if timing.outcome == REFUSED else "dim")
    return duration(timing.median)


def _ratio_cell(timings: Timings, row: str) -> str | Text:
    ratio = divide_times(timings.get(row), timings.get(REFERENCE))
    if ratio is None:
        return _short(timings.get(row))
    return Text(f"{ratio.value:.2f}", "green" if ratio.high < 1 else "")


def _error_cell(timings: Timings) -> str:
    """Return scratch's error divided by PyTorch's, if both are known."""
    scratch, torch = timings.get(SCRATCH), timings.get(REFERENCE)
    if scratch is None or torch is None or not scratch.error or not torch.error:
        return ""
    return f"{scratch.error / torch.error:.2f}"


def _reasons(document: Document) -> list[str]:
    """Return why numbers are missing; equal reasons are printed once, with their number."""
    labels = {row.name: row.label for row in document.rows}
    places: dict[tuple[str, str, str], list[Timing]] = defaultdict(list)
    for timing in document.timings:
        if timing.outcome != TIMED:
            is_short = timing.outcome != REFUSED and len(document.shapes) > FEW
            kind = timing.reason.partition(":")[0] if is_short else timing.reason
            places[timing.row, timing.outcome, kind].append(timing)
    lines = []
    for (row, outcome, reason), timings in places.items():
        first = timings[0]
        times = "" if len(timings) == 1 else f"{len(timings)} times, first at "
        where = f"{times}{first.shape}, {first.phase}"
        lines.append(f"{labels[row]}: {outcome}: {reason} ({where})")
    return lines


def _describe_load(document: Document) -> list[str]:
    """Return a line on the times that only a busy machine can explain."""
    timed = [timing for timing in document.timings if timing.outcome == TIMED]
    varying = [timing for timing in timed if timing.spread > timing.median]
    if not varying:
        return []
    count = f"{len(varying)} of {len(timed)} times have an IQR above their median"
    line = f"The machine is too busy for these numbers: {count}"
    return [f"{line}. Measure again when nothing else runs"]


def _list_slower(by_shape: Mapping[str, Mapping[str, Timings]], row: str) -> list[str]:
    """Return where a row is slower than PyTorch, and where noise hides the difference."""
    ratios = [
        (ratio, f"{shape} {phase} {ratio.value:.2f}")
        for shape, phases in by_shape.items()
        for phase, timings in phases.items()
        if (ratio := divide_times(timings.get(row), timings.get(REFERENCE))) is not None
    ]
    if ratios and all(ratio.high < 1 for ratio, _ in ratios):
        return [f"{row} is faster than PyTorch CPU in all {plural(len(ratios), 'comparison')}"]
    ratios.sort(key=lambda pair: pair[0].value, reverse=True)
    slower = [place for r, place in ratios if r.low > 1]
    equal = [place for r, place in ratios if r.low <= 1 <= r.high]
    return [
        f"{row} is {description} in {len(places)} of {len(ratios)}: {', '.join(places[:20])}"
        for description, places in (
            ("slower than PyTorch CPU", slower),
            ("about as fast as PyTorch CPU (their quartiles overlap)", equal),
        )
        if places
    ]
