"""The picture of a benchmark, drawn from its JSON file only: ``NAME-time.png``.

It shows time against H, or T and B, if at least three sizes of one were measured.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import cycle
from operator import attrgetter
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from compare.bench.results.result import Document, RowInfo, Timing, duration
from compare.bench.workload.shapes import BACKWARD, FORWARD, GENERATION, STEP, TIMED, Shape
from compare.terminal import plural

INK, FAINT, GRID = "#222222", "#8a8a8a", "#e6e6e6"

COLOURS = ("#1f3f77", "#e69f00", "#1b7837", "#b3123f", "#56b4e9", "#6a3d9a", "#8a8a8a", "#543005")
MARKERS = "os^DPv*Xhd>"
"""Colours of the rows in their order; after the last one they begin again."""

Column = tuple[int, Mapping[str, Timing]]  # a size, and the times of all rows at this size

AXIS = {"H": "H, hidden units", "T": "T, steps", "B": "B, sequences in a batch"}

MOST_PANELS = 6
WHOLE = (STEP, BACKWARD, FORWARD, GENERATION)
"""A picture shows the first of these phases that was measured."""


def draw(document: Document, path: Path) -> Path | None:
    """Draw the picture beside the JSON file and return its path; None if no size varies."""
    figure = draw_time_figure(document)
    if figure is None:
        return None
    figure.savefig(name_picture(path))
    return name_picture(path)


def name_picture(path: Path) -> Path:
    """Return the path of the picture that may be drawn beside a JSON file."""
    return path.with_name(f"{path.stem}-time.png")


def draw_time_figure(document: Document) -> Figure | None:
    """Draw times against each size that varies; None if no size varies."""
    timed = {timing.shape for timing in document.timings if timing.outcome == TIMED}
    panels = group_shapes([shape for shape in document.shapes if shape.name in timed])
    if not panels:
        return None
    by_shape = document.group_by_shape()
    width = min(3, len(panels))
    height = math.ceil(len(panels) / width)
    title = f"{document.shapes[0].cell}: time on {_where(document)}"
    figure = _figure(4.4 * width, 3.7 * height + 1.0, title)
    grid = list(figure.subplots(height, width, squeeze=False).flat)
    for axes, (size, shapes) in zip(grid, panels, strict=False):
        names = {shape.name for shape in shapes}
        measured = {t.phase for t in document.timings if t.outcome == TIMED and t.shape in names}
        phase = next((phase for phase in WHOLE if phase in measured), "")
        columns = [(int(getattr(s, size)), by_shape[s.name].get(phase, {})) for s in shapes]
        _draw_times(axes, document.rows, columns)
        fixed = ", ".join(f"{name} {getattr(shapes[0], name)}" for name in "TBVH" if name != size)
        axes.set_title(f"{phase}: {fixed}", loc="left", fontsize=10, color=INK)
        axes.set_xlabel(AXIS[size], color=INK)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    lines: dict[object, Artist] = {}  # one of each label
    for axes in grid:
        lines |= {line.get_label(): line for line in axes.get_legend_handles_labels()[0]}
    order = [lines[row.label] for row in document.rows if row.label in lines]
    figure.legend(handles=order, loc="outside lower center", ncols=3, frameon=False)
    return figure


def group_shapes(shapes: Sequence[Shape]) -> list[tuple[str, list[Shape]]]:
    """Group the shapes: the shapes of a group differ in one size only; at least three shapes.

    If there are more groups than panels, only the groups with the largest V are kept.
    """
    panels = []
    for size in ("H", "T", "B"):
        groups: dict[tuple[object, ...], list[Shape]] = defaultdict(list)
        others = attrgetter(*(f.name for f in fields(Shape) if f.name not in ("name", size)))
        for shape in sorted(shapes, key=attrgetter(size)):
            groups[others(shape)].append(shape)
        large_groups = [
            group for group in groups.values() if len({getattr(s, size) for s in group}) >= 3
        ]
        if len(large_groups) > MOST_PANELS:
            largest = max(group[0].V for group in large_groups)
            large_groups = [group for group in large_groups if largest == group[0].V]
        panels += [(size, group) for group in large_groups[:MOST_PANELS]]
        if panels and size == "H" and len(panels) > 1:
            break  # a whole grid: the picture shows H only
    return panels


def _draw_times(axes: Axes, rows: Sequence[RowInfo], columns: Sequence[Column]) -> None:
    for row, color, marker in zip(rows, cycle(COLOURS), cycle(MARKERS), strict=False):
        points = {size: t[row.name] for size, t in columns if row.name in t}
        points = {size: timing for size, timing in points.items() if timing.outcome == TIMED}
        if points:
            y = [timing.median for timing in points.values()]
            axes.plot(list(points), y, marker, ls="-", color=color, label=row.label, markersize=5)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    values = sorted({size for size, _ in columns})
    axes.set_xticks(values, [str(value) for value in values])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="x", rotation=45 if len(values) > 6 else 0)
    _dress(axes)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    axes.yaxis.set_minor_locator(NullLocator())


def _where(document: Document) -> str:
    threads = plural(document.settings["threads"], "thread")
    return f"{document.environment['processor']}, {threads}, {document.settings['dtype']}"


def _figure(width: float, height: float, title: str) -> Figure:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    figure.suptitle(title, x=0.012, ha="left", color=INK, fontsize=12, weight="bold")
    return figure


def _dress(axes: Axes) -> None:
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
