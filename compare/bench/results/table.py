"""Print the results of a benchmark: one table per shape, or one line per shape if many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from compare.bench.results.result import (
    LEFT_OUT,
    REFUSED,
    TIMED,
    Document,
    Timing,
    interquartile_range,
)
from compare.bench.workload.shapes import Shape
from compare.terminal import Terminal, plain_table, plural

SCRATCH, REFERENCE = "scratch", "torch"

FEW = 4
"""Up to this number of shapes, each shape has its own table."""


def show(document: Document, terminal: Terminal) -> None:
    """Print everything."""
    roof = document.roof
    terminal.line()
    terminal.line(
        "Roof: matrix products "
        + ", ".join(f"{rate / 1e9:,.0f} GFLOP/s ({whose})" for whose, rate in roof.products.items())
        + f"; copying {roof.copying / 1e9:.1f} GB/s. Shares are relative to the faster products"
    )
    if len(document.reference_product) > 1:
        terminal.line(_clock_line(document.reference_product))
    terminal.line()
    if len(document.shapes) <= FEW:
        for shape in document.shapes:
            terminal.line(shape.describe(), "bold")
            terminal.console.print(_table_of_shape(document, shape))
    else:
        terminal.line(f"cell {document.shapes[0].cell}", "bold")
        terminal.console.print(_table_of_shapes(document))
    for line in (
        *_errors(document),
        *_reasons(document),
        *_slower(document),
        *_parts(document),
        *_memory(document),
    ):
        terminal.line(line)


def _clock_line(seconds: list[float]) -> str:
    middle = sorted(seconds)[len(seconds) // 2]
    noise = interquartile_range(seconds) / middle
    return (
        f"Noise: one fixed product, timed in each of {len(seconds)} rounds, has a median of "
        f"{duration(middle)} and an interquartile range of {noise:.1%} of the median"
    )


def _table_of_shape(document: Document, shape: Shape) -> Table:
    table = plain_table()
    table.add_column("")
    titles = ("median", "IQR", "ratio to\nPyTorch", "error to\nfloat64", "share\nof roof")
    for title in (*titles, "first call"):
        table.add_column(title, justify="right")
    for phase in document.phases(shape.name):
        table.add_row(Text(_phase_title(phase), "bold"))
        for row in document.rows:
            timing = document.find(row.name, shape.name, phase)
            if timing is not None:
                name = Text(f"  {row.label}", "bold" if row.name == SCRATCH else "")
                table.add_row(name, *_cells(document, timing, compiles=row.compiles))
    return table


def _phase_title(phase: str) -> str:
    return "generation, per character" if phase == "generation" else phase


def _cells(document: Document, timing: Timing, *, compiles: bool) -> list[str | Text]:
    first_call = duration(timing.first_call) if compiles and timing.first_call is not None else ""
    if timing.outcome != TIMED:
        style = "bold red" if timing.outcome == REFUSED else "dim"
        return [Text(timing.outcome, style), "", "", "", "", first_call]
    ratio = document.ratio(timing, REFERENCE)
    return [
        duration(timing.median),
        duration(timing.spread),
        "" if ratio is None else f"{ratio:.2f}",
        "" if timing.error is None else f"{timing.error:.1e}",
        f"{timing.flops / timing.median / document.roof.rate:.0%}",
        first_call,
    ]


def _table_of_shapes(document: Document) -> Table:
    """Make a line for each phase of each shape: PyTorch's time, and the ratios of other rows."""
    table = plain_table()
    for size in ("T", "B", "V", "H"):
        table.add_column(size, justify="right")
    table.add_column("phase")
    labels = {row.name: row.label for row in document.rows}
    if REFERENCE in labels:
        table.add_column(labels[REFERENCE], justify="right")
    others = [row.name for row in document.rows if row.name != REFERENCE]
    for name in others:
        table.add_column(f"{name} /" if REFERENCE in labels else name, justify="right")
    table.add_column("scratch, share of roof" if SCRATCH in labels else "", justify="right")
    table.add_column("error /" if SCRATCH in labels else "", justify="right")
    for shape in document.shapes:
        for phase in document.phases(shape.name):
            timings = {name: document.find(name, shape.name, phase) for name in labels}
            if all(t is None or t.outcome == LEFT_OUT for t in timings.values()):
                continue  # the reason is printed below the table
            cells = [_short(timings[REFERENCE])] if REFERENCE in labels else []
            cells += [_ratio_cell(document, timings[name]) for name in others]
            scratch = timings.get(SCRATCH)
            share = (
                f"{scratch.flops / scratch.median / document.roof.rate:.0%}"
                if scratch is not None and scratch.outcome == TIMED
                else ""
            )
            sizes = (str(size) for size in (shape.T, shape.B, shape.V, shape.H))
            table.add_row(*sizes, phase, *cells, share, _error_cell(timings))
    return table


def _short(timing: Timing | None) -> str | Text:
    if timing is None:
        return ""
    if timing.outcome != TIMED:
        return Text(timing.outcome, "bold red" if timing.outcome == REFUSED else "dim")
    return duration(timing.median)


def _ratio_cell(document: Document, timing: Timing | None) -> str | Text:
    ratio = None if timing is None else document.ratio(timing, REFERENCE)
    if timing is None or ratio is None:
        return _short(timing)
    faster = document.ratio_range(timing, REFERENCE)[1] < 1
    return Text(f"{ratio:.2f}", "green" if faster else "")


def _error_cell(timings: Mapping[str, Timing | None]) -> str:
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
            kind = timing.reason.partition(":")[0] if len(document.shapes) > FEW else timing.reason
            kind = timing.reason if timing.outcome == REFUSED else kind
            places[timing.row, timing.outcome, kind].append(timing)
    lines = []
    for (row, outcome, reason), timings in places.items():
        first = timings[0]
        times = "" if len(timings) == 1 else f"{len(timings)} times, first at "
        where = f"{times}{first.shape}, {first.phase}"
        lines.append(f"{labels[row]}: {outcome}: {reason} ({where})")
    return lines


def _errors(document: Document) -> list[str]:
    """Return what the error of a row is, if any row has one."""
    if all(timing.error is None for timing in document.timings):
        return []
    return [
        "Error: root mean square of the difference from float64, divided by that of the values; "
        "the largest of all results of the phase"
    ]


def _slower(document: Document) -> list[str]:
    """Return where scratch took longer than PyTorch, and where noise hides which one did."""
    ratios = [
        (ratio, *document.ratio_range(timing, REFERENCE), f"{timing.shape} {timing.phase}")
        for timing in document.timings
        if timing.row == SCRATCH and (ratio := document.ratio(timing, REFERENCE)) is not None
    ]
    if ratios and all(high < 1 for _, _, high, _ in ratios):
        return [f"scratch is faster than PyTorch CPU in all {plural(len(ratios), 'comparison')}"]
    verdicts = {
        "scratch is slower than PyTorch CPU": [r for r in ratios if r[1] > 1],
        "scratch and PyTorch CPU cannot be told apart (their quartiles overlap)": [
            r for r in ratios if r[1] <= 1 <= r[2]
        ],
    }
    return [
        f"{verdict} in {len(found)} of {len(ratios)}: "
        + ", ".join(f"{where} {r:.2f}" for r, _, _, where in sorted(found, reverse=True)[:20])
        for verdict, found in verdicts.items()
        if found
    ]


def _parts(document: Document) -> list[str]:
    if document.parts_of is None:
        return []
    total = sum(part.seconds for part in document.parts)
    parts = ", ".join(
        f"{part.name} {part.seconds / total:.0%}"
        for part in sorted(document.parts, key=lambda part: -part.seconds)
    )
    return [
        f"Parts of scratch's step at {document.parts_of.name}, on one thread "
        f"({duration(total)}): {parts}"
    ]


def _memory(document: Document) -> list[str]:
    labels = {row.name: row.label for row in document.rows} | {
        SCRATCH: "scratch",
        REFERENCE: "PyTorch CPU",
    }
    lines = []
    for memory in document.memory:
        held = (
            f"refused: {memory.reason}"
            if memory.bytes is None
            else f"{memory.bytes / 2**20:,.0f} MiB"
        )
        lines.append(
            f"Peak memory of a step at {memory.shape.describe()}, minus the memory before the "
            f"step: {labels[memory.row]} {held}"
        )
    return lines


def duration(seconds: float) -> str:
    """Return a time as text with three digits and its unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= factor:
            value = seconds / factor
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


__all__: Sequence[str] = ("duration", "show")
